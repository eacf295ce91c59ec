package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgtool/imgtool/archive/codec"
)

// spool writes the uncompressed content of r to a temporary file and indexes
// that.
func (a *Archive) spool(ctx context.Context, r io.Reader, opts OpenOptions) (err error) {
	stored := &progressReader{&contextReader{ctx, r}, opts.Progress}
	plain, err := codec.NewReader(stored, a.Outer, opts.Decompress)
	if err != nil {
		return a.spoolFault(err)
	}
	defer plain.Close() // it has no error that reading has not
	file, err := newTempFile(opts.TempDir)
	if err != nil {
		return fmt.Errorf("spool %q: %w", a.Path, err)
	}
	size, err := fill(file.File, plain)
	if err != nil {
		return errors.Join(a.spoolFault(err), file.Close())
	}
	opts.warn("%q cannot be read in place: spooled %d bytes to a temporary file in %s", a.Path, size, filepath.Dir(file.Name()))
	return a.index(ctx, file, size, file.Close, opts.Mend)
}

// fill copies r to file.
func fill(file *os.File, r io.Reader) (int64, error) {
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{r}, buffer[:])
}

// progressReader tells how many bytes went through it.
type progressReader struct {
	r        io.Reader
	progress func(int64)
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.progress != nil {
		p.progress(int64(n))
	}
	return n, err
}

// spoolFault tells a broken compressed file from a full temporary folder.
func (a *Archive) spoolFault(err error) error {
	var disk *os.PathError
	switch {
	case errors.As(err, &disk) && disk.Op == "write":
		return withHint(fmt.Errorf("spool %q: %w", a.Path, err), "set TMPDIR to a folder with room for the uncompressed archive")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return withHint(fmt.Errorf("open %q: it is cut short: %w", a.Path, err), "copy or save the file again")
	case errors.Is(err, codec.ErrExpansion):
		return withHint(fmt.Errorf("open %q: %w", a.Path, err), "if the file is to be trusted, raise --max-expansion")
	}
	return fmt.Errorf("open %q: %w", a.Path, err)
}
