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
	done   chan pipeResult
}

// pipeResult is what a read or a write gave.
type pipeResult struct {
	n   int
	err error
}

func newPipeReader(ctx context.Context, r io.Reader) *pipeReader {
	return &pipeReader{ctx: ctx, r: r, buffer: make([]byte, copyBuffer), done: make(chan pipeResult, 1)}
}

func (p *pipeReader) Read(b []byte) (int, error) {
	into := p.buffer[:min(len(b), len(p.buffer))]
	go func() {
		n, err := p.r.Read(into)
		p.done <- pipeResult{n, err}
	}()
	select {
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	case result := <-p.done:
		return copy(b, into[:result.n]), result.err
	}
}

// pipeWriter writes to what may keep a writer waiting for ever, such as a pipe
// whose reader has stopped, and stops waiting when its context ends. The write
// that waits then is left behind with a buffer of its own.
type pipeWriter struct {
	ctx    context.Context
	w      io.Writer
	buffer []byte
	done   chan pipeResult
}

func newPipeWriter(ctx context.Context, w io.Writer) *pipeWriter {
	return &pipeWriter{ctx: ctx, w: w, buffer: make([]byte, copyBuffer), done: make(chan pipeResult, 1)}
}

func (p *pipeWriter) Write(b []byte) (int, error) {
	for written := 0; ; {
		if err := p.ctx.Err(); err != nil { // the buffer may be in use
			return written, err
		}
		from := p.buffer[:copy(p.buffer, b[written:])]
		go func() {
			n, err := p.w.Write(from)
			p.done <- pipeResult{n, err}
		}()
		select {
		case <-p.ctx.Done():
			return written, p.ctx.Err()
		case result := <-p.done:
			written += result.n
			if result.err != nil || written == len(b) {
				return written, result.err
			}
		}
	}
}
