package packages

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive/layer"
)

// inMemory is how much of one content is held in memory, in bytes.
const inMemory = 8 << 20

// holder holds the content of one file at a time for reading at any place.
type holder struct {
	temp   func() (layer.TempFile, error)
	buffer []byte         // inMemory bytes once it is needed
	file   layer.TempFile // made when it is needed, and used again
}

// held makes a source of what is read at any place, up to a limit of bytes.
func held(limit int64, parse func(db *file, add add) error) func(*finder, *input, add) error {
	return func(f *finder, in *input, add add) error {
		if in.size > limit {
			return tooLarge("a file", in.size, limit)
		}
		db, err := f.hold.take(in, in)
		if err != nil {
			return err
		}
		return parse(db, add)
	}
}

// take gives the content of in, which r reads, until the next call. Where it lies
// plain in its layer, nothing is copied.
func (h *holder) take(in *input, r io.Reader) (*file, error) {
	if at, ok := in.r.(io.ReaderAt); ok {
		return &file{in: in, at: at, size: in.size}, nil
	}
	if h.buffer == nil {
		h.buffer = make([]byte, inMemory)
	}
	n, err := io.ReadFull(r, h.buffer)
	if in.err != nil {
		return nil, in.err
	}
	if err != nil { // the content ends before the buffer does
		return &file{in: in, at: bytes.NewReader(h.buffer[:n]), size: int64(n)}, nil
	}
	size, err := h.spill(r)
	if err != nil {
		in.err = err // neither the content's fault nor one that passes
		return nil, err
	}
	return &file{in: in, at: h.file, size: size}, nil
}

// spill writes the buffer and the rest of r to the temporary file.
func (h *holder) spill(r io.Reader) (int64, error) {
	if h.file == nil {
		if h.temp == nil {
			return 0, errors.New("a large file demands a temporary file, and none may be used")
		}
		file, err := h.temp()
		if err != nil {
			return 0, err
		}
		h.file = file
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(h.file, 0), 256<<10)
	n, err := io.Copy(w, io.MultiReader(bytes.NewReader(h.buffer), r))
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return 0, fmt.Errorf("keep content in a temporary file: %w", err)
	}
	return n, nil
}

// Close removes the temporary file.
func (h *holder) Close() error {
	if h.file == nil {
		return nil
	}
	return h.file.Close()
}

// file is content that can be read at any place.
type file struct {
	in   *input
	at   io.ReaderAt
	size int64
	// left is how many bytes may still be read, where limited is set.
	limited bool
	left    int64
}

// errReadEnough says that something needs more than it may read.
var errReadEnough = errors.New("more than it may read")

// ReadAt implements [io.ReaderAt]. Nothing lies behind the size.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.in.ctx.Err(); err != nil {
		f.in.err = err
		return 0, err
	}
	if f.left -= int64(len(p)); f.limited && f.left < 0 {
		return 0, errReadEnough
	}
	n, err := io.NewSectionReader(f.at, 0, f.size).ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		f.in.err = err
	}
	return n, err
}

// bytes gives n bytes from an offset, all of them.
func (f *file) bytes(off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > f.size || n > f.size-off {
		return nil, fmt.Errorf("%d bytes at %d of a file of %d: %w", n, off, f.size, io.ErrUnexpectedEOF)
	}
	p := make([]byte, n) // there are as many
	if _, err := f.ReadAt(p, off); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return p, nil
}
