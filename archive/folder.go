package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folder gives the files below a folder. The root confines it: no link leads
// out.
type folder struct{ root *os.Root }

func openFolder(path string) (*folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &folder{root}, nil
}

func (f *folder) open(name string) (Blob, error) {
	local := filepath.FromSlash(name)
	info, err := f.root.Stat(local) // before Open, which waits on a named pipe
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("file %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, f.located(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is no regular file: %w", name, ErrMalformed)
	}
	file, err := f.root.Open(local)
	if err != nil {
		return nil, f.located(err)
	}
	info, err = file.Stat() // of this very file: another may have taken its name
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return fileBlob{file, info.Size()}, nil
}

// located names the folder in an error of the root, which names the file alone.
func (f *folder) located(err error) error {
	var cause *fs.PathError
	if !errors.As(err, &cause) {
		return err
	}
	return &fs.PathError{Op: cause.Op, Path: filepath.Join(f.root.Name(), cause.Path), Err: cause.Err}
}

func (f *folder) names() ([]string, error) {
	var names []string
	err := fs.WalkDir(f.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if len(names) == MaxMembers {
			return fmt.Errorf("files in the folder: %w of %d", ErrTooLarge, MaxMembers)
		}
		if entry.Type().IsRegular() {
			names = append(names, name)
		}
		return nil
	})
	return names, err // WalkDir goes in lexical order of each folder, which is stable
}

func (f *folder) Close() error { return f.root.Close() }

// fileBlob is a blob that is a whole file.
type fileBlob struct {
	*os.File
	size int64
}

func (b fileBlob) Size() int64 { return b.size }
