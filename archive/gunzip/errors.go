package gunzip

import (
	"errors"
	"fmt"
)

// Sentinels that an [Error] matches, beside [io.ErrUnexpectedEOF] for input
// that ends too early and whatever the source itself returned.
var (
	// ErrHeader says that no gzip member begins where one must.
	ErrHeader = errors.New("invalid gzip header")
	// ErrCorrupt says that the compressed data breaks the rules of RFC 1951.
	ErrCorrupt = errors.New("corrupt deflate data")
	// ErrChecksum says that the output is not what the member's trailer promises.
	ErrChecksum = errors.New("gzip checksum mismatch")
	// ErrClosed says that a [Reader] is used after [Reader.Close]. It comes
	// bare.
	ErrClosed = errors.New("gzip reader is closed")
)

// Error says where a stream stops being readable and why.
type Error struct {
	// Offset is how many bytes of the input were used up when the fault was
	// found, one that was begun included.
	Offset int64
	// Err is the kind: [ErrHeader], [ErrCorrupt], [ErrChecksum],
	// [io.ErrUnexpectedEOF] for truncated input, or what the source returned.
	Err error
	// Detail is what exactly was found; it may be empty.
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("read gzip at byte %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("read gzip at byte %d: %v: %s", e.Offset, e.Err, e.Detail)
}

// Unwrap makes the error match its kind.
func (e *Error) Unwrap() error { return e.Err }
