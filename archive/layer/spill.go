package layer

import (
	"errors"
	"fmt"
	"io"
)

// spill keeps content in a temporary file until it is wanted.
type spill struct {
	file TempFile
	size int64
	at   map[spillKey]span
}

type spillKey struct{ layer, index int32 }

type span struct{ offset, size int64 }

func newSpill(temp func() (TempFile, error)) (*spill, error) {
	if temp == nil {
		return nil, errors.New("the order of a layer demands a temporary file, and none may be used")
	}
	file, err := temp()
	if err != nil {
		return nil, err
	}
	return &spill{file: file, at: map[spillKey]span{}}, nil
}

// put keeps what r has to its end.
func (s *spill) put(o Origin, r io.Reader, buffer []byte) error {
	w := io.NewOffsetWriter(s.file, s.size)
	n, err := io.CopyBuffer(onlyWriter{w}, onlyReader{r}, buffer)
	if err != nil {
		return fmt.Errorf("keep content in a temporary file: %w", err)
	}
	s.at[spillKey{o.Layer, o.Index}] = span{s.size, n}
	s.size += n
	return nil
}

// get gives what put kept.
func (s *spill) get(o Origin) (io.Reader, bool) {
	at, ok := s.at[spillKey{o.Layer, o.Index}]
	if !ok {
		return nil, false
	}
	return io.NewSectionReader(s.file, at.offset, at.size), true
}

func (s *spill) Close() error { return s.file.Close() }
