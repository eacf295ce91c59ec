package convert

import (
	"context"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/archive/ref"
)

// Rootfs is the merged filesystem of one image, to be exported or unpacked. Make
// it with [NewRootfs]; it is valid until its archive is closed.
type Rootfs struct {
	image *archive.Node
	stack *layer.Stack
	from  *archive.Archive
}

// NewRootfs gives the filesystem of image n, which must be whole. It reads no
// layer, and fails as [archive.Archive.Stack] and [archive.Archive.Intact] do.
func NewRootfs(a *archive.Archive, n *archive.Node, opts archive.StackOptions) (*Rootfs, error) {
	opts.Verify = true
	if err := a.Intact(n); err != nil {
		return nil, fmt.Errorf("image %s of %q: %w", n.Descriptor.Digest, a.Path, err)
	}
	stack, err := a.Stack(n, opts)
	if err != nil {
		return nil, err
	}
	return &Rootfs{image: n, stack: stack, from: a}, nil
}

// merge reads the layers. The stored bytes of each are checked against its digest.
func (r *Rootfs) merge(ctx context.Context) (*layer.Tree, error) {
	tree, err := r.stack.Merge(ctx, layer.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", r.image.Descriptor.Digest, err)
	}
	return tree, nil
}

// Export writes the filesystem as a tar to the file at path, which appears whole
// or not at all, or to standard output for `-`, which gets nothing before all
// layers were read once; see [layer.Stack.Merge] and [layer.Stack.Export] for the
// tar, its costs and what it fails with.
func (r *Rootfs) Export(ctx context.Context, path string, opts archive.WriteOptions) error {
	if err := r.apart(path); err != nil {
		return err
	}
	return archive.WriteFile(ctx, path, opts, func(w io.Writer) error {
		tree, err := r.merge(ctx)
		if err != nil {
			return err
		}
		return r.stack.Export(ctx, w, tree)
	})
}

// apart refuses to write over what is read.
func (r *Rootfs) apart(path string) error {
	if path != ref.Stdio && r.from.Holds(path) {
		return fmt.Errorf("write %q: it %w", path, archive.ErrSame)
	}
	return nil
}
