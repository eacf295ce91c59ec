package archive

import (
	"context"
	"io"
	"os"
)

// openWaiting opens a file, and stops waiting for the other end of a named pipe
// when ctx ends.
func openWaiting(ctx context.Context, path string, flag int) (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	done := make(chan result, 1)
	go func() {
		file, err := os.OpenFile(path, flag, 0)
		if err == nil && ctx.Err() != nil {
			err = ctx.Err()
			file.Close()
		}
		done <- result{file, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case opened := <-done:
		return opened.file, opened.err
	}
}

// pipeReader reads what may keep a reader waiting for ever, such as standard
// input, and stops waiting when its context ends. The read that waits then is
// left behind with a buffer of its own, since nothing can wake it.
type pipeReader struct {
	ctx    context.Context
	r      io.Reader
	buffer []byte
	done   chan readResult
}

type readResult struct {
	n   int
	err error
}

func newPipeReader(ctx context.Context, r io.Reader) *pipeReader {
	return &pipeReader{ctx: ctx, r: r, buffer: make([]byte, copyBuffer), done: make(chan readResult, 1)}
}

func (p *pipeReader) Read(b []byte) (int, error) {
	into := p.buffer[:min(len(b), len(p.buffer))]
	go func() {
		n, err := p.r.Read(into)
		p.done <- readResult{n, err}
	}()
	select {
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	case result := <-p.done:
		return copy(b, into[:result.n]), result.err
	}
}
