package archive

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"github.com/imgtool/imgtool/archive/claim"
)

// pending is a file that is being written beside its place, below a root that
// confines it. It gets its name when it is whole. All output to files goes
// through it.
type pending struct {
	*os.File
	root       *os.Root
	temp, name string
	// written is the number of bytes so far, and begun of those that are on
	// their way to the disk.
	written, begun int64
}

// writeBackStep is how many bytes go to the disk at a time.
const writeBackStep = 8 << 20

// createPending begins the file name below root, under a temporary name of c.
func createPending(root *os.Root, name string, c *claim.Claim) (*pending, error) {
	p := &pending{root: root, temp: c.For(name), name: name}
	var err error
	p.File, err = root.OpenFile(p.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return p, err
}

// Write implements [io.Writer]. What was written goes to the disk while more is
// made.
func (p *pending) Write(b []byte) (int, error) {
	n, err := p.File.Write(b)
	if p.written += int64(n); p.written-p.begun >= writeBackStep {
		beginWriteBack(p.File, p.begun, p.written-p.begun)
		p.begun = p.written
	}
	return n, err
}

// sync makes the content of the closed file durable. It is apart from writing
// because the system makes many files durable at once in a fifth of the time
// that it takes one by one (ext4, 200 files of 1 MiB).
func (p *pending) sync() error {
	file, err := p.root.OpenFile(p.temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// rename gives the file its name; [syncFolder] makes that durable.
func (p *pending) rename() error { return p.root.Rename(p.temp, p.name) }

// discard removes what was written to the closed file.
func (p *pending) discard() error { return p.root.Remove(p.temp) }

// syncFolder makes the names in a folder durable, where the system can.
func syncFolder(root *os.Root, name string) error {
	if runtime.GOOS == "windows" { // folders cannot be opened for it
		return nil
	}
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// followLinks gives where the links at path lead, even to nothing.
func followLinks(path string) string {
	for range maxLinks {
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return path
}

// openParent opens the folder that path lies in, or where a link at path leads,
// and gives the name there.
func openParent(path string) (*os.Root, string, error) {
	path = filepath.Clean(followLinks(path))
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, "", err
	}
	return root, filepath.Base(path), nil
}

// sweepBeside removes what runs that were killed left beside path, where that can
// be seen.
func sweepBeside(path string, warn func(string)) {
	parent, name, err := openParent(path)
	if err != nil {
		return
	}
	defer parent.Close()
	claim.Sweep(parent, name, teller(warn))
}

// teller gives warn a format.
func teller(warn func(string)) claim.Tell { return WriteOptions{Warn: warn}.warn }
