package gunzip

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// longText is two megabytes that cross every buffer: text, noise, runs, and
// matches as far back as they may reach.
func longText() []byte {
	rnd := rand.New(rand.NewPCG(1951, 8))
	noise := make([]byte, 200<<10)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	text := bytes.Repeat([]byte(samples()[4]), 200)
	return join(noise, text, make([]byte, 500<<10), bytes.Repeat(noise[:historySize], 20), text[7:], noise[:50<<10])
}

// sources are the ways in which bytes may come.
var sources = []struct {
	name string
	of   func(io.Reader) io.Reader
}{
	{"whole", func(r io.Reader) io.Reader { return r }},
	{"one byte at a time", iotest.OneByteReader},
	{"halves", iotest.HalfReader},
	{"error with the last bytes", iotest.DataErrReader},
}

func TestReadLevels(t *testing.T) {
	t.Parallel()
	text := longText()
	for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
		z := compressed(text, level)
		for _, source := range sources {
			r, err := NewReader(source.of(bytes.NewReader(z)))
			if err != nil {
				t.Fatalf("NewReader, level %d, %s: %v", level, source.name, err)
			}
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("level %d, %s: got %d bytes and %v, equal up to %d of %d",
					level, source.name, len(got), err, commonPrefix(got, text), len(text))
			}
		}
	}
}

func TestReaderContract(t *testing.T) {
	t.Parallel()
	text := samples()[4]
	r, err := NewReader(bytes.NewReader(compressed(text, 6)))
	if err != nil {
		t.Fatal(err)
	}
	if err = iotest.TestReader(r, text); err != nil {
		t.Error(err)
	}
}

func TestNextBlock(t *testing.T) {
	t.Parallel()
	text := longText()
	r, err := NewReader(bytes.NewReader(compressed(text, 6)))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1000)
	if _, err = io.ReadFull(r, got); err != nil {
		t.Fatal(err)
	}
	for {
		block, err := r.NextBlock()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(block) == 0 || len(block) > 256<<10 {
			t.Errorf("NextBlock gave %d bytes", len(block))
		}
		got = append(got, block...)
		_ = append(block, "scribbled by the caller"...)
	}
	if !bytes.Equal(got, text) {
		t.Errorf("blocks differ from byte %d on", commonPrefix(got, text))
	}
}

// endless repeats a piece of input for ever.
type endless struct {
	head, piece []byte
	at          int
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.head) > 0 {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	n := copy(p, e.piece[e.at:])
	e.at = (e.at + n) % len(e.piece)
	return n, nil
}

// TestNoOutput holds that a stream without output does not keep a caller from
// cancelling.
func TestNoOutput(t *testing.T) {
	t.Parallel()
	member := compressed(nil, 6)
	for _, tt := range []struct {
		name   string
		source endless
	}{
		{"empty stored blocks", endless{head: plainHeader(), piece: []byte{0, 0, 0, 0xff, 0xff}}},
		{"empty fixed blocks", endless{head: plainHeader(), piece: packBits("0 10 0000000 0 10 0000000 0 10 0000000 0 10 0000000")}},
		{"empty members", endless{piece: member}},
		{"padding", endless{head: member, piece: make([]byte, 99)}},
	} {
		r, err := NewReader(&tt.source)
		if err != nil {
			t.Errorf("%s: NewReader: %v", tt.name, err)
			continue
		}
		for range 3 {
			block, err := r.NextBlock()
			if block == nil || len(block) != 0 || err != nil {
				t.Errorf("%s: NextBlock gave %d bytes, %v; want none and no error", tt.name, len(block), err)
			}
		}
	}
}

// limitedWriter fails after n bytes, or takes less without an error.
type limitedWriter struct {
	n   int
	err error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) <= w.n {
		w.n -= len(p)
		return len(p), nil
	}
	return w.n, w.err
}

func TestWriteTo(t *testing.T) {
	t.Parallel()
	text := longText()
	z := compressed(text, 6)
	full := errors.New("disk is full")
	for _, tt := range []struct {
		name string
		to   limitedWriter
		n    int64
		want error
	}{
		{"all", limitedWriter{n: len(text)}, int64(len(text)), nil},
		{"no room", limitedWriter{n: 300000, err: full}, 300000, full},
		{"short write", limitedWriter{n: 10}, 10, io.ErrShortWrite},
	} {
		r, err := NewReader(bytes.NewReader(z))
		if err != nil {
			t.Fatal(err)
		}
		n, err := r.WriteTo(&tt.to)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		if n != tt.n {
			t.Errorf("%s: got %d bytes, want %d", tt.name, n, tt.n)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	z := compressed(samples()[2], 6)
	end := int64(len(z))
	flip := func(at int) []byte {
		c := bytes.Clone(z)
		c[at] ^= 1
		return c
	}
	for _, tt := range []struct {
		name   string
		input  []byte
		want   error
		offset int64
	}{
		{"text", []byte("this is no gzip file"), ErrHeader, headerSize},
		{"zeros", make([]byte, 20), ErrHeader, headerSize},
		{"short", z[:5], io.ErrUnexpectedEOF, 5},
		{"no stream", z[:headerSize], io.ErrUnexpectedEOF, headerSize},
		{"half", z[:end/2], io.ErrUnexpectedEOF, end / 2},
		{"no trailer", z[:end-trailerSize], io.ErrUnexpectedEOF, end - trailerSize},
		{"half a trailer", z[:end-3], io.ErrUnexpectedEOF, end - 3},
		{"checksum", flip(len(z) - 8), ErrChecksum, end},
		{"size", flip(len(z) - 1), ErrChecksum, end},
		{"block type", append(plainHeader(), 7), ErrCorrupt, headerSize + 1},
		{"stored length", append(plainHeader(), 1, 5, 0, 5, 0, 'h'), ErrCorrupt, headerSize + 5},
		{"second header", join(z, []byte("something else")), ErrHeader, end + headerSize},
	} {
		_, err := readAll(bytes.NewReader(tt.input))
		var typed *Error
		if !errors.As(err, &typed) || !errors.Is(err, tt.want) || typed.Offset != tt.offset {
			t.Errorf("%s: got %v, want %v at byte %d", tt.name, err, tt.want, tt.offset)
		}
	}
}

func readAll(src io.Reader) ([]byte, error) {
	r, err := NewReader(src)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	_, err := readAll(bytes.NewReader(append(plainHeader(), 7)))
	want := "read gzip at byte 11: corrupt deflate data: block type 3"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = readAll(strings.NewReader("\x1f\x8b"))
	want = "read gzip at byte 2: unexpected EOF"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestEmptyInput(t *testing.T) {
	t.Parallel()
	if _, err := NewReader(strings.NewReader("")); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

// TestSourceError holds that all output before a failure of the source is
// given, then that failure.
func TestSourceError(t *testing.T) {
	t.Parallel()
	broken := errors.New("cable pulled")
	text := samples()[4]
	z := compressed(text, 6)
	for cut := range z {
		std, _ := gzipPrefix(z[:cut])
		src := io.MultiReader(bytes.NewReader(z[:cut]), iotest.ErrReader(broken))
		got, err := readAll(src)
		var typed *Error
		if !errors.Is(err, broken) || !errors.As(err, &typed) || typed.Offset != int64(cut) {
			t.Errorf("cut at %d: got %v, want %v at that byte", cut, err, broken)
		}
		if !bytes.Equal(got, std) {
			t.Errorf("cut at %d: got %d bytes, want %d", cut, len(got), len(std))
		}
	}
}

// gzipPrefix is what compress/gzip reads from a stream that is cut off.
func gzipPrefix(z []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// lazy never gives anything.
type lazy struct{}

func (lazy) Read([]byte) (int, error) { return 0, nil }

func TestNoProgress(t *testing.T) {
	t.Parallel()
	z := compressed(samples()[2], 6)
	if _, err := readAll(io.MultiReader(bytes.NewReader(z[:20]), lazy{})); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

// TestReset holds that nothing of a stream, ended or faulty, is seen after it.
func TestReset(t *testing.T) {
	t.Parallel()
	text := longText()
	z := compressed(text, 6)
	r := new(Reader)
	first := make([]byte, 100)
	for _, before := range [][]byte{nil, []byte("no gzip"), z, z[:len(z)/2], append(plainHeader(), 7)} {
		if r.Reset(bytes.NewReader(before)) == nil {
			io.ReadFull(r, first)
			io.Copy(io.Discard, r)
		}
		// A distance must not reach into the stream before.
		far := append(plainHeader(), packBits("1 10 0000001 00000 0000000")...)
		if err := r.Reset(bytes.NewReader(far)); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Read(first); n != 0 || !errors.Is(err, ErrCorrupt) {
			t.Errorf("got %d bytes and %v, want %v", n, err, ErrCorrupt)
		}
		if err := r.Reset(bytes.NewReader(z)); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
			t.Errorf("got %d bytes and %v, want %d", len(got), err, len(text))
		}
	}
}

// TestMembers holds that members are joined and that a distance does not
// reach from one into another.
func TestMembers(t *testing.T) {
	t.Parallel()
	text := longText()
	one := compressed(text[:300<<10], 6)
	many := join(one, compressed(nil, 6), compressed(text[300<<10:], 1), compressed([]byte("x"), 0))
	got, err := readAll(bytes.NewReader(many))
	if want := append(bytes.Clone(text), 'x'); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes and %v, want %d", len(got), err, len(want))
	}
	far := append(plainHeader(), packBits("1 10 0000001 00000 0000000")...)
	if _, err = readAll(bytes.NewReader(join(one, far))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("distance into the member before: got %v, want %v", err, ErrCorrupt)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	z := compressed([]byte("x"), 6)
	r, err := NewReader(bytes.NewReader(z))
	if err != nil {
		t.Fatal(err)
	}
	if err = r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err = r.Read(make([]byte, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Read after Close: got %v, want %v", err, ErrClosed)
	}
	if err = r.Reset(bytes.NewReader(z)); err != nil {
		t.Errorf("Reset after Close: %v", err)
	}
}

// TestNoAllocations holds that a warm reader allocates nothing.
func TestNoAllocations(t *testing.T) {
	var r Reader
	for _, text := range [][]byte{samples()[4], longText()} {
		for level := gzip.HuffmanOnly; level <= gzip.BestCompression; level++ {
			z := compressed(text, level)
			src := bytes.NewReader(z)
			n := testing.AllocsPerRun(5, func() {
				src.Reset(z)
				if err := r.Reset(src); err != nil {
					t.Fatal(err)
				}
				if _, err := r.WriteTo(io.Discard); err != nil {
					t.Fatal(err)
				}
			})
			if n != 0 {
				t.Errorf("level %d, %d bytes: %v allocations", level, len(text), n)
			}
		}
	}
}

// TestMemory holds the bound on the memory of one decoder, which is all in
// the reader and its buffers.
func TestMemory(t *testing.T) {
	t.Parallel()
	const bound = 2 << 20
	size := reflect.TypeFor[Reader]().Size() + ringSize*reflect.TypeFor[buffer]().Size()
	if size > bound {
		t.Errorf("a reader that pumps takes %d bytes, want at most %d", size, bound)
	}
}
