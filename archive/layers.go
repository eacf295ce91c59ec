package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

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
// with [ErrNotFound] where a layer is not in the archive.
func (a *Archive) Stack(n *Node, opts StackOptions) (*layer.Stack, error) {
	switch {
	case n.Err != nil:
		return nil, fmt.Errorf("image %s: %w", n.Descriptor.Digest, n.Err)
	case n.Kind() != KindImage:
		return nil, fmt.Errorf("%s %s has no filesystem: %w", n.Kind(), n.Descriptor.Digest, ErrUnsupported)
	}
	s := &layer.Stack{
		MaxExpansion: opts.MaxExpansion,
		Jobs:         opts.Jobs,
		Progress:     opts.Progress,
		Temp:         func() (layer.TempFile, error) { return newTempFile(opts.TempDir) },
	}
	for i, l := range n.Layers {
		if l.Err != nil {
			return nil, fmt.Errorf("layer %d of %s: %w", i, n.Descriptor.Digest, l.Err)
		}
		s.Layers = append(s.Layers, stackLayer(a, l, opts))
	}
	return s, nil
}

// stackLayer gives one layer of from.
func stackLayer(from Source, l Layer, opts StackOptions) layer.Layer {
	out := layer.Layer{
		Digest:      l.Descriptor.Digest.String(),
		Compression: l.Compression,
		Open:        func() (layer.Blob, error) { return from.Open(l.Descriptor) },
	}
	if opts.Verify {
		out.Check = func(ctx context.Context) (err error) {
			b, err := from.Open(l.Descriptor)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			return Copy(ctx, io.Discard, b, l.Descriptor, nil)
		}
	}
	return out
}
