// Package codec is the table of compressions that image archives and layers
// use. A compression is found by the first bytes of a stream, never by a file
// name or a media type.
package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"
)

// Compression names how a stream is compressed.
type Compression string

// The compressions that imgtool reads.
const (
	None  Compression = "none"
	Gzip  Compression = "gzip"
	Bzip2 Compression = "bzip2"
	XZ    Compression = "xz"
	Zstd  Compression = "zstd"
)

// PeekSize is how many first bytes [Detect] wants to see.
const PeekSize = 10

// DefaultMaxExpansion is how many bytes a stream may give out for each stored
// byte once it has given out [expansionFloor] bytes.
const DefaultMaxExpansion = 200

// expansionFloor is what any stream may give out, however small it is stored.
const expansionFloor = 1 << 30

// ErrExpansion says that a stream expands beyond all measure.
var ErrExpansion = errors.New("expands more than allowed")

// Detect tells the compression of a stream by its first bytes, of which it
// looks at up to [PeekSize]. What it does not know is [None].
func Detect(head []byte) Compression {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip
	case len(head) >= 4 && bytes.HasPrefix(head, []byte("BZh")) && '1' <= head[3] && head[3] <= '9':
		return Bzip2
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return XZ
	case isZstd(head):
		return Zstd
	}
	return None
}

// isZstd reports a zstd frame or a skippable frame (RFC 8878, sections 3.1.1
// and 3.1.2); zstd:chunked layers may begin with the latter.
func isZstd(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	skippable := head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
	return skippable || bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd})
}

// ReaderOptions bounds what a decompressing reader may do.
type ReaderOptions struct {
	// MaxExpansion is the number of bytes that one stored byte may give, once
	// the stream has given more than 1 GiB. Zero means [DefaultMaxExpansion],
	// a negative number no limit.
	MaxExpansion int64
}

// NewReader gives the uncompressed content of r, which it does not close. It
// reads gzip of many members and zstd of many frames to their end. A stream
// that expands over the limit fails with [ErrExpansion]. Closing the result
// releases its memory; at most about 160 MiB are held, for zstd or xz streams
// with the largest window that is accepted.
func NewReader(r io.Reader, c Compression, opts ReaderOptions) (io.ReadCloser, error) {
	stored := &countingReader{r: r}
	plain, err := newDecoder(stored, c)
	if err != nil {
		return nil, named(c, err)
	}
	if c == None {
		return plain, nil
	}
	g := &guard{ReadCloser: plain, compression: c, stored: stored, ratio: opts.MaxExpansion}
	switch {
	case g.ratio == 0:
		g.ratio = DefaultMaxExpansion
	case g.ratio < 0:
		g.ratio = math.MaxInt64
	}
	return g, nil
}

// countingReader counts the stored bytes that a decoder took, which may read in
// a goroutine of its own.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// guard stops a decoder that gives out far more than it took in, and says of
// errors which stream they are about.
type guard struct {
	io.ReadCloser
	compression Compression
	stored      *countingReader
	ratio       int64
	given       int64
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	g.given += int64(n)
	if stored := g.stored.n.Load(); g.given > expansionFloor && g.given/g.ratio > stored {
		return n, fmt.Errorf("read %s stream: %w: %d bytes from %d stored, over %d to 1", g.compression, ErrExpansion, g.given, stored, g.ratio)
	}
	if err != nil && err != io.EOF {
		err = named(g.compression, err)
	}
	return n, err
}

// named says which stream an error is about; our own gzip reader does so itself.
func named(c Compression, err error) error {
	if c == Gzip {
		return err
	}
	return fmt.Errorf("read %s stream: %w", c, err)
}
