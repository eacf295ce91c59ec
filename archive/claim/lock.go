package claim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

var (
	// errHeld says that a living run has the lock.
	errHeld = errors.New("locked by another run")
	// errNoLocks says that there are no locks here.
	errNoLocks = errors.New("cannot be locked")
)

// take locks the file or folder under a temporary name, if nobody does. It fails
// with [fs.ErrNotExist] where the name is no longer that of what was locked.
func take(root *os.Root, temp string) (_ *os.File, err error) {
	if !Locks {
		return nil, errNoLocks
	}
	info, err := root.Lstat(temp)
	if err != nil {
		return nil, err
	}
	how := os.O_RDWR // NFS wants it for a lock
	switch {
	case info.IsDir():
		how = os.O_RDONLY
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is no file and no folder: %w", fs.ErrInvalid)
	}
	file, err := root.OpenFile(temp, how, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(lock(file), isStill(root, temp, file)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// isStill checks that a name is that of an open file.
func isStill(root *os.Root, name string, file *os.File) error {
	named, err := root.Lstat(name)
	if err != nil {
		return err
	}
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(named, opened) {
		return fs.ErrNotExist
	}
	return nil
}
