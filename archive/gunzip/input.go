package gunzip

import (
	"encoding/binary"
	"io"
)

const (
	// inputSize is how many compressed bytes are read ahead. It is a power of
	// two, so that a masked index needs no bounds check.
	inputSize = 64 << 10
	inputMask = inputSize - 1
	// inputSlack lets eight bytes be loaded from any masked index.
	inputSlack = 8
	// maxEmptyReads is how often a source may give nothing and no error, as
	// in bufio.
	maxEmptyReads = 100
)

// input is the compressed side: a buffer over the source and, for the parts
// of DEFLATE that are not bytes, up to 64 bits taken from it. Bits of the
// buffer beyond nbits are zero or a copy of what stands at pos.
type input struct {
	src      io.Reader
	err      error // what the source ended with
	base     int64 // bytes of the stream before buf
	pos, end int   // buf[pos:end] is not yet in bits
	bits     uint64
	nbits    uint
	buf      inputBuffer
}

type inputBuffer [inputSize + inputSlack]byte

func (in *input) reset(src io.Reader) {
	in.src, in.err, in.base = src, nil, 0
	in.pos, in.end = 0, 0
	in.bits, in.nbits = 0, 0
}

// offset is how many whole bytes of the stream are used up.
func (in *input) offset() int64 {
	return in.base + int64(in.pos) - int64(in.nbits/8)
}

// want has at least n bytes ready behind pos unless the source has ended.
func (in *input) want(n int) bool {
	if in.end-in.pos >= n {
		return true
	}
	in.fill(n)
	return in.end-in.pos >= n
}

// fill reads until n bytes are there. It moves what is left to the front, so
// that every read of the source is a large one.
func (in *input) fill(n int) {
	if in.err != nil {
		return
	}
	in.unread()
	in.base += int64(in.pos)
	in.end = copy(in.buf[:], in.buf[in.pos:in.end])
	in.pos = 0
	empty := 0
	for in.end < n && in.err == nil {
		var got int
		got, in.err = in.src.Read(in.buf[in.end:inputSize])
		in.end += got
		if empty++; got > 0 {
			empty = 0
		} else if empty >= maxEmptyReads && in.err == nil {
			in.err = io.ErrNoProgress
		}
	}
}

// need has at least n bits ready, n at most 56, unless the source has ended.
func (in *input) need(n uint) bool {
	if in.nbits >= n {
		return true
	}
	if in.want(8) {
		in.bits |= binary.LittleEndian.Uint64(in.buf[in.pos:]) << in.nbits
		in.pos += int(63-in.nbits) >> 3
		in.nbits |= 56
		return true
	}
	for in.nbits <= 56 && in.pos < in.end {
		in.bits |= uint64(in.buf[in.pos]) << in.nbits
		in.pos++
		in.nbits += 8
	}
	return in.nbits >= n
}

// peek looks at the next n bits; what lies beyond the end of input is zero.
func (in *input) peek(n uint) uint { return uint(in.bits & (1<<n - 1)) }

// drop uses up n bits that are known to be there.
func (in *input) drop(n uint) {
	in.bits >>= n
	in.nbits -= n
}

// take uses up the next n bits, which [input.need] has made sure of.
func (in *input) take(n uint) uint {
	v := in.peek(n)
	in.drop(n)
	return v
}

// unread gives the whole bytes among the bits back to the buffer.
func (in *input) unread() {
	in.pos -= int(in.nbits / 8)
	in.nbits %= 8
	in.bits = uint64(in.peek(in.nbits))
}

// align drops the rest of a byte that is begun.
func (in *input) align() {
	in.unread()
	in.bits, in.nbits = 0, 0
}

// next uses up n bytes, n at most [inputSize], of aligned input. The slice
// is valid until the input is touched again.
func (in *input) next(n int) ([]byte, bool) {
	if !in.want(n) {
		return nil, false
	}
	in.pos += n
	return in.buf[in.pos-n : in.pos], true
}

// corrupt is the error for data that no encoder makes.
func (in *input) corrupt(detail string) error {
	return &Error{Offset: in.offset(), Err: ErrCorrupt, Detail: detail}
}

// ended is the error for a source that ends where it must not.
func (in *input) ended() error {
	err := in.err
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &Error{Offset: in.base + int64(in.end), Err: err}
}
