package codec

import (
	"fmt"
	"io"
	"io/fs"
	"runtime"
)

// WriterOptions says how a compressing writer goes about its work. Nothing in
// it changes a byte of the output.
type WriterOptions struct {
	// Concurrency is how many blocks are compressed at a time, each in a
	// goroutine. Zero means GOMAXPROCS. More than 16 for gzip, 4 for zstd and 2
	// for zstd from level 10 on are taken as that many, to bound memory; xz has
	// one in any case, the caller's.
	Concurrency int
}

// WriterRevision is another number whenever [NewWriter] gives other bytes for the
// same content than before, so that those who keep its output can tell.
const WriterRevision = 1

// NewWriter gives a writer that compresses what it is given to w, which it does
// not close. The output depends on the setting and the content alone, not on
// the concurrency, on timing, or on how the content is cut into calls.
//
//   - none is the content itself.
//   - gzip is one member without name and time, made of blocks of 512 KiB. They
//     cost no bytes to speak of: each sees the last 32 KiB of the one before.
//   - zstd is frames of 8 MiB, each on its own and with a checksum, with a
//     window of 4 MiB. That costs 0.4% of the bytes at level 3 and 2% at level
//     19 against one frame. There are four strengths: levels 1 and 2, 3 to 5,
//     6 to 9, and from 10.
//   - xz is one stream of one block with a CRC64. A level is the size of the
//     dictionary, as for xz(1), and nothing else: the search for matches is the
//     same for all, and the result about that of xz -0.
//
// Memory is about 3 MiB for each of the Concurrency workers of gzip. For zstd it
// is 16 MiB and up to 25 MiB for each worker, and 34 MiB more for each from level
// 10 on. Content that is shorter than that takes less, and the memory is used
// again for the next stream. For xz it is five times the dictionary and 8 MiB: 48
// MiB at level 6, and 328 MiB at level 9.
//
// The writer is for one goroutine, and w is written to only during Write and
// Close. The first error of w comes out of Write or Close, at most a few blocks
// late, and out of every call after it. Close ends the stream; only then, and
// without an error, is the output whole. To give up in the middle, call Close
// all the same, ignore what it says, and throw the output away. After an error
// of w that takes no longer than the block at hand; otherwise Close finishes the
// stream as if there were no more content. No goroutine is left after Close.
func NewWriter(w io.Writer, s Setting, opts WriterOptions) (io.WriteCloser, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if opts.Concurrency < 0 {
		return nil, fmt.Errorf("concurrency %d: it is not negative", opts.Concurrency)
	}
	if opts.Concurrency == 0 {
		opts.Concurrency = runtime.GOMAXPROCS(0)
	}
	enc, err := newEncoder(w, s, opts.Concurrency)
	if err != nil {
		return nil, fmt.Errorf("write %s stream: %w", s.Compression, err)
	}
	return &writer{compression: s.Compression, enc: enc}, nil
}

// encoder writes one stream.
type encoder interface {
	io.Writer
	// finish ends the stream. It is not called after an error.
	finish() error
	// release is called last. It waits for goroutines, which end soon.
	release()
}

// writer gives every encoder the same manners.
type writer struct {
	compression Compression
	enc         encoder // nil once closed
	err         error   // sticky
}

func (w *writer) Write(p []byte) (int, error) {
	if w.enc == nil {
		return 0, fmt.Errorf("write %s stream: %w", w.compression, fs.ErrClosed)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.enc.Write(p)
	w.err = err
	return n, err
}

// Close may be called again and says the same again.
func (w *writer) Close() error {
	if w.enc == nil {
		return w.err
	}
	if w.err == nil {
		w.err = w.enc.finish()
	}
	w.enc.release()
	w.enc = nil
	return w.err
}

// plain is the encoder of [None].
type plain struct{ w io.Writer }

func (p plain) Write(data []byte) (int, error) { return writeWhole(p.w, data) }
func (plain) finish() error                    { return nil }
func (plain) release()                         {}

// writeWhole does not believe that a short write without an error went well.
func writeWhole(w io.Writer, p []byte) (int, error) {
	n, err := w.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
