package archive

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
)

// watched are members that remember the first error of the system that reading
// them met. What asks whether something is there or what it is then gets no false
// answer that lasts: a disk that fails is no archive without a list of images.
type watched struct {
	members
	mu  sync.Mutex
	err error
}

// open gives nothing more once the system has failed.
func (w *watched) open(name string) (Blob, error) {
	if err := w.fault(); err != nil {
		return nil, err
	}
	blob, err := w.members.open(name)
	if err != nil {
		return nil, w.note(err)
	}
	return watchedBlob{blob, w}, nil
}

func (w *watched) names() ([]string, error) {
	names, err := w.members.names()
	return names, w.note(err)
}

// note keeps err if it is the first of its kind, and gives it back.
func (w *watched) note(err error) error {
	if isFault(err) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err == nil {
			w.err = err
		}
	}
	return err
}

func (w *watched) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// watchedBlob is a blob of watched members.
type watchedBlob struct {
	Blob
	watched *watched
}

func (b watchedBlob) ReadAt(p []byte, offset int64) (int, error) {
	n, err := b.Blob.ReadAt(p, offset)
	return n, b.watched.note(err)
}

func (b watchedBlob) Close() error { return b.watched.note(b.Blob.Close()) }

// unwatched gives the members themselves.
func unwatched(m members) members {
	if w, ok := m.(*watched); ok {
		return w.members
	}
	return m
}

// isFault tells an error of the system, which says nothing about an archive, from
// what follows from the names and the bytes in one.
func isFault(err error) bool {
	var errno syscall.Errno
	if err == nil || !errors.As(err, &errno) {
		return false
	}
	for _, named := range []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EISDIR, syscall.EINVAL} {
		if errors.Is(errno, named) {
			return false
		}
	}
	return true
}
