package codec

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"slices"

	"github.com/ulikunitz/xz/lzma"
)

// xzSource reads the bytes of an .xz file. To end early is
// io.ErrUnexpectedEOF, never io.EOF.
type xzSource struct {
	r   *bufio.Reader
	n   int64  // bytes read
	crc uint32 // CRC32 of what ReadByte gave since this was zero
	one [1]byte
}

// read fills p.
func (s *xzSource) read(p []byte) error {
	n, err := io.ReadFull(s.r, p)
	s.n += int64(n)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadByte makes s an [io.ByteReader].
func (s *xzSource) ReadByte() (byte, error) {
	err := s.read(s.one[:])
	s.crc = crc32.Update(s.crc, crc32.IEEETable, s.one[:])
	return s.one[0], err
}

// pad reads the zero bytes that bring size to a multiple of four.
func (s *xzSource) pad(size int64) error {
	for ; size%4 != 0; size++ {
		b, err := s.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return errors.New("padding is not zero")
		}
	}
	return nil
}

// readVarint reads a multibyte integer of at most 63 bits, which has to be in
// its shortest form (1.2).
func readVarint(r io.ByteReader) (int64, error) {
	var v int64
	for shift := 0; shift < 63; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b == 0 && shift > 0 {
			return 0, errors.New("integer is not in its shortest form")
		}
		v |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			return v, nil
		}
	}
	return 0, errors.New("integer is longer than 63 bits")
}

func allZero(p []byte) bool {
	return !slices.ContainsFunc(p, func(b byte) bool { return b != 0 })
}

// parseBlock reads the fields of a block header from its flags to its padding
// (3.1.2 to 3.1.6): the sizes of the block, -1 where there is none, and that of
// the dictionary. Its error is io.EOF where fields are missing.
func parseBlock(body []byte) (packed, plain, dict int64, err error) {
	r := bytes.NewReader(body)
	flags, err := r.ReadByte()
	if err != nil {
		return 0, 0, 0, err
	}
	if flags&0x3c != 0 {
		return 0, 0, 0, fmt.Errorf("block flags 0x%02x are not supported", flags)
	}
	packed, plain = -1, -1
	if flags&0x40 != 0 {
		packed, err = readVarint(r)
	}
	if err == nil && flags&0x80 != 0 {
		plain, err = readVarint(r)
	}
	if err == nil {
		dict, err = readFilter(r, int(flags&3)+1)
	}
	if err == nil && !allZero(body[len(body)-r.Len():]) {
		err = errors.New("padding of the header is not zero")
	}
	return packed, plain, dict, err
}

// readFilter reads the filter flags, of which there are count, and gives the
// dictionary size in bytes (3.1.5 and 5.3.1).
func readFilter(r *bytes.Reader, count int) (int64, error) {
	const lzma2ID = 0x21
	id, err := readVarint(r)
	if err != nil {
		return 0, err
	}
	if id != lzma2ID {
		return 0, fmt.Errorf("filter 0x%02x is not supported", id)
	}
	if count != 1 {
		return 0, errors.New("filters after LZMA2")
	}
	size, err := readVarint(r)
	if err != nil {
		return 0, err
	}
	if size != 1 {
		return 0, fmt.Errorf("%d bytes of LZMA2 properties, not 1", size)
	}
	code, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	dict, err := lzma.DecodeDictCap(code)
	if err != nil {
		return 0, fmt.Errorf("dictionary size code %d is not defined", code)
	}
	return dict, nil
}

// newCheck gives the check that stream flags name, whose Sum is as it is stored
// (2.1.1.2 and 3.4). Other check IDs than these
// are not in use: xz reads past them with a warning, which would be content
// that nobody checked.
func newCheck(flags []byte) (hash.Hash, error) {
	if flags[0] != 0 || flags[1]&0xf0 != 0 {
		return nil, fmt.Errorf("stream flags 0x%02x%02x are not supported", flags[0], flags[1])
	}
	switch flags[1] {
	case 0x00:
		return noCheck{}, nil
	case 0x01:
		return crcCheck{crc32.NewIEEE()}, nil
	case 0x04:
		return crcCheck{crc64.New(crc64.MakeTable(crc64.ECMA))}, nil
	case 0x0a:
		return sha256.New(), nil
	}
	return nil, fmt.Errorf("check 0x%02x is not supported", flags[1])
}

// crcCheck has its sum in little endian.
type crcCheck struct{ hash.Hash }

func (c crcCheck) Sum(b []byte) []byte {
	sum := c.Hash.Sum(nil)
	slices.Reverse(sum)
	return append(b, sum...)
}

// noCheck is the check of no bytes that always matches.
type noCheck struct{}

func (noCheck) Write(p []byte) (int, error) { return len(p), nil }
func (noCheck) Sum(b []byte) []byte         { return b }
func (noCheck) Reset()                      {}
func (noCheck) Size() int                   { return 0 }
func (noCheck) BlockSize() int              { return 1 }
