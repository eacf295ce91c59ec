package archive

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/imgtool/imgtool/archive/claim"
)

// errTaken says that something came to stand at the name of a new folder while
// it was written.
var errTaken = errors.New("name was taken meanwhile")

// fillEmpty writes files into the empty folder at path, which may be a mount
// point or somebody's current folder and keeps its mode. What makes it a layout
// is named last, and a mark stands in it until then. On an error all goes that
// this call made, and nothing else. Others that would fill the folder wait, and
// find it taken. One that was left half filled is completed.
func fillEmpty(ctx context.Context, path string, files []file, opts WriteOptions) (err error) {
	unlock, err := lockFolder(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	half := isHalf(root, files[0].name)
	if vacant, err := isVacant(path); err != nil || !half && !vacant {
		return cmp.Or(err, errTaken)
	}
	mark, err := claim.Mark(root, markOf(files[0].name)) // before the old one goes
	if err != nil {
		return err
	}
	if half {
		opts.warn("completes %s, which a run that was killed left half filled", path)
		sweepFolder(root, files[0].name, opts)
	}
	return fillMarked(ctx, root, mark, half, files, opts)
}

// isHalf reports a folder that a run was filling which was killed: its mark is
// there, and the file is not that comes last.
func isHalf(root *os.Root, last string) bool {
	_, err := root.Lstat(last)
	return errors.Is(err, fs.ErrNotExist) && claim.Abandoned(root, markOf(last)) != ""
}

// fillMarked writes files into the folder that root is, the first one last, and
// then removes the mark. That stays where a folder is still left half filled.
func fillMarked(ctx context.Context, root *os.Root, mark *claim.Claim, half bool, files []file, opts WriteOptions) error {
	reversed := slices.Clone(files)
	slices.Reverse(reversed)
	named, err := writeFiles(ctx, root, mark, reversed, opts)
	if err == nil {
		return mark.Discard()
	}
	err = errors.Join(err, unmake(root, named, reversed))
	if entries, readErr := fs.ReadDir(root.FS(), "."); half || readErr != nil || len(entries) > 1 { // the next run completes it
		return errors.Join(err, mark.Release())
	}
	return errors.Join(err, mark.Discard())
}

// sweepFolder removes what runs that were killed were about to write below root.
func sweepFolder(root *os.Root, last string, opts WriteOptions) {
	folders, _ := fs.Glob(root.FS(), "blobs/*") // the pattern is a good one
	claim.SweepMarked(root, markOf(last), append(folders, "."), opts.warn)
}

// unmake removes the files that were named, and the folders that are empty then.
func unmake(root *os.Root, named []*pending, files []file) error {
	var errs []error
	for _, p := range named {
		errs = append(errs, root.Remove(p.name))
	}
	for i := range files {
		if files[i].isFolder() {
			_ = root.Remove(files[i].name) // it stays where somebody put something
		}
	}
	return errors.Join(errs...)
}
