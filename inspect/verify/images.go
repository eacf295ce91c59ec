package verify

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// checkImage looks at a root and everything below it.
func (v *verifier) checkImage(ctx context.Context, image *archive.Image) error {
	title, wanted := title(image), newFilter(image.Node, v.opts.Platforms)
	v.checkRepeats(image, Where{Image: title})
	return archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
		if err := ctx.Err(); err != nil || !wanted.has(n) {
			return err
		}
		w := Where{Image: title}
		if n.Kind() == archive.KindImage {
			w.Platform = archive.FormatPlatform(n.Platform())
		}
		nested := n != image.Node
		v.checkDocument(n, w, nested)
		if n.Kind() == archive.KindAttestation && nested {
			v.found.add(LoadAttestation, Where{Image: title}, "it holds attestations")
		}
		return v.checkContent(ctx, n, w, nested)
	})
}

// title is what to call an image.
func title(image *archive.Image) string {
	if len(image.Names) > 0 {
		return string(image.Names[0])
	}
	return image.Descriptor.Digest.String()
}

// checkContent looks at what a manifest names.
func (v *verifier) checkContent(ctx context.Context, n *archive.Node, w Where, nested bool) error {
	switch {
	case errors.Is(n.Err, archive.ErrOpaque):
		return v.hashBlobs(ctx, []archive.Layer{{Descriptor: n.Descriptor}}, w)
	case n.Manifest == nil:
		return nil
	case n.Kind() != archive.KindImage:
		blobs := append([]archive.Layer{{Descriptor: n.Manifest.Config, Err: n.Config.Err}}, n.Layers...)
		return v.hashBlobs(ctx, blobs, w)
	}
	v.report.Images++
	v.checkConfig(n, w, nested)
	v.checkPlatform(n, w)
	for i, l := range n.Layers {
		v.checkLayerStatement(n, l, i, w, nested)
	}
	if v.opts.Fast {
		return nil
	}
	return v.checkFilesystem(ctx, n, w)
}

// checkStoredSize compares the length of a blob with what its descriptor says,
// and reads nothing.
func (v *verifier) checkStoredSize(d ocispec.Descriptor, w Where) {
	blob, err := v.archive.Open(d)
	if err != nil {
		v.addReadFault(err, w)
		return
	}
	v.checkSize(d, blob.Size(), w)
	v.checkData(d, w)
	_ = blob.Close() // nothing was read
}

// checkConfig looks at the config of an image.
func (v *verifier) checkConfig(n *archive.Node, w Where, nested bool) {
	d := n.Manifest.Config
	w.Digest = d.Digest
	if err := n.Config.Err; err != nil {
		if errors.Is(err, archive.ErrNotFound) && nested {
			v.found.add(PlatformAbsent, w, "its config %s is not in the archive", d.Digest)
			return
		}
		if n.Config.Raw == nil || v.checkStated(d, n.Config.Raw, w) { // damage explains what cannot be parsed
			v.addReadFault(err, w)
		}
		return
	}
	if !v.checkStated(d, n.Config.Raw, w) {
		return
	}
	if key, err := duplicateKey(n.Config.Raw); err == nil && key != "" {
		v.found.add(JSONDuplicate, w, "field %q stands twice", key)
		return
	}
	v.checkSchema(d.MediaType, n.Config.Raw, w)
	if layers, diffIDs := len(n.Layers), len(n.Config.RootFS.DiffIDs); layers != diffIDs {
		v.found.add(DiffIDCount, w, "the manifest has %d layers, the config %d diffIDs", layers, diffIDs)
		return
	}
	v.checkHistory(n, w)
}

func (v *verifier) checkHistory(n *archive.Node, w Where) {
	layers := 0
	for _, h := range n.Config.History {
		if !h.EmptyLayer {
			layers++
		}
	}
	if len(n.Config.History) > 0 && layers != len(n.Layers) {
		v.found.add(HistoryCount, w, "the history tells of %d layers, the image has %d", layers, len(n.Layers))
	}
}

// checkPlatform compares the platform in the index with that in the config.
func (v *verifier) checkPlatform(n *archive.Node, w Where) {
	stated, is := n.Descriptor.Platform, n.Platform()
	if stated == nil || stated.OS == "" || is == nil || n.Config.Err != nil {
		return
	}
	matcher, err := archive.ParsePlatform(archive.FormatPlatform(stated))
	if err == nil && matcher.Match(is) {
		return
	}
	v.found.add(PlatformMismatch, w, "the index says %s, the config %s", archive.FormatPlatform(stated), archive.FormatPlatform(is))
}

// checkLayerStatement looks at what the manifest says of a layer, and at its
// first bytes.
func (v *verifier) checkLayerStatement(n *archive.Node, l archive.Layer, i int, w Where, nested bool) {
	w.Layer, w.Digest = &i, l.Descriptor.Digest
	foreign := archive.IsForeign(l.Descriptor.MediaType)
	switch {
	case errors.Is(l.Err, archive.ErrNotFound) && foreign:
		v.found.add(LoadForeign, w, "layer %s is not in the archive", l.Descriptor.Digest)
		return
	case errors.Is(l.Err, archive.ErrNotFound) && nested:
		v.found.add(PlatformAbsent, w, "layer %s is not in the archive", l.Descriptor.Digest)
		return
	case l.Err != nil:
		v.addReadFault(l.Err, w)
		return
	}
	if want, known := archive.StatedCompression(l.Descriptor.MediaType); known && want != l.Compression && l.Descriptor.Size > 0 {
		v.found.add(CompressionMismatch, w, "media type %q says %s, content is %s", l.Descriptor.MediaType, want, l.Compression)
	}
	if archive.IsEncrypted(l.Descriptor.MediaType) {
		v.found.add(LoadEncrypted, w, "the layer is encrypted, and nothing that is in it was looked at")
	}
	switch l.Compression {
	case codec.Zstd:
		v.found.add(LoadZstd, w, "the layer is compressed with zstd")
	case codec.XZ, codec.Bzip2:
		v.found.add(LoadCompression, w, "the layer is compressed with %s", l.Compression)
	}
	if v.opts.Fast {
		v.checkStoredSize(l.Descriptor, w)
	}
}

// hashBlobs reads blobs of which nothing but the bytes is known.
func (v *verifier) hashBlobs(ctx context.Context, blobs []archive.Layer, w Where) error {
	for _, b := range blobs {
		w.Digest = b.Descriptor.Digest
		switch {
		case errors.Is(b.Err, archive.ErrNotFound):
			v.found.add(BlobMissing, w, "blob %s is not in the archive", b.Descriptor.Digest)
			continue
		case v.blobs[b.Descriptor.Digest]:
			continue
		case v.opts.Fast:
			v.checkStoredSize(b.Descriptor, w)
			continue
		}
		size, err := v.hashBlob(ctx, b, w)
		if err != nil {
			return err
		}
		v.read(b.Descriptor.Digest, size)
	}
	return nil
}

func (v *verifier) hashBlob(ctx context.Context, b archive.Layer, w Where) (size int64, err error) {
	blob, err := v.archive.Open(b.Descriptor)
	if err != nil {
		v.addReadFault(err, w)
		return 0, nil
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	return blob.Size(), v.checkBlob(ctx, b.Descriptor, blob, w)
}

// checkFilesystem reads the layers of an image, those that were not read for
// another one at once, and looks at what they merge to.
func (v *verifier) checkFilesystem(ctx context.Context, n *archive.Node, w Where) error {
	jobs := v.opts.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	var todo []int
	planned := map[digest.Digest]bool{}
	for i, l := range n.Layers {
		if l.Err == nil && v.layers[l.Descriptor.Digest] == nil && !planned[l.Descriptor.Digest] {
			planned[l.Descriptor.Digest] = true
			todo = append(todo, i)
		}
	}
	results := make([]*layerResult, len(todo))
	group, scanning := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for k, i := range todo {
		group.Go(func() (err error) {
			at := w
			at.Layer, at.Digest = &i, n.Layers[i].Descriptor.Digest
			results[k], err = v.scanLayer(scanning, n.Layers[i], at)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for k, i := range todo {
		v.layers[n.Layers[i].Descriptor.Digest] = results[k]
		v.read(n.Layers[i].Descriptor.Digest, results[k].size)
	}
	v.checkDiffIDs(n, w)
	if err := v.checkTree(ctx, n, w); err != nil {
		return err
	}
	v.forget(n)
	return nil
}

// checkDiffIDs compares what was hashed with what the config says.
func (v *verifier) checkDiffIDs(n *archive.Node, w Where) {
	for i, l := range n.Layers {
		r := v.layers[l.Descriptor.Digest]
		if r == nil || r.tar == "" || l.DiffID == "" || len(n.Layers) != len(n.Config.RootFS.DiffIDs) {
			continue
		}
		if r.tar != l.DiffID {
			w.Layer, w.Digest = &i, l.Descriptor.Digest
			v.found.add(DiffIDMismatch, w, "the config says %s, the tar is %s", l.DiffID, r.tar)
		}
	}
}

// repositories is the file of docker save before 1.10: names, tags and layer IDs.
type repositories map[string]map[string]json.RawMessage
