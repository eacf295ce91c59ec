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
// it with [OpenRootfs]; it is valid until its archive is closed.
type Rootfs struct {
	*layer.Tree
	stack *layer.Stack
	from  *archive.Archive
}

// OpenRootfs reads the layers of image n, which must be whole, and merges them.
// The stored bytes of each layer are checked against its digest. It fails as
// [archive.Archive.Stack] and [layer.Stack.Merge] do.
func OpenRootfs(ctx context.Context, a *archive.Archive, n *archive.Node, opts archive.StackOptions) (*Rootfs, error) {
	opts.Verify = true
	stack, err := a.Stack(n, opts)
	if err != nil {
		return nil, err
	}
	tree, err := stack.Merge(ctx, layer.MergeOptions{})
	if err != nil {
		return nil, fmt.Errorf("read image %s: %w", n.Descriptor.Digest, err)
	}
	return &Rootfs{Tree: tree, stack: stack, from: a}, nil
}

// Export writes the filesystem as a tar to the file at path, which appears whole
// or not at all, or to standard output for `-`; see [layer.Stack.Export] for the
// tar and its costs.
func (r *Rootfs) Export(ctx context.Context, path string, opts archive.WriteOptions) error {
	if err := r.apart(path); err != nil {
		return err
	}
	return archive.WriteFile(ctx, path, opts, func(w io.Writer) error { return r.stack.Export(ctx, w, r.Tree) })
}

// apart refuses to write over what is read.
func (r *Rootfs) apart(path string) error {
	if path != ref.Stdio && r.from.Holds(path) {
		return fmt.Errorf("write %q: it %w", path, archive.ErrSame)
	}
	return nil
}
