package gunzip

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"
)

// maxFuzzOutput keeps inputs that expand a thousandfold from slowing the
// fuzzer down; what lies behind is not compared.
const maxFuzzOutput = 4 << 20

// verdict is the outcome of reading a stream, in the words of this package.
type verdict string

const (
	accepted  verdict = "accepted"
	empty     verdict = "empty"
	header    verdict = "invalid header"
	truncated verdict = "truncated"
	corrupt   verdict = "corrupt"
	checksum  verdict = "checksum"
	tooLong   verdict = "too long to compare"
)

// rig is both readers and their output, kept so that a fuzzer spends its time
// on decoding.
type rig struct {
	std       gzip.Reader
	stdFlate  io.ReadCloser
	ours      Reader
	want, got bytes.Buffer
}

func newRig() *rig { return &rig{stdFlate: flate.NewReader(bytes.NewReader(nil))} }

// readStd reads z with compress/gzip, which is the reference.
func (g *rig) readStd(z []byte) verdict {
	g.want.Reset()
	err := g.std.Reset(bytes.NewReader(z))
	if err == io.EOF {
		return empty
	}
	if err != nil {
		return stdVerdict(err)
	}
	return readLimited(&g.want, &g.std, stdVerdict)
}

func readLimited(to *bytes.Buffer, r io.Reader, judge func(error) verdict) verdict {
	n, err := to.ReadFrom(io.LimitReader(r, maxFuzzOutput))
	if n == maxFuzzOutput {
		return tooLong
	}
	return judge(err)
}

func stdVerdict(err error) verdict {
	var bad flate.CorruptInputError
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, gzip.ErrHeader):
		return header
	case errors.Is(err, io.ErrUnexpectedEOF):
		return truncated
	case errors.Is(err, gzip.ErrChecksum):
		return checksum
	case errors.As(err, &bad):
		return corrupt
	}
	return verdict("unknown: " + err.Error())
}

// readOurs reads source with this package.
func (g *rig) readOurs(source io.Reader) (v verdict, err error) {
	g.got.Reset()
	err = g.ours.Reset(source)
	if err == io.EOF {
		return empty, nil
	}
	if err != nil {
		return ourVerdict(err), err
	}
	v = readLimited(&g.got, &g.ours, func(e error) verdict {
		err = e
		return ourVerdict(e)
	})
	return v, err
}

func ourVerdict(err error) verdict {
	var typed *Error
	switch {
	case err == nil:
		return accepted
	case !errors.As(err, &typed):
		return verdict("untyped: " + err.Error())
	case errors.Is(err, ErrHeader):
		return header
	case errors.Is(err, io.ErrUnexpectedEOF):
		return truncated
	case errors.Is(err, ErrChecksum):
		return checksum
	case errors.Is(err, ErrCorrupt):
		return corrupt
	}
	return verdict("unknown: " + err.Error())
}

// compare reads z with both readers, ours through source, and reports any
// difference but the zero padding that is accepted on purpose.
func (g *rig) compare(z []byte, source io.Reader) error {
	want := g.readStd(z)
	got, err := g.readOurs(source)
	if !bytes.Equal(g.got.Bytes(), g.want.Bytes()) {
		return fmt.Errorf("got %d bytes and %v, want %d bytes and %s; equal up to %d",
			g.got.Len(), err, g.want.Len(), want, commonPrefix(g.got.Bytes(), g.want.Bytes()))
	}
	if got != want && !(got == accepted && g.padded(z)) {
		return fmt.Errorf("got %s (%v), want %s, after %d bytes", got, err, want, g.got.Len())
	}
	return checkOffset(err, len(z))
}

// padded reports that z is accepted without zeros at its end. The last eight
// of those may belong to the trailer.
func (g *rig) padded(z []byte) bool {
	cut := len(bytes.TrimRight(z, "\x00"))
	for n := max(cut, 1); n < min(cut+9, len(z)); n++ {
		if g.readStd(z[:n]) == accepted {
			return true
		}
	}
	return false
}

func checkOffset(err error, size int) error {
	var typed *Error
	if !errors.As(err, &typed) {
		return nil
	}
	if typed.Offset < 0 || typed.Offset > int64(size) {
		return fmt.Errorf("offset %d in an input of %d bytes", typed.Offset, size)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) && typed.Offset != int64(size) {
		return fmt.Errorf("truncated at %d, input has %d bytes", typed.Offset, size)
	}
	return nil
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// FuzzReader reads any bytes as a gzip file, at once and in small pieces.
func FuzzReader(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	g := newRig()
	f.Fuzz(func(t *testing.T, z []byte) {
		if err := g.compare(z, bytes.NewReader(z)); err != nil {
			t.Error(err)
		}
		if len(z) > 1<<10 {
			return
		}
		if err := g.compare(z, &pieces{rest: z}); err != nil {
			t.Error("in small pieces:", err)
		}
	})
}

// FuzzFlate reads any bytes as a deflate stream between a header and a trailer
// that fits its output, so that faults of the decoder cannot hide behind the
// checksum.
func FuzzFlate(f *testing.F) {
	for _, s := range seeds() {
		if len(s) > headerSize {
			f.Add(s[headerSize:])
		}
	}
	g := newRig()
	f.Fuzz(func(t *testing.T, stream []byte) {
		z := g.asMember(stream)
		if err := g.compare(z, bytes.NewReader(z)); err != nil {
			t.Error(err)
		}
	})
}

// asMember makes a gzip member of what compress/flate uses of stream, or of
// all of it where that is no whole stream.
func (g *rig) asMember(stream []byte) []byte {
	z := append(plainHeader(), stream...)
	src := bytes.NewReader(stream)
	if err := g.stdFlate.(flate.Resetter).Reset(src, nil); err != nil {
		panic(err)
	}
	g.want.Reset()
	n, err := g.want.ReadFrom(io.LimitReader(g.stdFlate, maxFuzzOutput))
	if err != nil || n == maxFuzzOutput {
		return z
	}
	z = z[:len(z)-src.Len()]
	z = binary.LittleEndian.AppendUint32(z, crc32.ChecksumIEEE(g.want.Bytes()))
	return binary.LittleEndian.AppendUint32(z, uint32(n))
}

func plainHeader() []byte {
	return []byte{magic1, magic2, methodDeflate, 0, 0, 0, 0, 0, 0, 255}
}

// pieces gives its bytes out in pieces of 1, 2, 3, 4, 5, 1, ... bytes.
type pieces struct {
	rest []byte
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	p.n = p.n%5 + 1
	n := copy(b[:min(p.n, len(b))], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
