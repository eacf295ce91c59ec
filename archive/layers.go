package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
)

// StackOptions says how to read the layers of an image. The zero value is good.
type StackOptions struct {
	// Verify checks the stored bytes of each layer against its digest beside the
	// first reading. Without it, what a listing reads of a plain layer is what
	// is stored, whatever the digest says.
	Verify bool
	// MaxExpansion, Jobs and Progress are as in [layer.Stack].
	MaxExpansion int64
	Jobs         int
	Progress     func(int64)
	// TempDir holds temporary files. Empty means [os.TempDir].
	TempDir string
}

// Stack gives the layers of image n, an image and no index, for reading. It is
// valid until a is closed. It fails with [ErrUnsupported] where n is no image,
// or a layer is encrypted, with [ErrNotFound] where a layer is not in the archive.
func (a *Archive) Stack(n *Node, opts StackOptions) (*layer.Stack, error) {
	switch {
	case n.Err != nil:
		return nil, fmt.Errorf("image %s: %w", n.Descriptor.Digest, n.Err)
	case n.Kind() != KindImage:
		return nil, fmt.Errorf("%s %s has no filesystem: %w", n.Kind(), n.Descriptor.Digest, ErrUnsupported)
	}
	for i, l := range n.Layers {
		if err := l.readable(); err != nil {
			return nil, fmt.Errorf("layer %d of %s%s: %w", i, n.Descriptor.Digest, foreignNote(l), err)
		}
	}
	return StackOf(a, n.Layers, opts), nil
}

// readable fails for a layer whose content cannot be read.
func (l Layer) readable() error {
	if l.Err == nil && IsEncrypted(l.Descriptor.MediaType) {
		return errEncrypted
	}
	return l.Err
}

// errEncrypted is why a layer is carried and not read.
var errEncrypted = fmt.Errorf("it is encrypted; imgtool carries it as it is and cannot look inside: %w", ErrUnsupported)

// foreignNote says why a layer is often not there.
func foreignNote(l Layer) string {
	if !isForeign(l.Descriptor.MediaType) {
		return ""
	}
	return ", which may not be distributed"
}

// StackOf gives layers of from, the lowest first, for reading. One that could not
// be read fails when it is needed.
func StackOf(from Source, layers []Layer, opts StackOptions) *layer.Stack {
	s := &layer.Stack{
		MaxExpansion: opts.MaxExpansion,
		Jobs:         opts.Jobs,
		Progress:     opts.Progress,
		Temp:         func() (layer.TempFile, error) { return newTempFile(opts.TempDir) },
	}
	for _, l := range layers {
		s.Layers = append(s.Layers, stackLayer(from, l, opts))
	}
	return s
}

// stackLayer gives one layer of from.
func stackLayer(from Source, l Layer, opts StackOptions) layer.Layer {
	out := layer.Layer{
		Digest:      l.Descriptor.Digest.String(),
		Compression: l.Compression,
		Open:        func() (layer.Blob, error) { return from.Open(l.Descriptor) },
	}
	if err := l.readable(); err != nil {
		out.Open = func() (layer.Blob, error) { return nil, err }
	}
	if opts.Verify {
		var progress func(int64)
		if l.Compression == codec.None { // else reading the layer tells it
			progress = opts.Progress
		}
		out.Check = func(ctx context.Context) (err error) {
			b, err := from.Open(l.Descriptor)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			return Copy(ctx, io.Discard, b, l.Descriptor, progress)
		}
	}
	return out
}
