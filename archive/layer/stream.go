package layer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive/codec"
)

// bufferSize is the size of one read, in bytes.
const bufferSize = 256 << 10

// stream is a layer that is being read.
type stream struct {
	r       io.Reader
	closers []io.Closer
}

// open gives the uncompressed tar of layer i. That of a plain layer can seek.
func (s *Stack) open(ctx context.Context, i int) (*stream, error) {
	l := s.Layers[i]
	blob, err := l.Open()
	if err != nil {
		return nil, err
	}
	stored := io.NewSectionReader(blob, 0, blob.Size())
	if l.Compression == codec.None {
		return &stream{r: stored, closers: []io.Closer{blob}}, nil
	}
	plain, err := codec.NewReader(&meteredReader{ctx, stored, s.Progress}, l.Compression, codec.ReaderOptions{MaxExpansion: s.MaxExpansion})
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return &stream{r: plain, closers: []io.Closer{plain, blob}}, nil
}

// drain reads what comes behind the end of a tar, so that a stream that is cut
// or broken there is found. A plain layer is only looked at for its length.
func (s *stream) drain() error {
	if _, ok := s.r.(io.Seeker); ok {
		return nil
	}
	if _, err := io.Copy(io.Discard, s.r); err != nil {
		return fmt.Errorf("behind the end of the tar: %w", err)
	}
	return nil
}

func (s *stream) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// meteredReader ends with the context's error once that is cancelled, and tells
// how much went through it.
type meteredReader struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
}

func (m *meteredReader) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if m.progress != nil {
		m.progress(int64(n))
	}
	return n, err
}
