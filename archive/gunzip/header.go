package gunzip

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A gzip member (RFC 1952, section 2.3).
const (
	headerSize  = 10
	trailerSize = 8

	magic1        = 0x1f
	magic2        = 0x8b
	methodDeflate = 8

	flagHeaderCRC = 1 << 1
	flagExtra     = 1 << 2
	flagName      = 1 << 3
	flagComment   = 1 << 4
)

// maxString is the longest name or comment, with its zero byte. RFC 1952 sets
// no limit; this is the one of compress/gzip.
const maxString = 512

// header reads the header of a member, or finds the end of the input.
func (r *Reader) header() error {
	h, ok := r.in.next(headerSize)
	if !ok {
		return r.noHeader()
	}
	if h[0] == 0 && r.members > 0 && isZero(h) {
		r.stage = stagePadding
		return nil
	}
	if h[0] != magic1 || h[1] != magic2 || h[2] != methodDeflate {
		return r.badHeader("no deflate member begins here")
	}
	if err := r.headerFields(h[3], crc32.ChecksumIEEE(h)); err != nil {
		return err
	}
	r.members++
	r.sum, r.size = 0, 0
	r.beginStream()
	return nil
}

// noHeader tells the end of the input from a header that is cut off.
func (r *Reader) noHeader() error {
	in := &r.in
	rest := in.buf[in.pos:in.end]
	if in.err == io.EOF && (len(rest) == 0 || r.members > 0 && isZero(rest)) {
		return io.EOF
	}
	return in.ended()
}

// padding reads zeros up to the end of the input.
func (r *Reader) padding() error {
	in := &r.in
	switch {
	case !in.want(1) && in.err == io.EOF:
		return io.EOF
	case !in.want(1):
		return in.ended()
	case !isZero(in.buf[in.pos:in.end]):
		return r.badHeader("zero padding with something behind it")
	}
	in.pos = in.end
	return nil
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// headerFields reads what the flags announce; bits without a meaning are
// ignored, as compress/gzip does. The content of the fields is not kept. sum
// is the checksum of the header so far.
func (r *Reader) headerFields(flags byte, sum uint32) error {
	if flags&flagExtra != 0 {
		if err := r.skipExtra(&sum); err != nil {
			return err
		}
	}
	for _, flag := range [...]byte{flagName, flagComment} {
		if flags&flag == 0 {
			continue
		}
		if err := r.skipString(&sum); err != nil {
			return err
		}
	}
	if flags&flagHeaderCRC == 0 {
		return nil
	}
	b, ok := r.in.next(2)
	if !ok {
		return r.in.ended()
	}
	if binary.LittleEndian.Uint16(b) != uint16(sum) {
		return r.badHeader("header checksum mismatch")
	}
	return nil
}

func (r *Reader) skipExtra(sum *uint32) error {
	b, ok := r.in.next(2)
	if !ok {
		return r.in.ended()
	}
	size := int(binary.LittleEndian.Uint16(b))
	*sum = crc32.Update(*sum, crc32.IEEETable, b)
	if b, ok = r.in.next(size); !ok {
		return r.in.ended()
	}
	*sum = crc32.Update(*sum, crc32.IEEETable, b)
	return nil
}

// skipString reads a name or a comment, which a zero byte ends.
func (r *Reader) skipString(sum *uint32) error {
	in := &r.in
	in.want(maxString)
	field := in.buf[in.pos:min(in.end, in.pos+maxString)]
	size := bytes.IndexByte(field, 0) + 1
	if size == 0 && len(field) == maxString {
		return r.badHeader("name or comment too long")
	}
	if size == 0 {
		return in.ended()
	}
	*sum = crc32.Update(*sum, crc32.IEEETable, field[:size])
	in.pos += size
	return nil
}

// trailer compares the output of a member with what its end says of it.
func (r *Reader) trailer() error {
	b, ok := r.in.next(trailerSize)
	if !ok {
		return r.in.ended()
	}
	r.addSum()
	sum, size := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	switch {
	case sum != r.sum:
		return r.badSum(fmt.Sprintf("CRC-32 of the output is %08x, trailer says %08x", r.sum, sum))
	case size != r.size:
		return r.badSum(fmt.Sprintf("output has %d bytes modulo 1<<32, trailer says %d", r.size, size))
	}
	r.stage = stageHeader
	return nil
}

// addSum takes the output since the last call into the checksum of the
// member.
func (r *Reader) addSum() {
	b := r.out[r.summed:r.at]
	r.sum = crc32.Update(r.sum, crc32.IEEETable, b)
	r.size += uint32(len(b))
	r.summed = r.at
}

func (r *Reader) badHeader(detail string) error {
	return &Error{Offset: r.in.offset(), Err: ErrHeader, Detail: detail}
}

func (r *Reader) badSum(detail string) error {
	return &Error{Offset: r.in.offset(), Err: ErrChecksum, Detail: detail}
}
