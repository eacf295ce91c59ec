package gunzip

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// seeds are gzip files of every kind of block, level, header field and fault,
// small enough for a fuzzer to change.
func seeds() [][]byte {
	var s [][]byte
	for _, text := range samples() {
		for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
			s = append(s, compressed(text, level))
		}
	}
	s = append(s, streams()...)
	s = append(s, headers()...)
	whole := compressed(samples()[2], 6)
	for at := range whole {
		s = append(s, whole[:at])
	}
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		s = append(s, flipped)
	}
	zeros := make([]byte, 600)
	s = append(s,
		join(whole, whole), join(whole, compressed(nil, 6), whole), join(whole, zeros[:1]),
		join(whole, zeros[:9]), join(whole, zeros), join(whole, zeros, whole),
		join(whole, []byte("x")), join(whole, []byte("trailing garbage")), zeros, zeros[:3],
		join(whole, zeros[:4], []byte{1}), join(whole, zeros[:12], []byte{1}),
	)
	return s
}

// samples are texts that make matches near and far, short and long, runs of
// short periods, and no matches at all.
func samples() [][]byte {
	rnd := rand.New(rand.NewPCG(8, 1951))
	noise := make([]byte, 300)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	var lines strings.Builder
	for i := range 60 {
		fmt.Fprintf(&lines, "line %d of usr/share/doc/%x\n", i, rnd.Uint32()>>(i%20))
	}
	var runs []byte
	for period := 1; period <= 40; period++ {
		runs = append(runs, bytes.Repeat(noise[period:2*period], 3+120/period)...)
	}
	return [][]byte{
		nil, []byte("a"), []byte(strings.Repeat("hello, hello, world. ", 6)),
		noise, []byte(lines.String()), runs,
		join(noise, make([]byte, 40000), noise[:200]),
	}
}

// noLengths stands for the code length symbols from 0 to 14 in their order, of
// which none is used.
var noLengths = strings.Repeat("000", 14)

// streams are hand-made members, most with a fault; their trailers do not
// fit, which is as good as any other fault.
func streams() [][]byte {
	var s [][]byte
	for _, bits := range []string{
		"1 00 00000",
		"0 00 00000 0000000000000000 1111111111111111 1 00 00000",
		"1 11",
		"1 10 0000000",                           // fixed, end
		"1 10 00110000 0000000",                  // one literal
		"1 10 00110000 0000001 00000 0000000",    // match of distance one
		"1 10 00110000 0000001 00001 0000000",    // distance too far
		"1 10 00110000 0000001 11110 0000000",    // distance symbol 30
		"1 10 11000110 0000000", "1 10 11000111", // length symbols 286, 287
		"1 01 01111 00000 0000", "1 01 00000 01111", // too many symbols
		// A repeat of 'a', end of block and no distances that is one too long,
		// and a repeat of nothing.
		"1 01 00000 10000 0111 000 010 010" + noLengths + "100 11 0110101 0 11 1111111 11 1001000 0 10 000 1",
		"1 01 00000 10000 0111 100 000 000" + noLengths + "100 1 00 0 0 0 0",
	} {
		s = append(s, append(plainHeader(), packBits(bits)...))
	}
	for _, code := range testCodes() {
		s = append(s, append(plainHeader(), code.stream()...))
	}
	return s
}

// headers are members with every kind of header field.
func headers() [][]byte {
	var s [][]byte
	body := compressed([]byte("with a header"), 6)[headerSize:]
	for flags := range 1 << 5 {
		h := plainHeader()
		h[3] = byte(flags)
		if flags&flagExtra != 0 {
			h = append(h, 5, 0, 'A', 'B', 1, 0, 'x')
		}
		if flags&flagName != 0 {
			h = append(h, "n\xe4me\x00"...)
		}
		if flags&flagComment != 0 {
			h = append(h, "comment\x00"...)
		}
		bad := append(bytes.Clone(h), 0xde, 0xad)
		if flags&flagHeaderCRC != 0 {
			sum := crc32.ChecksumIEEE(h)
			h = append(h, byte(sum), byte(sum>>8))
		}
		s = append(s, append(h, body...))
		if flags&flagHeaderCRC != 0 {
			s = append(s, append(bad, body...))
		}
	}
	reserved := append(plainHeader(), body...)
	reserved[3] = 0xe0
	for n := 509; n < 514; n++ {
		h := plainHeader()
		h[3] = flagName
		h = append(h, strings.Repeat("n", n)...)
		s = append(s, h, append(append(h, 0), body...))
	}
	extra := plainHeader()
	extra[3] = flagExtra
	extra = append(extra, 0xff, 0xff)
	extra = append(extra, make([]byte, 0xffff)...)
	return append(s, reserved, append(extra, body...), extra)
}

func compressed(text []byte, level int) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err)
	}
	w.Name, w.ModTime = "", time.Time{}
	w.Write(text)
	w.Close()
	return b.Bytes()
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// packBits packs the zeros and ones of s, in the order of the stream.
func packBits(s string) []byte {
	var out []byte
	n := 0
	for _, c := range s {
		if c == ' ' {
			continue
		}
		if n%8 == 0 {
			out = append(out, 0)
		}
		out[n/8] |= byte(c-'0') << (n % 8)
		n++
	}
	return out
}

// TestSeeds holds every seed against compress/gzip.
func TestSeeds(t *testing.T) {
	t.Parallel()
	g := newRig()
	for i, z := range seeds() {
		if err := g.compare(z, bytes.NewReader(z)); err != nil {
			t.Errorf("seed %d, %d bytes %.60x: %v", i, len(z), z, err)
		}
		if err := g.compare(z, &pieces{rest: z}); err != nil {
			t.Errorf("seed %d in small pieces: %v", i, err)
		}
		stream := g.asMember(z[min(headerSize, len(z)):])
		if err := g.compare(stream, bytes.NewReader(stream)); err != nil {
			t.Errorf("seed %d as deflate stream: %v", i, err)
		}
	}
}
