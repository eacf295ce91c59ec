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
	for len(a.current) == 0 {
		if a.used != nil {
			a.free <- a.used[:bufferSize]
			a.used = nil
		}
		buffer, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		a.used, a.current = buffer, buffer
	}
	n := copy(p, a.current)
	a.current = a.current[n:]
	return n, nil
}

// stop ends the reading and waits for that.
func (a *ahead) stop() {
	a.cancel()
	<-a.ended
}
