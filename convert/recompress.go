package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// RecompressOptions says what to recompress and how.
type RecompressOptions struct {
	Options
	// Compress is what layers are to be compressed with. A layer that is already
	// so is copied as it is, whatever its level. The zero value is for a target
	// alone: layers become gzip that it would not take otherwise.
	Compress codec.Setting
	// Signatures says what becomes of signatures of images that change; empty
	// means [SignaturesDrop]. Attestations and other referrers follow.
	Signatures SignaturePolicy

	keep []codec.Compression // that stay besides
}

// keeps reports that a layer stays as it is.
func (o RecompressOptions) keeps(c codec.Compression) bool {
	return c == o.Compress.Compression || slices.Contains(o.keep, c)
}

// settled gives the options with what the target asks for.
func (o RecompressOptions) settled() (RecompressOptions, error) {
	switch {
	case o.Compress != codec.Setting{}:
		return o, nil
	case o.For == nil:
		return o, fmt.Errorf("recompress: no compression is given: %w", archive.ErrUnsupported)
	}
	o.Compress, o.keep = codec.Setting{Compression: codec.Gzip}, o.For.Layers
	return o, nil
}

// RecompressPlan says which layers change their compression. It is made by
// [NewRecompress] and valid until the sources are closed.
type RecompressPlan struct {
	// Plan has its content after [RecompressPlan.Run].
	Plan *Plan
	// Layers are those that change, each once.
	Layers []archive.Layer
	// Images have at least one of them.
	Images []*archive.Node

	b     *builder
	opts  RecompressOptions
	from  []Source // of each of Images
	owner []Source // of each of Layers
}

// NewRecompress decides which layers change. It reads no layer, and fails as
// [NewPlan] does.
func NewRecompress(sources []Source, to ref.Ref, opts RecompressOptions) (*RecompressPlan, error) {
	opts, err := opts.settled()
	if err != nil {
		return nil, err
	}
	b, err := gather(sources, to, opts.Options)
	if err != nil {
		return nil, err
	}
	p := &RecompressPlan{Plan: b.plan, b: b, opts: opts}
	images, layers := map[digest.Digest]bool{}, map[digest.Digest]bool{}
	for _, r := range b.order {
		for _, n := range archive.Instances(r.image.Node) {
			if images[n.Descriptor.Digest] {
				continue
			}
			images[n.Descriptor.Digest] = true
			if err := p.plan(r, n, layers); err != nil {
				return nil, fmt.Errorf("recompress %s %s: %w", archive.FormatPlatform(n.Platform()), n.Descriptor.Digest, err)
			}
		}
	}
	p.noteTarget()
	return p, nil
}

// noteTarget tells what the target asks for that nobody else did.
func (p *RecompressPlan) noteTarget() {
	others := map[codec.Compression]int{}
	for _, l := range p.Layers {
		if p.opts.For != nil && !slices.Contains(p.opts.For.Layers, l.Compression) {
			others[l.Compression]++
		}
	}
	for _, c := range slices.Sorted(maps.Keys(others)) {
		p.b.note("layers in %s become %s, since %s does not take them: %d", c, p.opts.Compress.Compression, p.opts.For.Name, others[c])
	}
}

// plan decides for one image.
func (p *RecompressPlan) plan(r *root, n *archive.Node, planned map[digest.Digest]bool) error {
	whole, err := p.b.isWhole(r, n)
	if err != nil || !whole {
		return err
	}
	changes, known := p.becomesOCI(n), true
	for i, l := range n.Layers {
		encrypted := archive.IsEncrypted(l.Descriptor.MediaType)
		if p.opts.keeps(l.Compression) || encrypted && p.opts.keep != nil {
			known = known && l.DiffID != ""
			continue
		}
		if encrypted {
			return fmt.Errorf("layer %d is encrypted, and stays as it is: %w", i, archive.ErrUnsupported)
		}
		changes = true
		if !planned[l.Descriptor.Digest] {
			planned[l.Descriptor.Digest] = true
			p.Layers = append(p.Layers, l)
			p.owner = append(p.owner, r.from)
		}
	}
	if changes && !known {
		return fmt.Errorf("config names %d diffIDs for %d layers: %w", len(n.Config.RootFS.DiffIDs), len(n.Layers), archive.ErrMalformed)
	}
	if changes {
		p.Images = append(p.Images, n)
		p.from = append(p.from, r.from)
	}
	return nil
}

// becomesOCI reports an image whose media types the target does not take.
func (p *RecompressPlan) becomesOCI(n *archive.Node) bool {
	return p.opts.For != nil && p.opts.For.OCI && (archive.IsDocker(n.Descriptor.MediaType) || archive.IsDocker(n.Manifest.Config.MediaType))
}

// Size is the number of stored bytes of the layers that change.
func (p *RecompressPlan) Size() int64 {
	var total int64
	for _, l := range p.Layers {
		total += l.Descriptor.Size
	}
	return total
}

// Run recompresses the layers, several at once, checks the diffID of each, and
// then writes as [archive.Write] does. It fails with an [*archive.DigestError]
// where a tar is not what its config says. Each layer is read once; what is made
// of it lies in a temporary file until it is written. Memory: for each layer
// under way a decoder and what [codec.NewWriter] says: one layer for zstd, two for
// gzip, four for plain ones.
func (p *RecompressPlan) Run(ctx context.Context, opts RunOptions) (err error) {
	made := p.b.newWorkshop(opts.Stack.TempDir)
	defer func() { err = errors.Join(err, made.Close()) }()
	layers, err := p.recompress(ctx, made, opts)
	if err != nil {
		return err
	}
	for i, n := range p.Images {
		if err := checkDiffIDs(n, layers); err != nil {
			return fmt.Errorf("recompress %s: %w", n.Descriptor.Digest, err)
		}
		made.done[n.Descriptor.Digest] = p.rebuild(n, layers, made.over(p.from[i].Archive))
	}
	return p.b.writeMade(ctx, made, referrers{follow: true, signatures: p.opts.Signatures}, opts)
}

// layersAtOnce is how many layers are recompressed at once at most. Compressors
// spread one layer over several processors, and hold much memory for each: 256 MiB
// are to be enough for all, however many processors there are.
func layersAtOnce(c codec.Compression) int {
	switch c {
	case codec.Zstd:
		return 1
	case codec.Gzip:
		return 2
	}
	return 4
}

// recompress makes the new layers, by the digest of the old ones.
func (p *RecompressPlan) recompress(ctx context.Context, made *workshop, opts RunOptions) (map[digest.Digest]archive.Layer, error) {
	jobs := opts.Stack.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	results := make([]archive.Layer, len(p.Layers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(min(jobs, layersAtOnce(p.opts.Compress.Compression)))
	for i, l := range p.Layers {
		source := made.over(p.owner[i].Archive)
		group.Go(func() (err error) {
			results[i], err = p.recompressLayer(ctx, l, source, opts, jobs)
			if err != nil {
				return fmt.Errorf("recompress layer %s: %w", l.Descriptor.Digest, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	layers := map[digest.Digest]archive.Layer{}
	for i, l := range p.Layers {
		layers[l.Descriptor.Digest] = results[i]
	}
	return layers, nil
}

// recompressLayer gives another form of l, which the cache may have.
func (p *RecompressPlan) recompressLayer(ctx context.Context, l archive.Layer, source *archive.Made, opts RunOptions, jobs int) (archive.Layer, error) {
	if next, blob := opts.Cache.find(ctx, l.DiffID, p.opts.Compress); blob != nil {
		if opts.Stack.Progress != nil {
			opts.Stack.Progress(l.Descriptor.Size)
		}
		source.Adopt(next, blob)
		return next, nil
	}
	stackOptions := opts.Stack
	stackOptions.Verify = true
	stack := archive.StackOf(source, []archive.Layer{l}, stackOptions)
	next, err := source.Layer(ctx, p.opts.Compress, codec.WriterOptions{Concurrency: jobs}, func(w io.Writer) error { return stack.CopyTar(ctx, 0, w) })
	if err != nil {
		return next, err
	}
	if l.DiffID != "" && l.DiffID != next.DiffID {
		return next, fmt.Errorf("diffID: %w", &archive.DigestError{Want: l.DiffID, Got: next.DiffID})
	}
	opts.Cache.keep(ctx, next, p.opts.Compress, source)
	return next, nil
}

// checkDiffIDs compares what the config of n states with what its layers hold. That
// was done for the first image with a layer alone.
func checkDiffIDs(n *archive.Node, layers map[digest.Digest]archive.Layer) error {
	for i, l := range n.Layers {
		if next, ok := layers[l.Descriptor.Digest]; ok && l.DiffID != "" && l.DiffID != next.DiffID {
			return fmt.Errorf("layer %d: diffID: %w", i, &archive.DigestError{Want: l.DiffID, Got: next.DiffID})
		}
	}
	return nil
}

// rebuild gives an image with the new layers in the place of the old ones.
func (p *RecompressPlan) rebuild(n *archive.Node, layers map[digest.Digest]archive.Layer, source *archive.Made) *archive.Node {
	image := newRebuild(n)
	switch {
	case p.becomesOCI(n):
		image.mediaType = archive.OCIMediaType
		p.b.note("%s: its media types become OCI's", n.Descriptor.Digest)
	case image.fitMediaTypes(p.opts.Compress.Compression):
		p.b.note("%s: its media types become OCI's, since Docker's know no zstd layers", n.Descriptor.Digest)
	}
	for i, l := range n.Layers {
		next, ok := layers[l.Descriptor.Digest]
		if !ok {
			image.keepLayer(i)
			continue
		}
		image.replaceLayer(i, next)
	}
	return image.node(source)
}
