package codec

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
)

// Section numbers here and in xzfield.go are those of "The .xz File Format", 1.2.1.
const (
	xzMagic      = "\xfd7zXZ\x00" // 2.1.1.1
	xzFooter     = "YZ"           // 2.1.2.4
	xzHeaderSize = 12             // of the stream header and of the footer, 2.1
)

// xzReader reads .xz files of any number of streams and blocks, whose only
// filter is LZMA2. What it holds does not grow with the file: the dictionary, up
// to maxWindow, and one chunk. A file that ends early is io.ErrUnexpectedEOF.
type xzReader struct {
	src     xzSource
	lzma2   lzma2
	streams int
	flags   [2]byte   // of the stream, 2.1.1.2
	check   hash.Hash // of the block's content
	block   xzBlock
	blocks  int64     // of the stream
	records hash.Hash // of what the index has to say about them
	err     error     // sticky
}

// xzBlock is a block as it is read. Sizes are in bytes.
type xzBlock struct {
	header        int64 // size of the block header
	start         int64 // where the compressed data begins in the file
	packed, plain int64 // sizes that the header claims, or -1
	given         int64 // uncompressed size so far
}

// newXZ reads the first block header too, so that a dictionary which is too
// large is an error at once.
func newXZ(r *bufio.Reader) (io.ReadCloser, error) {
	x := &xzReader{src: xzSource{r: r}}
	x.lzma2.src = &x.src
	x.err = x.openStream()
	if x.err == nil {
		x.err = x.nextBlock()
	}
	if x.err != nil && x.err != io.EOF {
		return nil, x.err
	}
	return x, nil
}

func (x *xzReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for x.err == nil && x.lzma2.left == 0 {
		x.err = x.advance()
	}
	if x.err != nil {
		return 0, x.err
	}
	n, err := x.lzma2.read(p)
	x.block.given += int64(n)
	x.check.Write(p[:n])
	x.err = x.inBlock(err)
	return n, x.err
}

// Close lets go of the dictionary.
func (x *xzReader) Close() error {
	x.lzma2, x.err = lzma2{}, fs.ErrClosed
	return nil
}

// inBlock says in which block err happened. It keeps nil.
func (x *xzReader) inBlock(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("block %d of stream %d: %w", x.blocks+1, x.streams, err)
}

// advance goes to the next chunk, if need be in the next block or stream. It
// gives io.EOF at the end of the file.
func (x *xzReader) advance() error {
	more, err := x.lzma2.next()
	if err == nil && !more {
		err = x.endBlock()
	}
	if more || err != nil {
		return x.inBlock(err)
	}
	x.blocks++
	return x.nextBlock()
}

// openStream reads a stream header and the stream padding before it (2.1.1 and
// 2.2). It gives io.EOF at the end of the file.
func (x *xzReader) openStream() error {
	head := make([]byte, xzHeaderSize)
	for {
		n, err := io.ReadFull(x.src.r, head[:4])
		x.src.n += int64(n)
		if err != nil && (err != io.EOF || x.streams > 0) {
			return err
		}
		if err != nil {
			return io.ErrUnexpectedEOF // no stream at all
		}
		if x.streams == 0 || !allZero(head[:4]) {
			break
		}
	}
	if string(head[:4]) != xzMagic[:4] {
		return errors.New("no stream header where one has to be")
	}
	if err := x.src.read(head[4:]); err != nil {
		return fmt.Errorf("stream header: %w", err)
	}
	flags := head[6:8]
	if string(head[:6]) != xzMagic || binary.LittleEndian.Uint32(head[8:]) != crc32.ChecksumIEEE(flags) {
		return errors.New("stream header is damaged")
	}
	check, err := newCheck(flags)
	if err != nil {
		return err
	}
	x.flags, x.check, x.records = [2]byte(flags), check, sha256.New()
	x.blocks = 0
	x.streams++
	return nil
}

// nextBlock reads the next block header, in this stream or a later one.
func (x *xzReader) nextBlock() error {
	for {
		x.src.crc = 0
		size, err := x.src.ReadByte()
		if err != nil {
			return x.inBlock(err)
		}
		if size != 0 {
			return x.inBlock(x.openBlock(size))
		}
		if err := x.endStream(); err != nil {
			return fmt.Errorf("end of stream %d: %w", x.streams, err)
		}
		if err := x.openStream(); err != nil {
			return err
		}
	}
}

// openBlock reads the rest of a block header that begins with size (3.1).
func (x *xzReader) openBlock(size byte) error {
	head := make([]byte, 1024)[:(int(size)+1)*4]
	head[0] = size
	if err := x.src.read(head[1:]); err != nil {
		return err
	}
	body, sum := head[:len(head)-4], head[len(head)-4:]
	if binary.LittleEndian.Uint32(sum) != crc32.ChecksumIEEE(body) {
		return errors.New("header is damaged")
	}
	packed, plain, dict, err := parseBlock(body[1:])
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("header is too short for its fields")
		}
		return err
	}
	if dict > maxWindow {
		return fmt.Errorf("dictionary of %d bytes, more than %d", dict, int64(maxWindow))
	}
	x.block = xzBlock{header: int64(len(head)), start: x.src.n, packed: packed, plain: plain}
	x.check.Reset()
	x.lzma2.open(int(dict))
	return nil
}

// endBlock compares what was read with the block header, and reads the block
// padding and the check (3.3 and 3.4).
func (x *xzReader) endBlock() error {
	b, packed := x.block, x.src.n-x.block.start
	if b.packed >= 0 && b.packed != packed {
		return fmt.Errorf("header says %d compressed bytes, block has %d", b.packed, packed)
	}
	if b.plain >= 0 && b.plain != b.given {
		return fmt.Errorf("header says %d uncompressed bytes, block has %d", b.plain, b.given)
	}
	if err := x.src.pad(packed); err != nil {
		return err
	}
	want := make([]byte, x.check.Size())
	if err := x.src.read(want); err != nil {
		return err
	}
	if !bytes.Equal(want, x.check.Sum(nil)) {
		return errors.New("check does not match the content")
	}
	addRecord(x.records, b.header+packed+int64(len(want)), b.given)
	return nil
}

// endStream reads the index behind its indicator (4), and the footer (2.1.2).
func (x *xzReader) endStream() error {
	start := x.src.n - 1
	if err := x.readIndex(start); err != nil {
		return err
	}
	var foot [xzHeaderSize]byte
	size := x.src.n - start
	if err := x.src.read(foot[:]); err != nil {
		return err
	}
	if string(foot[10:]) != xzFooter || binary.LittleEndian.Uint32(foot[:]) != crc32.ChecksumIEEE(foot[4:10]) {
		return errors.New("footer is damaged")
	}
	if stated := (int64(binary.LittleEndian.Uint32(foot[4:])) + 1) * 4; stated != size {
		return fmt.Errorf("footer says %d bytes of index, stream has %d", stated, size)
	}
	if [2]byte(foot[8:10]) != x.flags {
		return errors.New("flags of header and footer differ")
	}
	return nil
}

// readIndex reads an index that begins at start and compares it with the blocks
// of the stream. As xz does, it keeps a hash of the records instead of a list.
func (x *xzReader) readIndex(start int64) error {
	count, err := readVarint(&x.src)
	if err != nil {
		return err
	}
	if count != x.blocks {
		return fmt.Errorf("index lists %d blocks, stream has %d", count, x.blocks)
	}
	records := sha256.New()
	for range count {
		unpadded, err := readVarint(&x.src)
		if err != nil {
			return err
		}
		plain, err := readVarint(&x.src)
		if err != nil {
			return err
		}
		addRecord(records, unpadded, plain)
	}
	if err := x.src.pad(x.src.n - start); err != nil {
		return err
	}
	crc := x.src.crc
	var sum [4]byte
	if err := x.src.read(sum[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(sum[:]) != crc {
		return errors.New("index is damaged")
	}
	if !bytes.Equal(records.Sum(nil), x.records.Sum(nil)) {
		return errors.New("index lists other block sizes than the stream has")
	}
	return nil
}

// addRecord adds an index record to h: a size without padding and an
// uncompressed size (4.3).
func addRecord(h hash.Hash, unpadded, plain int64) {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], uint64(unpadded))
	binary.LittleEndian.PutUint64(b[8:], uint64(plain))
	h.Write(b[:])
}
