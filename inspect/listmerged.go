package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
)

// Files is the merged filesystem of one image. It is valid until its archive is
// closed, and safe for concurrent use.
type Files struct {
	stack *layer.Stack
	tree  *layer.Tree
}

// OpenFiles reads the layers of image n, of plain ones the headers alone, and
// merges them: see [layer.Stack.Merge] for cost and memory. opts.Progress is told
// of that alone. It fails as [archive.Archive.Stack] and Merge do.
func OpenFiles(ctx context.Context, a *archive.Archive, n *archive.Node, opts archive.StackOptions) (*Files, error) {
	stack, err := a.Stack(n, opts)
	if err != nil {
		return nil, err
	}
	tree, err := stack.Merge(ctx, layer.MergeOptions{})
	if err != nil {
		return nil, err
	}
	stack.Progress = nil
	return &Files{stack, tree}, nil
}

// List lists what lies at each of paths: first the paths that stand for
// themselves, then what is in each folder, in the order of paths; sorted by the
// bytes of their names, parents first.
func (f *Files) List(paths []string, opts ListOptions) Listing {
	var alone []Entry
	var folders []Group
	var missing []error
	for _, p := range paths {
		at, err := f.find(p, opts)
		switch {
		case err != nil:
			missing = append(missing, err)
		case at.Type != layer.Dir || opts.Itself:
			alone = append(alone, newEntry(p, at.Path, at.Layer, at.Inode))
		default:
			folders = append(folders, f.group(p, at.Path, opts.Recursive))
		}
	}
	return newListing(alone, folders, errors.Join(missing...))
}

// find looks up a path. A symlink is followed to a folder alone, as ls(1) does.
func (f *Files) find(p string, opts ListOptions) (layer.File, error) {
	if !opts.NoFollow && !opts.Itself {
		if at, err := f.tree.Stat(p); err == nil && at.Type == layer.Dir {
			return at, nil
		}
	}
	return f.tree.Lstat(p)
}

// group lists what is in the folder at real, which was asked for as p.
func (f *Files) group(p, real string, recursive bool) Group {
	if recursive {
		return Group{Folder: p, Each: func(visit func(Entry) error) error { return f.below(real, visit) }}
	}
	return Group{Folder: p, Each: func(visit func(Entry) error) error {
		files, err := f.tree.List(real)
		if err != nil {
			return err
		}
		for _, at := range files {
			if err := visit(newEntry(path.Base(at.Path), at.Path, at.Layer, at.Inode)); err != nil {
				return err
			}
		}
		return nil
	}}
}

func (f *Files) below(folder string, visit func(Entry) error) error {
	all, err := f.tree.Walk(folder)
	if err != nil {
		return err
	}
	for at := range all {
		if at.Path == folder {
			continue
		}
		if err := visit(newEntry(absolute(at.Path), at.Path, at.Layer, at.Inode)); err != nil {
			return err
		}
	}
	return nil
}

// Find gives the regular files that paths lead to, through symlinks, and beside
// them an error for those that lead to none.
func (f *Files) Find(paths ...string) ([]layer.File, error) {
	var found []layer.File
	var errs []error
	for _, p := range paths {
		at, err := f.tree.Stat(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, f.nothingAt(p))
		case err != nil:
			errs = append(errs, err)
		case at.Type != layer.Regular:
			errs = append(errs, fmt.Errorf("%q: it is a %s, and has no content", p, typeWords[at.Type]))
		default:
			found = append(found, at)
		}
	}
	return found, errors.Join(errs...)
}

// typeWords are for messages.
var typeWords = map[layer.Type]string{
	layer.Dir: "folder", layer.Char: "character device", layer.Block: "block device", layer.FIFO: "named pipe",
}

// nothingAt says that p, or what a symlink at p leads to, does not exist.
func (f *Files) nothingAt(p string) error {
	if at, err := f.tree.Lstat(p); err == nil && at.Type == layer.Symlink {
		return fmt.Errorf("%q: it is a symlink to %q: %w", p, at.Link, fs.ErrNotExist)
	}
	return fmt.Errorf("%q: %w", p, fs.ErrNotExist)
}

// Copy writes the content of files that Find gave, one behind the other; see
// [layer.Stack.Content] for its cost and for what is not checked.
func (f *Files) Copy(ctx context.Context, w io.Writer, files []layer.File) error {
	return f.stack.Content(ctx, w, files...)
}
