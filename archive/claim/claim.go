// Package claim gives names to what is being written, and removes what stands
// under such names when the run that wrote it was killed.
//
// Output is written beside its place as `.NAME.imgtool-XXXXXXXX`, where the eight
// digits are random. The run that makes such a file or folder locks it (flock(2))
// for as long as it lives, so that the next run which writes to the same place can
// tell it from what nobody will ever complete. Where several files are written
// into one folder, they have the digits of one mark there, which alone is locked.
//
// Where nothing can be locked, nothing is removed: on Windows, and on file systems
// without locks. A file system of several hosts may know locks of this one alone;
// on such a one two hosts must not write to the same place.
package claim

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strings"
)

// Claim is a temporary name that this run holds. It is released before the run's
// end, when what it stood for has its name or is gone.
type Claim struct {
	root *os.Root
	// Name is the temporary name, below the root.
	Name string
	id   string
	lock *os.File // nil where nothing can be locked
}

// File makes an empty file beside name, below root, and gives it open. It has the
// mode that any new file gets, which [os.CreateTemp] would not give it.
func File(root *os.Root, name string) (*Claim, *os.File, error) {
	var file *os.File
	c, err := hold(root, name, func(temp string) (err error) {
		if file != nil {
			_ = file.Close() // of an attempt that failed; nothing was written
		}
		file, err = root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil && file != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return c, file, err
}

// Folder makes an empty folder beside name, below root.
func Folder(root *os.Root, name string) (*Claim, error) {
	return hold(root, name, func(temp string) error { return root.Mkdir(temp, 0o777) })
}

// Mark makes a mark called after name in the folder that root is: an empty file
// that stands for all files that this run is about to write there.
func Mark(root *os.Root, name string) (*Claim, error) {
	c, file, err := File(root, name)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, errors.Join(err, c.Discard())
	}
	return c, nil
}

// hold makes something under a free name and locks it. Between the two, another
// run may take it for what nobody holds and remove it; then it is made again.
func hold(root *os.Root, name string, create func(temp string) error) (*Claim, error) {
	for range 100 {
		c := &Claim{root: root, id: fmt.Sprintf("%08x", rand.Uint32())}
		c.Name = c.For(name)
		err := create(c.Name)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.lock, err = take(root, c.Name)
		switch {
		case err == nil, errors.Is(err, errNoLocks):
			return c, nil
		case !errors.Is(err, errHeld) && !errors.Is(err, fs.ErrNotExist):
			return nil, errors.Join(err, root.Remove(c.Name))
		}
		_ = root.Remove(c.Name) // the other run may be about to do so
	}
	return nil, fmt.Errorf("no free name beside %q: %w", name, fs.ErrExist)
}

// For gives the temporary name of another file of the same run, below any root.
func (c *Claim) For(name string) string {
	dir, base := path.Split(name)
	return dir + "." + base + infix + c.id
}

// Release lets others have what stands under the temporary name.
func (c *Claim) Release() error {
	if c.lock == nil {
		return nil
	}
	return c.lock.Close()
}

// Discard removes the file or the empty folder and releases its name.
func (c *Claim) Discard() error { return errors.Join(c.root.Remove(c.Name), c.Release()) }

// infix stands between the name of the output and the digits.
const infix = ".imgtool-"

// split takes a temporary name apart.
func split(base string) (name, id string, ok bool) {
	at := strings.LastIndex(base, infix)
	if at < 2 || base[0] != '.' {
		return "", "", false
	}
	name, id = base[1:at], base[at+len(infix):]
	return name, id, len(id) == 8 && strings.Trim(id, "0123456789abcdef") == ""
}
