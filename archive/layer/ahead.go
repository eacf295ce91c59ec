package layer

import (
	"context"
	"io"
)

// aheadBuffers is how many reads are done ahead of the user of a stream.
const aheadBuffers = 3

// ahead reads a stream in a goroutine of its own, so that one core decodes while
// another one writes.
type ahead struct {
	full, free chan []byte
	current    []byte // what is left of the buffer in use
	used       []byte // the whole of it
	err        error  // set before full is closed
	cancel     context.CancelFunc
	ended      chan struct{}
}

// ReadAhead reads r in a goroutine of its own, so that one core decodes while
// another one hashes or writes. It holds 768 KiB. Closing it ends the goroutine
// and waits for that; r is not closed, and has been read further than its user.
func ReadAhead(ctx context.Context, r io.Reader) io.ReadCloser { return readAhead(ctx, r) }

func readAhead(ctx context.Context, r io.Reader) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{
		full:   make(chan []byte, aheadBuffers),
		free:   make(chan []byte, aheadBuffers),
		cancel: cancel,
		ended:  make(chan struct{}),
	}
	for range aheadBuffers {
		a.free <- make([]byte, bufferSize)
	}
	go a.run(ctx, r)
	return a
}

func (a *ahead) run(ctx context.Context, r io.Reader) {
	defer close(a.ended)
	defer close(a.full)
	for {
		var buffer []byte
		select {
		case <-ctx.Done():
			a.err = ctx.Err()
			return
		case buffer = <-a.free:
		}
		n, err := fill(r, buffer)
		a.full <- buffer[:n] // has room for all buffers
		if err != nil {
			a.err = err
			return
		}
	}
}

// fill reads until the buffer is full or r ends, in whatever way.
func fill(r io.Reader, buffer []byte) (int, error) {
	for n := 0; ; {
		m, err := r.Read(buffer[n:])
		n += m
		if err != nil || n == len(buffer) {
			return n, err
		}
	}
}

// Read implements [io.Reader].
func (a *ahead) Read(p []byte) (int, error) {
	if err := a.advance(); err != nil {
		return 0, err
	}
	n := copy(p, a.current)
	a.current = a.current[n:]
	return n, nil
}

// WriteTo implements [io.WriterTo].
func (a *ahead) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		err := a.advance()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := w.Write(a.current)
		total += int64(n)
		if err != nil {
			return total, err
		}
		a.current = nil
	}
}

// advance waits for bytes.
func (a *ahead) advance() error {
	for len(a.current) == 0 {
		if a.used != nil {
			a.free <- a.used[:bufferSize]
			a.used = nil
		}
		buffer, ok := <-a.full
		if !ok {
			return a.err
		}
		a.used, a.current = buffer, buffer
	}
	return nil
}

// Close ends the reading and waits for that.
func (a *ahead) Close() error {
	a.cancel()
	<-a.ended
	return nil
}
