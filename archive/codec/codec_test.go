package codec_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// text is what the streams hold.
var text = []byte(strings.Repeat("what the stream holds\n", 4000))

// bzipped is `printf 'hello\n' | bzip2`, for which Go has no writer.
const bzipped = "QlpoOTFBWSZTWcHAgOIAAAFBAAAQAkSgADDNAMNGKZcXckU4UJDBwIDi"

func writeAll(t testing.TB, w io.WriteCloser, data []byte) {
	t.Helper()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func gzipOf(t testing.TB, data []byte) []byte {
	var out bytes.Buffer
	writeAll(t, gzip.NewWriter(&out), data)
	return out.Bytes()
}

func zstdOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, data)
	return out.Bytes()
}

func xzOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, data)
	return out.Bytes()
}

// skippable is a zstd frame that holds nothing of the content.
func skippable(n byte, data string) []byte {
	frame := []byte{0x50 | n, 0x2a, 0x4d, 0x18}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(data)))
	return append(frame, data...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// streams are what each decoder reads to its end.
func streams(t testing.TB) []struct {
	name   string
	kind   codec.Compression
	stored []byte
	want   []byte
} {
	bz, err := base64.StdEncoding.DecodeString(bzipped)
	if err != nil {
		t.Fatal(err)
	}
	half := len(text)/2 + 7
	return []struct {
		name   string
		kind   codec.Compression
		stored []byte
		want   []byte
	}{
		{"none", codec.None, text, text},
		{"nothing", codec.None, nil, nil},
		{"gzip", codec.Gzip, gzipOf(t, text), text},
		{"gzip of nothing", codec.Gzip, gzipOf(t, nil), nil},
		{"gzip of many members", codec.Gzip, join(gzipOf(t, text[:half]), gzipOf(t, nil), gzipOf(t, text[half:])), text},
		{"bzip2", codec.Bzip2, bz, []byte("hello\n")},
		{"bzip2 of many streams", codec.Bzip2, join(bz, bz), []byte("hello\nhello\n")},
		{"xz", codec.XZ, xzOf(t, text), text},
		{"xz of nothing", codec.XZ, xzOf(t, nil), nil},
		{"xz of many streams", codec.XZ, join(xzOf(t, text[:half]), xzOf(t, text[half:])), text},
		{"zstd", codec.Zstd, zstdOf(t, text), text},
		{"zstd of nothing", codec.Zstd, join(zstdOf(t, []byte("x"))), []byte("x")},
		{"zstd of many frames", codec.Zstd, join(zstdOf(t, text[:half]), zstdOf(t, text[half:])), text},
		{"zstd with skippable frames", codec.Zstd, join(skippable(0, "chunked"), zstdOf(t, text[:half]), skippable(15, ""), zstdOf(t, text[half:]), skippable(7, "end")), text},
	}
}

func TestDecoders(t *testing.T) {
	t.Parallel()
	for _, s := range streams(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := codec.Detect(s.stored[:min(len(s.stored), codec.PeekSize)]); got != s.kind {
				t.Errorf("Detect = %s, want %s", got, s.kind)
			}
			for _, r := range []io.Reader{bytes.NewReader(s.stored), iotest.OneByteReader(bytes.NewReader(s.stored)), iotest.DataErrReader(bytes.NewReader(s.stored))} {
				got, err := decode(r, s.kind)
				if err != nil || !bytes.Equal(got, s.want) {
					t.Errorf("read %d bytes, %v, want %d", len(got), err, len(s.want))
				}
			}
		})
	}
}

func decode(r io.Reader, kind codec.Compression) ([]byte, error) {
	d, err := codec.NewReader(r, kind, codec.ReaderOptions{})
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(d)
	return data, errors.Join(err, d.Close())
}

// TestDecodersBroken: a stream that is cut or changed is an error and gives no
// other content than its own.
func TestDecodersBroken(t *testing.T) {
	t.Parallel()
	for _, s := range streams(t) {
		if s.kind == codec.None || strings.Contains(s.name, "many") || strings.Contains(s.name, "skippable") {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; n < len(s.stored); n += max(1, len(s.stored)/50) {
				if got, err := decode(bytes.NewReader(s.stored[:n]), s.kind); err == nil {
					t.Errorf("cut to %d of %d bytes: %d bytes and no error", n, len(s.stored), len(got))
				}
			}
			errDisk := errors.New("disk on fire")
			for _, n := range []int{0, 5, len(s.stored) / 2} {
				r := io.MultiReader(bytes.NewReader(s.stored[:n]), iotest.ErrReader(errDisk))
				if _, err := decode(r, s.kind); !errors.Is(err, errDisk) {
					t.Errorf("a read error at %d comes out as %v", n, err)
				}
			}
			if _, err := decode(strings.NewReader("no such stream at all"), s.kind); err == nil {
				t.Error("plain text is read")
			}
		})
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		head string
		want codec.Compression
	}{
		{"", codec.None},
		{"\x1f", codec.None},
		{"\x1f\x8b", codec.Gzip},
		{"\x1f\x8b\x08\x00", codec.Gzip},
		{"BZh", codec.None},
		{"BZh0", codec.None},
		{"BZh1", codec.Bzip2},
		{"BZh9", codec.Bzip2},
		{"BZhx", codec.None},
		{"\xfd7zXZ", codec.None},
		{"\xfd7zXZ\x00", codec.XZ},
		{"\x28\xb5\x2f", codec.None},
		{"\x28\xb5\x2f\xfd", codec.Zstd},
		{"\x50\x2a\x4d\x18", codec.Zstd},
		{"\x5f\x2a\x4d\x18", codec.Zstd},
		{"\x60\x2a\x4d\x18", codec.None},
		{"./\x00\x00", codec.None},
		{"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", codec.None},
	} {
		if got := codec.Detect([]byte(tt.head)); got != tt.want {
			t.Errorf("Detect(%q) = %s, want %s", tt.head, got, tt.want)
		}
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	if _, err := codec.NewReader(strings.NewReader(""), "lzip", codec.ReaderOptions{}); err == nil {
		t.Error("NewReader(lzip) = nil, want an error")
	}
}

// xzStart is the stream header and the first block header of an xz file with a
// dictionary of code dict, and what decoders want to see after it.
func xzStart(dict byte, sizes bool) []byte {
	head := []byte{0xfd, '7', 'z', 'X', 'Z', 0, 0, 1}
	head = binary.LittleEndian.AppendUint32(head, crc32.ChecksumIEEE(head[6:8]))
	block := []byte{2, 0, 0x21, 1, dict, 0, 0, 0}
	if sizes {
		block = []byte{4, 0xc0, 0x80, 0x01, 0x80, 0x02, 0x21, 1, dict, 0, 0, 0, 0, 0, 0, 0}
	}
	head = append(head, binary.LittleEndian.AppendUint32(block, crc32.ChecksumIEEE(block))...)
	return append(head, make([]byte, 64)...)
}

// TestXZDictionary: a dictionary over 128 MiB is refused before it is made.
func TestXZDictionary(t *testing.T) {
	t.Parallel()
	for _, sizes := range []bool{false, true} {
		for _, dict := range []byte{31, 33, 39, 40} { // from 192 MiB to 4 GiB
			if _, err := codec.NewReader(bytes.NewReader(xzStart(dict, sizes)), codec.XZ, codec.ReaderOptions{}); err == nil || !strings.Contains(err.Error(), "dictionary") {
				t.Errorf("dictionary %d, sizes %v: %v, want it refused", dict, sizes, err)
			}
		}
		if _, err := codec.NewReader(bytes.NewReader(xzStart(8, sizes)), codec.XZ, codec.ReaderOptions{}); err != nil && strings.Contains(err.Error(), "dictionary of") {
			t.Errorf("dictionary of 64 KiB, sizes %v: %v", sizes, err)
		}
	}
}

// TestZstdWindow: a window over 128 MiB is refused.
func TestZstdWindow(t *testing.T) {
	t.Parallel()
	frame := func(exponent byte) []byte { // RFC 8878, 3.1.1.1: no content size, a window, one raw block
		return []byte{0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 0x09, 0, 0, 'x'}
	}
	if got, err := decode(bytes.NewReader(frame(7)), codec.Zstd); err != nil || string(got) != "x" {
		t.Errorf("window of 128 KiB: %q, %v", got, err)
	}
	if _, err := decode(bytes.NewReader(frame(18)), codec.Zstd); err == nil {
		t.Error("window of 256 MiB is read")
	}
}

// TestExpansion: what gives out over 1 GiB and over 200 times its size stops.
func TestExpansion(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("slow")
	}
	bomb := bytes.Repeat(gzipOf(t, make([]byte, 32<<20)), 33)
	for _, tt := range []struct {
		limit int64
		stops bool
	}{{0, true}, {-1, false}} {
		d, err := codec.NewReader(bytes.NewReader(bomb), codec.Gzip, codec.ReaderOptions{MaxExpansion: tt.limit})
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, d)
		d.Close()
		if errors.Is(err, codec.ErrExpansion) != tt.stops || (err == nil) == tt.stops {
			t.Errorf("limit %d: %d bytes, %v", tt.limit, n, err)
		}
		if tt.stops && (n < 1<<30 || n > 1<<30+16<<20) {
			t.Errorf("limit %d: stopped at %d bytes, want just over 1 GiB", tt.limit, n)
		}
	}
}

// FuzzNewReader: no decoder panics, hangs, or gives out without end.
func FuzzNewReader(f *testing.F) {
	for _, s := range streams(f) {
		if len(s.stored) < 4096 {
			f.Add(s.stored)
		}
	}
	f.Add(xzStart(8, true))
	f.Add(xzStart(40, false))
	for _, s := range small(f) {
		f.Add(s.stored)
	}
	kinds := []codec.Compression{codec.None, codec.Gzip, codec.Bzip2, codec.XZ, codec.Zstd}
	f.Fuzz(func(t *testing.T, data []byte) {
		found := codec.Detect(data)
		if peeked := codec.Detect(data[:min(len(data), codec.PeekSize)]); peeked != found {
			t.Fatalf("Detect(%q) = %s, and %s by its first bytes", data, found, peeked)
		}
		for _, kind := range kinds {
			start := time.Now()
			d, err := codec.NewReader(bytes.NewReader(data), kind, codec.ReaderOptions{})
			if err != nil {
				continue
			}
			_, err = io.Copy(io.Discard, io.LimitReader(d, 64<<20))
			if err == nil && kind != found && len(data) > 0 && kind != codec.None {
				t.Errorf("%q is read as %s and detected as %s", data, kind, found)
			}
			if err := d.Close(); err != nil && kind == codec.None {
				t.Error(err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("%s: %v for %d bytes", kind, took, len(data))
			}
		}
	})
}

// BenchmarkNewReader: a byte is an uncompressed one.
func BenchmarkNewReader(b *testing.B) {
	data := bytes.Repeat(text, 200)
	for _, s := range []struct {
		kind   codec.Compression
		stored []byte
	}{{codec.Gzip, gzipOf(b, data)}, {codec.Zstd, zstdOf(b, data)}, {codec.XZ, xzOf(b, data)}} {
		b.Run(string(s.kind), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := codec.NewReader(bytes.NewReader(s.stored), s.kind, codec.ReaderOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, d); err != nil {
					b.Fatal(err)
				}
				d.Close()
			}
		})
	}
}
