package codec

import (
	"bufio"
	"compress/bzip2"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

const (
	// bufferSize is what is read ahead of a decoder, in bytes.
	bufferSize = 256 << 10
	// maxWindow is the largest zstd window and xz dictionary accepted, in
	// bytes: what `zstd -d` takes without --long, and twice that of `xz -9`.
	maxWindow = 128 << 20
)

// newDecoder is the table itself: every decompressor enters here.
func newDecoder(r io.Reader, c Compression) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, bufferSize)
	switch c {
	case None:
		return io.NopCloser(r), nil
	case Gzip:
		return gzip.NewReader(buffered)
	case Bzip2:
		return io.NopCloser(bzip2.NewReader(buffered)), nil
	case XZ:
		return newXZ(buffered)
	case Zstd:
		return newZstd(r)
	}
	return nil, fmt.Errorf("unknown compression %q", c)
}

func newZstd(r io.Reader) (io.ReadCloser, error) {
	dec, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	return dec.IOReadCloser(), nil
}

// xzHeaderSize covers the stream header and the longest filter list of a first
// block header that still names its dictionary (xz file format 1.2.0, sections
// 2.1.1 and 3.1).
const xzHeaderSize = 12 + 32

// newXZ looks at the dictionary size before the library allocates it.
func newXZ(r *bufio.Reader) (io.ReadCloser, error) {
	head, _ := r.Peek(xzHeaderSize) // a short stream is the library's to report
	if size := xzDictionary(head); size > maxWindow {
		return nil, fmt.Errorf("dictionary of %d bytes, more than %d", size, int64(maxWindow))
	}
	dec, err := xz.NewReader(r)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(dec), nil
}

// xzDictionary reads the LZMA2 dictionary size, in bytes, from the first block
// header, or gives 0 where the header has another shape.
func xzDictionary(head []byte) int64 {
	const blockFlags, lzma2 = 13, 0x21
	if len(head) < xzHeaderSize {
		return 0
	}
	at := blockFlags + 1
	for _, present := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if head[blockFlags]&present != 0 {
			at += varintLen(head[at:])
		}
	}
	if at+2 >= len(head) || head[at] != lzma2 {
		return 0
	}
	size, err := lzma.DecodeDictCap(head[at+2])
	if err != nil {
		return 0
	}
	return size
}

// varintLen is the length of a multibyte integer (xz file format, section 1.2).
func varintLen(b []byte) int {
	for i := range b {
		if b[i]&0x80 == 0 {
			return i + 1
		}
	}
	return len(b)
}
