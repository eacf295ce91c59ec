package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/imgtool/imgtool/archive/claim"
)

// FolderOptions says how to write a folder. The zero value is good.
type FolderOptions struct {
	// Remove is called on an error for each path that was made, and must take
	// whatever fill leaves. Nil removes what the user who runs this may remove.
	Remove func(path string) error
	// Warn is as in [WriteOptions].
	Warn func(string)
}

// WriteFolder lets fill write below a folder that then is at path. A new folder
// is filled beside its place and named when it is whole; an empty one that is
// there, which may be a mount point, is filled in place, with a mark in it until
// it is whole. A folder that is not empty fails with [fs.ErrExist]: one that a run
// which was killed left half filled, too, since what lies in it may be somebody's
// by now.
func WriteFolder(ctx context.Context, path string, opts FolderOptions, fill func(dir string) error) error {
	if path == "" {
		return fmt.Errorf("write: no path is given: %w", ErrUnsupported)
	}
	if opts.Remove == nil {
		opts.Remove = os.RemoveAll
	}
	err := writeWholeFolder(ctx, filepath.Clean(path), opts, fill)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

func writeWholeFolder(ctx context.Context, path string, opts FolderOptions, fill func(dir string) error) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return withHint(fmt.Errorf("it is a file: %w", fs.ErrExist), "name a new or an empty folder")
	case err == nil:
		return fillThere(ctx, path, opts, fill)
	case !errors.Is(err, fs.ErrNotExist): // links in a circle, a file in the place of a parent
		return err
	}
	return fillBeside(path, opts, fill)
}

// fillThere fills a folder that is there.
func fillThere(ctx context.Context, path string, opts FolderOptions, fill func(dir string) error) error {
	vacant, err := isVacant(path)
	if err != nil {
		return err
	}
	if !vacant {
		return notEmpty(path)
	}
	sweepBeside(path, opts.Warn)
	return fillInPlace(ctx, path, opts, fill)
}

// notEmpty says why a folder is not written to.
func notEmpty(path string) error {
	if mark := abandonedMark(path, folderMark); mark != "" {
		return withHint(fmt.Errorf("a run that was killed left it half filled: %w", fs.ErrExist),
			"remove all that is in it, %s too, or name a new or an empty folder", mark)
	}
	return withHint(fmt.Errorf("folder is there and not empty: %w", fs.ErrExist), "name a new or an empty folder")
}

// folderMark is what the mark is called after in a folder that is not whole.
const folderMark = "filling"

// abandonedMark is the mark of a run that was killed while it filled a folder.
func abandonedMark(path, name string) string {
	root, err := os.OpenRoot(path)
	if err != nil {
		return ""
	}
	defer root.Close()
	return claim.Abandoned(root, name)
}

func fillBeside(path string, opts FolderOptions, fill func(dir string) error) (err error) {
	parent, name, err := openParent(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parent.Close()) }()
	claim.Sweep(parent, name, teller(opts.Warn))
	held, err := claim.Folder(parent, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	made := filepath.Join(parent.Name(), held.Name)
	if err = fill(made); err == nil {
		err = parent.Rename(held.Name, name)
	}
	if err != nil {
		return errors.Join(err, opts.Remove(made))
	}
	return syncFolder(parent, ".")
}

func fillInPlace(ctx context.Context, path string, opts FolderOptions, fill func(dir string) error) (err error) {
	unlock, err := lockFolder(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if vacant, err := isVacant(path); err != nil || !vacant {
		return cmp.Or(err, errTaken)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	mark, err := claim.Mark(root, folderMark)
	if err != nil {
		return err
	}
	if err = fill(path); err != nil {
		err = errors.Join(err, removeBelow(path, mark.Name, opts.Remove))
		if entries, readErr := fs.ReadDir(root.FS(), "."); readErr != nil || len(entries) > 1 {
			return errors.Join(err, mark.Release()) // the mark tells the next run what lies there
		}
	}
	return errors.Join(err, unmark(root, mark))
}

// removeBelow removes what lies in a folder and keeps that, and one name in it.
func removeBelow(path, but string, remove func(string) error) error {
	entries, err := os.ReadDir(path)
	errs := []error{err}
	for _, e := range entries {
		if e.Name() != but {
			errs = append(errs, remove(filepath.Join(path, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// unmark removes the mark from the folder that root is, which keeps the mode and
// the time that it was given, even where nobody may write to it.
func unmark(root *os.Root, mark *claim.Claim) error {
	before, err := root.Stat(".")
	if err != nil {
		return errors.Join(err, mark.Release())
	}
	err = mark.Discard()
	if errors.Is(err, fs.ErrPermission) {
		err = errors.Join(root.Chmod(".", 0o700), root.Remove(mark.Name), root.Chmod(".", before.Mode()))
	}
	if runtime.GOOS != "windows" { // where no unpacking gives it a time
		err = errors.Join(err, root.Chtimes(".", time.Time{}, before.ModTime()))
	}
	return err
}
