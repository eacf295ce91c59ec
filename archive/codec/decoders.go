package codec

import (
	"bufio"
	"compress/bzip2"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive/gunzip"
	"github.com/klauspost/compress/zstd"
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
		return gunzip.NewReader(r) // it buffers by itself
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
