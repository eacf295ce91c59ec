package codec

import "io"

// Sizes of blocks, in uncompressed bytes.
const (
	GzipBlock = gzipBlock
	ZstdBlock = zstdBlock
)

// NewBlockWriter is [NewWriter] for gzip and zstd with blocks of another size, so
// that little content has many.
func NewBlockWriter(w io.Writer, s Setting, concurrency, size int) io.WriteCloser {
	if s.Compression == Gzip {
		enc := newGzipEncoder(w, s.level(), concurrency)
		enc.format.size = size
		return &writer{compression: Gzip, enc: enc}
	}
	enc := newZstdEncoder(w, s.level(), concurrency)
	enc.format.size = size
	return &writer{compression: Zstd, enc: enc}
}
