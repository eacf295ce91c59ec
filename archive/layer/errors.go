package layer

import (
	"errors"
	"fmt"
)

// Sentinels for callers that must choose; match them with [errors.Is]. A path
// that is not there is [io/fs.ErrNotExist].
var (
	// ErrUnsafePath says that a path leaves the root of the image.
	ErrUnsafePath = errors.New("leaves the root of the image")
	// ErrTooLarge says that a layer passes one of the limits of this package.
	ErrTooLarge = errors.New("over the limit")
	// ErrMalformed says that a layer cannot be applied as it is.
	ErrMalformed = errors.New("malformed")
	// ErrUnsupported says that an entry is understood and not handled.
	ErrUnsupported = errors.New("not supported")
	// ErrLoop says that symlinks lead in a circle, or on and on.
	ErrLoop = errors.New("too many symlinks")
	// ErrDiffer says that two trees are not the same.
	ErrDiffer = errors.New("the merged filesystems differ")
)

// EntryError says which entry of a layer an error is about.
type EntryError struct {
	Path string // as in the tar
	// Offset is where the content of the entry begins, or would begin, in the
	// uncompressed tar.
	Offset int64
	Err    error
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("entry %q at %d: %v", e.Path, e.Offset, e.Err)
}

// Unwrap gives the cause.
func (e *EntryError) Unwrap() error { return e.Err }

// Limits on layers. Passing one is an error that matches [ErrTooLarge].
const (
	// MaxPath bounds a path, in bytes, as PATH_MAX does, and the target of a symlink,
	// which is one byte shorter.
	MaxPath = 4096
	// MaxEntries bounds the entries of all layers of an image together.
	MaxEntries = 10_000_000
	// maxLinks bounds the symlinks followed in one path, as Linux does in
	// path_resolution(7).
	maxLinks = 40
)
