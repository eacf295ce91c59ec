package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
)

// FlattenOptions says what to flatten and how. The zero value merges all layers
// of every image and platform to one.
type FlattenOptions struct {
	Options
	// Last is how many layers to merge, the uppermost ones. Zero means all.
	Last int
	// From is the lowest layer to merge: its number, counted from 0, or its digest
	// or diffID, or twelve digits of one at least. Empty means all. Only one of
	// Last and From may be set.
	From string
	// History says what becomes of the history of what is merged.
	History HistoryPolicy
	// Compress is for the layers that are made. The zero value keeps what the
	// merged layers have, or is gzip where they differ.
	Compress codec.Setting
}

// FlattenPlan says which layers become one. It is made by [NewFlatten] and valid
// until the sources are closed.
type FlattenPlan struct {
	// Plan has its content after [FlattenPlan.Run].
	Plan   *Plan
	Merges []Merge

	b       *builder
	history HistoryPolicy
}

// Merge is what happens to one image.
type Merge struct {
	Image *archive.Node
	// Base is how many layers stay as they are, below those that are merged.
	Base     int
	Compress codec.Setting
	from     Source
}

// Size is the number of stored bytes of the layers that are merged.
func (m Merge) Size() int64 {
	var total int64
	for _, l := range m.Image.Layers[m.Base:] {
		total += l.Descriptor.Size
	}
	return total
}

// NewFlatten decides what to merge. It reads no layer. It fails as [NewPlan]
// does, and where an image has no layers as the options say.
func NewFlatten(sources []Source, to ref.Ref, opts FlattenOptions) (*FlattenPlan, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	b, err := gather(sources, to, opts.Options)
	if err != nil {
		return nil, err
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	p := &FlattenPlan{Plan: b.plan, b: b, history: opts.History}
	planned := map[digest.Digest]bool{}
	for _, r := range b.order {
		for _, n := range archive.Instances(r.image.Node) {
			if planned[n.Descriptor.Digest] {
				continue
			}
			planned[n.Descriptor.Digest] = true
			if err := p.plan(r, n, opts); err != nil {
				return nil, fmt.Errorf("flatten %s %s: %w", archive.FormatPlatform(n.Platform()), n.Descriptor.Digest, err)
			}
		}
	}
	return p, nil
}

func (o FlattenOptions) check() error {
	switch {
	case o.Last < 0:
		return fmt.Errorf("last %d: a number of layers is above 0: %w", o.Last, archive.ErrUnsupported)
	case o.Last > 0 && o.From != "":
		return fmt.Errorf("last %d and from %q both say what to merge: %w", o.Last, o.From, archive.ErrUnsupported)
	}
	return o.History.check()
}

// plan decides for one image.
func (p *FlattenPlan) plan(r *root, n *archive.Node, opts FlattenOptions) error {
	whole, err := p.b.isWhole(r, n)
	if err != nil || !whole {
		return err
	}
	base, err := opts.base(n)
	if err != nil {
		return err
	}
	if len(n.Layers)-base < 2 {
		p.b.note("%s %s stays as it is: %s", archive.FormatPlatform(n.Platform()), n.Descriptor.Digest, tooFew(len(n.Layers)))
		return nil
	}
	if diffIDs := len(n.Config.RootFS.DiffIDs); base > 0 && diffIDs != len(n.Layers) {
		return fmt.Errorf("config names %d diffIDs for %d layers: %w", diffIDs, len(n.Layers), archive.ErrMalformed)
	}
	if _, err := r.from.Stack(n, archive.StackOptions{}); err != nil {
		return err
	}
	p.Merges = append(p.Merges, Merge{Image: n, Base: base, Compress: opts.compression(n.Layers[base:]), from: r.from})
	return nil
}

// tooFew says why there is nothing to merge in an image of count layers.
func tooFew(count int) string {
	switch count {
	case 0:
		return "it has no layers"
	case 1:
		return "it has one layer"
	}
	return "one of its layers alone is chosen"
}

// base is how many layers of n stay.
func (o FlattenOptions) base(n *archive.Node) (int, error) {
	count := len(n.Layers)
	switch {
	case o.From != "":
		return findLayer(n.Layers, o.From)
	case o.Last > count:
		return 0, fmt.Errorf("no layer %d from the top: it has %d: %w", o.Last, count, archive.ErrNotFound)
	case o.Last > 0:
		return count - o.Last, nil
	}
	return 0, nil
}

// findLayer gives the number of the layer that s names.
func findLayer(layers []archive.Layer, s string) (int, error) {
	if number, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) < shortDigest {
		if number < 0 || number >= int64(len(layers)) {
			return 0, fmt.Errorf("no layer %d: it has %d, counted from 0: %w", number, len(layers), archive.ErrNotFound)
		}
		return int(number), nil
	}
	var found []int
	for i, l := range layers {
		if named(l.Descriptor.Digest, s) || named(l.DiffID, s) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 0 || len(strings.TrimPrefix(s, "sha256:")) < shortDigest:
		return 0, fmt.Errorf("no layer %q: name it by number, or by %d digits or more of its digest or diffID: %w", s, shortDigest, archive.ErrNotFound)
	case len(found) > 1:
		return 0, fmt.Errorf("layer %q is number %s: name it by number: %w", s, strings.Trim(fmt.Sprint(found), "[]"), archive.ErrUnsupported)
	}
	return found[0], nil
}

// named reports that s is d, or the beginning of d with or without its algorithm.
func named(d digest.Digest, s string) bool {
	return strings.HasPrefix(d.String(), s) || strings.HasPrefix(encoded(d), s)
}

// shortDigest is how many digits of a digest name a thing, as Docker prints them.
const shortDigest = 12

// encoded is the part of a digest behind its algorithm; a claim may have none.
func encoded(d digest.Digest) string {
	_, hex, _ := strings.Cut(d.String(), ":")
	return hex
}

// compression is what to compress the merge of layers with.
func (o FlattenOptions) compression(layers []archive.Layer) codec.Setting {
	if o.Compress != (codec.Setting{}) {
		return o.Compress
	}
	first := layers[0].Compression
	same := !slices.ContainsFunc(layers, func(l archive.Layer) bool { return l.Compression != first })
	if same && (first == codec.None || first == codec.Zstd) {
		return codec.Setting{Compression: first}
	}
	return codec.Setting{Compression: codec.Gzip}
}

// RunOptions says how to carry a plan out that makes layers. The zero value is
// good.
type RunOptions struct {
	archive.WriteOptions
	// Stack says how to read layers, and where temporary files go: as large as
	// the layers that are made, and what [layer.Stack.Export] says.
	Stack archive.StackOptions
	// Cache has the layers of earlier recompressions, or is nil.
	Cache *Cache
}

// Run makes the layers, proves for each image that its merged filesystem is the
// same as before by reading the new layer back, and then writes as
// [archive.Write] does. It fails with [layer.ErrDiffer], and writes nothing,
// where it is not. Each merged layer is read twice. Memory: three trees as
// [layer.Tree] says, and a compressor.
func (p *FlattenPlan) Run(ctx context.Context, opts RunOptions) (err error) {
	made := p.b.newWorkshop(opts.Stack.TempDir)
	defer func() { err = errors.Join(err, made.Close()) }()
	for _, m := range p.Merges {
		if err := p.merge(ctx, m, made, opts.Stack); err != nil {
			return fmt.Errorf("flatten %s: %w", m.Image.Descriptor.Digest, err)
		}
	}
	return p.b.writeMade(ctx, made, referrers{signatures: SignaturesDrop}, opts)
}

// merge makes the new layer of one image and the image around it.
func (p *FlattenPlan) merge(ctx context.Context, m Merge, made *workshop, opts archive.StackOptions) error {
	opts.Verify = true
	stack, err := m.from.Stack(m.Image, opts)
	if err != nil {
		return err
	}
	base, tree, err := stack.MergeBase(ctx, m.Base, layer.MergeOptions{Sums: true})
	if err != nil {
		return err
	}
	source := made.over(m.from.Archive)
	merged, err := source.Layer(ctx, m.Compress, codec.WriterOptions{Concurrency: opts.Jobs}, func(w io.Writer) error { return stack.WriteChanges(ctx, w, base, tree) })
	if err != nil {
		return err
	}
	opts.Verify = false // its digest was taken of what was written
	check := archive.StackOf(source, []archive.Layer{merged}, opts)
	again, err := check.MergeOnto(ctx, base, layer.MergeOptions{Sums: true})
	if err != nil {
		return fmt.Errorf("read the merged layer back: %w", err)
	}
	if err := layer.CheckEqual(tree, again); err != nil {
		return err
	}
	made.done[m.Image.Descriptor.Digest] = p.rebuild(m, merged, source)
	return nil
}

// rebuild gives the image with the merged layer.
func (p *FlattenPlan) rebuild(m Merge, merged archive.Layer, source *archive.Made) *archive.Node {
	image := newRebuild(m.Image)
	all := steps(m.Image.Config)
	if all == nil && len(m.Image.Config.History) > 0 && p.history != HistoryDrop {
		p.b.note("%s: its history does not tell of each layer and is left out", m.Image.Descriptor.Digest)
	}
	if image.fitMediaTypes(merged.Compression) {
		p.b.note("%s: its media types become OCI's, since Docker's know no zstd layers", m.Image.Descriptor.Digest)
	}
	for i := range m.Base {
		image.keepLayer(i)
	}
	image.addLayer(merged)
	image.setHistory(mergedHistory(all, m.Base, p.history))
	return image.node(source)
}
