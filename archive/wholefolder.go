package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFolder lets fill write below a folder that then is at path. A new folder
// is filled beside its place and named when it is whole; an empty one that is
// there, which may be a mount point, is filled in place. On an error remove is
// called for each path that was made, and must take whatever fill leaves; nil
// removes what the user who runs this may remove. A
// folder that is not empty fails with [fs.ErrExist].
func WriteFolder(ctx context.Context, path string, fill, remove func(dir string) error) error {
	if path == "" {
		return fmt.Errorf("write: no path is given: %w", ErrUnsupported)
	}
	if remove == nil {
		remove = os.RemoveAll
	}
	err := writeWholeFolder(ctx, filepath.Clean(path), fill, remove)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

func writeWholeFolder(ctx context.Context, path string, fill, remove func(dir string) error) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return withHint(fmt.Errorf("it is a file: %w", fs.ErrExist), "name a new or an empty folder")
	case err == nil && !isVacant(path):
		return withHint(fmt.Errorf("folder is there and not empty: %w", fs.ErrExist), "name a new or an empty folder")
	case err == nil:
		return fillInPlace(ctx, path, fill, remove)
	case !errors.Is(err, fs.ErrNotExist): // links in a circle, a file in the place of a parent
		return err
	}
	return fillBeside(path, fill, remove)
}

func fillBeside(path string, fill, remove func(dir string) error) (err error) {
	parent, name, err := openParent(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parent.Close()) }()
	var temp string
	err = freeName(name, func(free string) error {
		temp = free
		return parent.Mkdir(free, 0o777)
	})
	if err != nil {
		return err
	}
	made := filepath.Join(parent.Name(), temp)
	if err = fill(made); err == nil {
		err = parent.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, remove(made))
	}
	return syncFolder(parent, ".")
}

func fillInPlace(ctx context.Context, path string, fill, remove func(dir string) error) (err error) {
	unlock, err := lockFolder(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if !isVacant(path) {
		return errTaken
	}
	if err := fill(path); err != nil {
		return errors.Join(err, removeBelow(path, remove))
	}
	return nil
}

// removeBelow removes what lies in a folder and keeps that.
func removeBelow(path string, remove func(string) error) error {
	entries, err := os.ReadDir(path)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, remove(filepath.Join(path, e.Name())))
	}
	return errors.Join(errs...)
}
