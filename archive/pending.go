package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
)

// pending is a file that is being written beside its place. It gets its name
// when it is whole. All output to files goes through it.
type pending struct {
	*os.File
	path string // where it will be
}

// createPending begins a file that will be at path, or where a link at path
// leads. It has the mode that any new file gets, which [os.CreateTemp] would
// not give it.
func createPending(path string) (*pending, error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	var file *os.File
	err := pendingName(path, func(name string) (err error) {
		file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &pending{file, path}, nil
}

// pendingName finds a free name beside path for create, which fails with
// [fs.ErrExist] for one that is taken.
func pendingName(path string, create func(string) error) error {
	dir, base := filepath.Split(filepath.Clean(path))
	for range 100 {
		name := filepath.Join(dir, fmt.Sprintf(".%s.imgtool-%08x", base, rand.Uint32()))
		if err := create(name); !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return fmt.Errorf("no free name beside %q: %w", path, fs.ErrExist)
}

// commit makes the file durable and gives it its name. On any error nothing of
// it is left.
func (p *pending) commit() error {
	if err := p.Sync(); err != nil {
		return errors.Join(err, p.discard())
	}
	if err := p.Close(); err != nil {
		return errors.Join(err, os.Remove(p.Name()))
	}
	if err := os.Rename(p.Name(), p.path); err != nil {
		return errors.Join(err, os.Remove(p.Name()))
	}
	return syncFolder(filepath.Dir(p.path))
}

// discard removes what was written.
func (p *pending) discard() error {
	return errors.Join(p.Close(), os.Remove(p.Name()))
}

// syncFolder makes the names in a folder durable, where the system can.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" { // folders cannot be opened for it
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// createPendingFolder begins a folder that will be at path.
func createPendingFolder(path string) (string, error) {
	var made string
	err := pendingName(path, func(name string) error {
		made = name
		return os.Mkdir(name, 0o777)
	})
	return made, err
}

// commitFolder gives a finished folder its name, which an empty folder may have
// now.
func commitFolder(made, path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(made, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
