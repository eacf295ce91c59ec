package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const (
	// gzipBlock is eight of the pieces that the library works in at levels 1 to
	// 6, so that none is cut short. Blocks twice as long are not faster, and
	// shorter ones pay more for the look back.
	gzipBlock   = 8 * 65535
	gzipOverlap = 32 << 10 // the window of DEFLATE
	// zstdBlock is a frame. With 4 MiB the loss of bytes doubles, and with 16
	// MiB so does the memory.
	zstdBlock  = 8 << 20
	zstdWindow = 4 << 20

	gzipWorkers     = 16 // beyond that they wait for content
	zstdWorkers     = 4
	zstdBestWorkers = 2
)

// What streams leave for the next ones, until the garbage collector comes.
var (
	gzipSpare, zstdSpare sync.Pool                                // of *block
	deflaters            [10]sync.Pool                            // of *worker, by level
	framers              [zstd.SpeedBestCompression + 1]sync.Pool // of *worker
)

// newEncoder is the table itself: every compressor enters here. The setting has
// been checked.
func newEncoder(w io.Writer, s Setting, concurrency int) (encoder, error) {
	switch s.Compression {
	case None:
		return plain{w}, nil
	case Gzip:
		return newGzipEncoder(w, s.level(), concurrency), nil
	case Zstd:
		return newZstdEncoder(w, s.level(), concurrency), nil
	case XZ:
		return newXZEncoder(w, s.level())
	}
	return nil, fmt.Errorf("unknown compression %q", s.Compression)
}

// gzipEncoder puts blocks of DEFLATE data into one member (RFC 1952, 2.3).
type gzipEncoder struct {
	*blocks
	level int
	begun bool
	crc   uint32
	size  uint32 // modulo 2^32
}

func newGzipEncoder(w io.Writer, level, concurrency int) *gzipEncoder {
	workers := min(concurrency, gzipWorkers)
	return &gzipEncoder{level: level, blocks: newBlocks(w, blockFormat{
		size: gzipBlock, overlap: gzipOverlap, workers: workers, queue: 2 * workers,
		newCompressor: func() compressor { return newDeflater(level) },
		compressors:   &deflaters[level], spare: &gzipSpare,
	})}
}

func (g *gzipEncoder) Write(p []byte) (int, error) {
	if err := g.begin(); err != nil {
		return 0, err
	}
	g.crc = crc32.Update(g.crc, crc32.IEEETable, p)
	g.size += uint32(len(p))
	return g.blocks.Write(p)
}

// begin writes the header, with the flags that gzip and compress/gzip set for
// the first and the last level, and an unknown system.
func (g *gzipEncoder) begin() error {
	if g.begun {
		return nil
	}
	g.begun = true
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	switch g.level {
	case 1:
		header[8] = 4
	case 9:
		header[8] = 2
	}
	_, err := writeWhole(g.w, header)
	return err
}

// finish ends the DEFLATE data with an empty block of fixed codes (RFC 1951,
// 3.2.6), and the member with its trailer.
func (g *gzipEncoder) finish() error {
	if err := g.begin(); err != nil {
		return err
	}
	if err := g.blocks.finish(); err != nil {
		return err
	}
	end := []byte{0x03, 0x00}
	end = binary.LittleEndian.AppendUint32(end, g.crc)
	end = binary.LittleEndian.AppendUint32(end, g.size)
	_, err := writeWhole(g.w, end)
	return err
}

// deflater compresses blocks of gzip: each ends on a byte border and is not the
// last one of its stream.
type deflater struct{ w *flate.Writer }

func newDeflater(level int) deflater {
	w, err := flate.NewWriter(nil, level)
	if err != nil {
		panic(err) // levels are checked
	}
	return deflater{w}
}

func (d deflater) compress(dst, before, block []byte) []byte {
	if len(block) == 0 {
		return dst
	}
	out := bytes.NewBuffer(dst) // which knows no errors
	d.w.ResetDict(out, before)
	_, _ = d.w.Write(block)
	_ = d.w.Flush()
	return out.Bytes()
}

func newZstdEncoder(w io.Writer, level, concurrency int) *blocks {
	strength := zstd.EncoderLevelFromZstd(level)
	workers := min(concurrency, zstdWorkers)
	if strength == zstd.SpeedBestCompression {
		workers = min(concurrency, zstdBestWorkers)
	}
	return newBlocks(w, blockFormat{
		size: zstdBlock, workers: workers, queue: workers + 1,
		newCompressor: func() compressor { return newFramer(strength) },
		compressors:   &framers[strength], spare: &zstdSpare,
	})
}

// framer makes each block a zstd frame, which says how long its content is.
type framer struct{ enc *zstd.Encoder }

func newFramer(strength zstd.EncoderLevel) framer {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(strength), // first, as it sets the others
		zstd.WithWindowSize(zstdWindow),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(true),
		zstd.WithZeroFrames(true))
	if err != nil {
		panic(err) // nothing of this comes from outside
	}
	return framer{enc}
}

func (f framer) compress(dst, _, block []byte) []byte { return f.enc.EncodeAll(block, dst) }

// xzEncoder keeps the errors of w in a buffer, where they stay: [lzma.Writer2]
// drops them on Close.
type xzEncoder struct {
	*xz.Writer
	out *bufio.Writer
}

// xzDictionaries are those of xz(1), section "Preset selection", in MiB.
var xzDictionaries = [...]int{1: 1, 2, 4, 4, 8, 8, 16, 32, 64}

func newXZEncoder(w io.Writer, level int) (*xzEncoder, error) {
	out := bufio.NewWriterSize(w, bufferSize)
	enc, err := xz.WriterConfig{DictCap: xzDictionaries[level] << 20, CheckSum: xz.CRC64}.NewWriter(out)
	if err != nil {
		return nil, err
	}
	return &xzEncoder{enc, out}, nil
}

func (x *xzEncoder) finish() error {
	closing := x.Close()
	if err := x.out.Flush(); err != nil {
		return err
	}
	return closing
}

func (*xzEncoder) release() {}
