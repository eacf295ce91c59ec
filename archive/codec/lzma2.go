package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ulikunitz/xz/lzma"
)

// maxChunk is the longest LZMA2 chunk: a header of 6 bytes and 64 KiB.
const maxChunk = 6 + 1<<16

// lzma2 decodes LZMA2 streams, one after the other. It hands the library one
// whole chunk at a time, for what [lzma.Reader2] does with a longer source is
// not enough here: it never reads too far, but it takes a source that ends in
// the first bytes of a chunk for the end of the stream, goes on in the middle of
// a chunk that holds more than its content, and can not begin a second stream in
// the dictionary that it has, so that each block would allocate one.
//
// The format of chunks is not in the xz file format; it is that of
// lzma2_decoder.c of liblzma 5.4:
//
//	0x00                       end of the stream
//	0x01, 0x02                 stored, with and without reset of the dictionary
//	0b1rruuuuu                 LZMA; r 3 resets the dictionary, r 2 and 3 bring properties
//
// and then the uncompressed size - 1 (of which u are the high bits), for LZMA
// the compressed size - 1, each 16 bits in big endian, and the properties.
type lzma2 struct {
	src   *xzSource
	dec   *lzma.Reader2 // nil before the first chunk
	have  int           // the dictionary of dec, in bytes
	want  int           // the dictionary of the stream, in bytes
	begun bool          // the stream has reset the dictionary
	chunk bytes.Reader  // what dec reads
	left  int           // uncompressed bytes of the chunk that are not given yet
	buf   []byte        // maxChunk long
}

// open begins a stream with a dictionary of dict bytes. It does not read.
func (l *lzma2) open(dict int) {
	l.want, l.begun, l.left = dict, false, 0
}

// next reads a chunk. It gives false at the end of the stream.
func (l *lzma2) next() (bool, error) {
	if l.buf == nil {
		l.buf = make([]byte, maxChunk)
	}
	if err := l.src.read(l.buf[:1]); err != nil {
		return false, err
	}
	control := l.buf[0]
	if control == 0 {
		return false, nil
	}
	if control > 2 && control < 0x80 {
		return false, fmt.Errorf("LZMA2 chunk of unknown kind 0x%02x", control)
	}
	l.begun = l.begun || control == 1 || control >= 0xe0
	if !l.begun {
		return false, errors.New("first LZMA2 chunk does not reset the dictionary")
	}
	head, data, err := l.readHeader(control)
	if err != nil {
		return false, err
	}
	if err := l.src.read(l.buf[head : head+data]); err != nil {
		return false, err
	}
	l.chunk.Reset(l.buf[:head+data])
	return true, l.ready()
}

// readHeader reads the chunk header behind control and gives its length, and
// that of the data, which fit buf.
func (l *lzma2) readHeader(control byte) (head, data int, err error) {
	head = 3
	if control >= 0x80 {
		head = 5
	}
	if control >= 0xc0 {
		head = 6
	}
	if err := l.src.read(l.buf[1:head]); err != nil {
		return 0, 0, err
	}
	l.left = int(binary.BigEndian.Uint16(l.buf[1:])) + 1
	if control < 0x80 {
		return head, l.left, nil
	}
	l.left += int(control&0x1f) << 16
	if head == 6 && !validProperties(l.buf[5]) {
		return 0, 0, fmt.Errorf("LZMA2 properties 0x%02x are not allowed", l.buf[5])
	}
	return head, int(binary.BigEndian.Uint16(l.buf[3:])) + 1, nil
}

// validProperties reports (pb*5+lp)*9+lc with pb <= 4 and, what the library does
// not ask of LZMA2, lc+lp <= 4. With more each chunk could make it set up 6 MiB.
func validProperties(code byte) bool {
	lc, lp := code%9, code/9%5
	return code < 9*5*5 && lc+lp <= 4
}

// ready sees to a decoder whose dictionary is large enough. In a larger one than
// the stream asks for, what was there before the reset is out of reach too.
func (l *lzma2) ready() error {
	if l.dec != nil && l.have >= l.want {
		return nil
	}
	l.dec = nil // for the garbage collector
	dec, err := lzma.Reader2Config{DictCap: l.want}.NewReader2(&l.chunk)
	if err != nil {
		return err
	}
	l.dec, l.have = dec, l.want
	return nil
}

// read gives bytes of the chunk, of which there have to be some left. Its
// errors are all of damaged data, as chunks are whole.
func (l *lzma2) read(p []byte) (int, error) {
	n, err := l.dec.Read(p[:min(len(p), l.left)])
	l.left -= n
	if err != nil {
		return n, fmt.Errorf("LZMA2 chunk is damaged: %v", err) // its io.EOF is not ours
	}
	if l.left == 0 && l.chunk.Len() > 0 {
		return n, fmt.Errorf("LZMA2 chunk is damaged: %d bytes behind its content", l.chunk.Len())
	}
	return n, nil
}
