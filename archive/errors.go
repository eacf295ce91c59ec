package archive

import (
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
)

// Sentinels for callers that must choose; match them with [errors.Is].
var (
	// ErrNotFound says that a blob, a member or a name is not in the archive.
	ErrNotFound = errors.New("not in the archive")
	// ErrNotImage says that the input is no image archive of any known form.
	ErrNotImage = errors.New("not an image archive")
	// ErrTooLarge says that the input passes one of the limits of this package.
	ErrTooLarge = errors.New("over the limit")
	// ErrMalformed says that a document of the archive does not say what its
	// place demands.
	ErrMalformed = errors.New("malformed")
	// ErrUnsupported says that the input is understood and not handled.
	ErrUnsupported = errors.New("not supported")
	// ErrOpaque says that a descriptor points at neither a manifest nor an index,
	// as in BuildKit's cache layouts. It is carried, not understood.
	ErrOpaque = errors.New("neither manifest nor index")
	// ErrSame says that the output would be written over the input or into it.
	ErrSame = errors.New("is also the input, or lies in it")
)

// InputError says that a file does not open as an image archive.
type InputError struct {
	Path string // as the user wrote it
	What string // what the file is, "an empty file"
	hint string
}

func (e *InputError) Error() string {
	return fmt.Sprintf("open %q: %s, %v", e.Path, e.What, ErrNotImage)
}

// Unwrap makes the error match [ErrNotImage].
func (e *InputError) Unwrap() error { return ErrNotImage }

// Hint tells what to do with the file instead; it may be empty.
func (e *InputError) Hint() string { return e.hint }

// DigestError says that stored bytes are not what their descriptor promises.
type DigestError struct {
	Want, Got digest.Digest
}

func (e *DigestError) Error() string {
	return fmt.Sprintf("descriptor says %s, content is %s", e.Want, e.Got)
}

// SizeError says that a blob is not as long as its descriptor promises. Both
// sizes are stored bytes.
type SizeError struct {
	Want, Got int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("descriptor says %d bytes, blob has %d", e.Want, e.Got)
}

// hinted joins an error to a line that says what to do about it.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }
func (e *hinted) Hint() string  { return e.hint }

// withHint adds a second line to err, which the command line prints under it.
func withHint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}
