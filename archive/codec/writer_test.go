package codec_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/enginetest"
)

func setting(t testing.TB, s string) codec.Setting {
	t.Helper()
	parsed, err := codec.ParseOuterSetting(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// layerLike is content of n bytes that compresses as layers do: runs of text,
// of records, of zeros and of noise, each under a header.
func layerLike(n int) []byte {
	r := rand.New(rand.NewPCG(3, uint64(n)))
	var words [2000][]byte
	for i := range words {
		words[i] = make([]byte, 2+r.IntN(8))
		for j := range words[i] {
			words[i][j] = "etaoinshrdlu_.(=\n"[r.IntN(17)]
		}
	}
	data := make([]byte, 0, n+1<<17)
	for file := 0; len(data) < n; file++ {
		data = append(data, fmt.Sprintf("%-100s%07o", fmt.Sprintf("usr/lib/package-%d/file", file), r.IntN(1<<18))...)
		data = append(data, make([]byte, 405)...)
		for end := len(data) + r.IntN(100_000); len(data) < end; {
			switch file % 4 {
			case 0, 1:
				data = append(append(data, words[int(float64(len(words))*r.Float64()*r.Float64())]...), ' ')
			case 2:
				data = binary.LittleEndian.AppendUint64(data, 0x48000000|uint64(r.IntN(1<<12))<<40|uint64(r.IntN(64)))
			case 3:
				data = binary.LittleEndian.AppendUint64(data, r.Uint64())
				data = append(data, make([]byte, r.IntN(16))...)
			}
		}
	}
	return data[:n]
}

func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{7})
	data := make([]byte, n)
	_, _ = r.Read(data)
	return data
}

// chunked writes data in pieces of at most size bytes, of odd lengths where size
// is zero, from a buffer that is overwritten after each call, and closes w.
func chunked(w io.WriteCloser, data []byte, size int) error {
	r := rand.New(rand.NewPCG(5, uint64(len(data))))
	var buf []byte
	for len(data) > 0 {
		n := size
		if n == 0 {
			n = 1 + r.IntN(1<<(1+r.IntN(20)))
		}
		n = min(n, len(data))
		buf = append(buf[:0], data[:n]...)
		data = data[n:]
		written, err := w.Write(buf)
		if err == nil && written != n {
			err = fmt.Errorf("Write = %d, want %d", written, n)
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
		clear(buf)
	}
	return w.Close()
}

func encode(t testing.TB, data []byte, s codec.Setting, concurrency, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := codec.NewWriter(&out, s, codec.WriterOptions{Concurrency: concurrency})
	if err != nil {
		t.Fatal(err)
	}
	if err := chunked(w, data, size); err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	return out.Bytes()
}

// tools are those that have to read what is written.
var tools = map[codec.Compression]string{codec.Gzip: "gzip", codec.Zstd: "zstd", codec.XZ: "xz"}

// checkStored: stored is a whole stream with the given content, for our reader
// and, where there is a tool, for that.
func checkStored(t *testing.T, s codec.Setting, stored, want []byte, tool string) {
	t.Helper()
	if got := codec.Detect(stored); got != s.Compression && len(want) > 0 {
		t.Errorf("%v of %d bytes is detected as %s", s, len(want), got)
	}
	if got, err := decode(bytes.NewReader(stored), s.Compression); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v of %d bytes: read %d bytes, %v", s, len(want), len(got), err)
	}
	if tool == "" {
		return
	}
	cmd := exec.Command(tool, "-dcq")
	cmd.Stdin = bytes.NewReader(stored)
	if got, err := cmd.Output(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v of %d bytes: %s gives %d bytes, %v", s, len(want), tool, len(got), err)
	}
}

// TestNewWriter: what is written is read again, by the real tools too.
func TestNewWriter(t *testing.T) {
	t.Parallel()
	size := 1_200_000
	if testing.Short() {
		size = 150_000
	}
	contents := [][]byte{nil, {'x'}, text, noise(70_000), layerLike(size), make([]byte, size), noise(size), mixed(size)}
	for _, name := range []string{
		"none", "gzip", "gzip:1", "gzip:2", "gzip:3", "gzip:4", "gzip:5", "gzip:6", "gzip:7", "gzip:8", "gzip:9",
		"zstd", "zstd:1", "zstd:3", "zstd:6", "zstd:10", "zstd:19", "xz", "xz:1", "xz:7",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setting(t, name)
			tool := tools[s.Compression]
			if tool != "" {
				enginetest.Require(t, tool)
			}
			for _, data := range contents {
				checkStored(t, s, encode(t, data, s, 0, 1<<17), data, tool)
			}
		})
	}
}

// TestNewWriterFile: the tools have nothing to say of a file either, where xz
// reads the index.
func TestNewWriterFile(t *testing.T) {
	t.Parallel()
	for kind, tool := range tools {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			enginetest.Require(t, tool)
			file := filepath.Join(t.TempDir(), "file."+map[string]string{"gzip": "gz", "zstd": "zst", "xz": "xz"}[tool])
			if err := os.WriteFile(file, encode(t, layerLike(1_000_000), codec.Setting{Compression: kind}, 2, 0), 0o600); err != nil {
				t.Fatal(err)
			}
			enginetest.Run(t, tool, "-t", file)
			t.Logf("%s", enginetest.Run(t, tool, "-l", file))
		})
	}
}

// TestNewWriterBlocks: nothing is lost or added where blocks meet.
func TestNewWriterBlocks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		block int
	}{{"gzip:1", codec.GzipBlock}, {"gzip", codec.GzipBlock}, {"gzip:9", codec.GzipBlock}, {"zstd:1", codec.ZstdBlock}, {"zstd", codec.ZstdBlock}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("slow")
			}
			s := setting(t, tt.name)
			enginetest.Require(t, tools[s.Compression])
			data := layerLike(2*tt.block + 1)
			for _, n := range []int{tt.block - 1, tt.block, tt.block + 1, 2*tt.block - 1, 2 * tt.block, 2*tt.block + 1} {
				checkStored(t, s, encode(t, data[:n], s, 2, 1<<20), data[:n], tools[s.Compression])
			}
		})
	}
}

// TestNewWriterSmallBlocks goes through many borders, among them those of blocks
// that are shorter than what they look back on.
func TestNewWriterSmallBlocks(t *testing.T) {
	t.Parallel()
	data := layerLike(100_000)
	for _, name := range []string{"gzip:1", "gzip:3", "gzip", "gzip:9", "zstd:1", "zstd", "zstd:7", "zstd:19"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setting(t, name)
			for _, block := range []int{300, 1000, 32 << 10, 32<<10 + 1, 70_000} {
				for n := 0; n <= 3*block && n < len(data); n += block / 2 {
					var outs [][]byte
					for _, concurrency := range []int{1, 3} {
						var out bytes.Buffer
						if err := chunked(codec.NewBlockWriter(&out, s, concurrency, block), data[:n], 0); err != nil {
							t.Fatal(err)
						}
						outs = append(outs, out.Bytes())
					}
					if !bytes.Equal(outs[0], outs[1]) {
						t.Errorf("%v, %d bytes in blocks of %d: concurrency changes the output", s, n, block)
					}
					checkStored(t, s, outs[0], data[:n], "")
				}
			}
		})
	}
}

// TestNewWriterConstant: the output does not depend on who was there to make it.
func TestNewWriterConstant(t *testing.T) { // sets GOMAXPROCS: not parallel
	for _, tt := range []struct {
		name string
		size int
	}{
		{"none", 1 << 20}, {"gzip:1", 5 << 20}, {"gzip:4", 3 << 20}, {"gzip", 4 << 20}, {"gzip:9", 2 << 20},
		{"zstd:1", 26 << 20}, {"zstd", 26 << 20}, {"zstd:6", 9 << 20}, {"xz", 1 << 20},
	} {
		if testing.Short() {
			tt.size = min(tt.size, 1<<20)
		}
		s := setting(t, tt.name)
		data := append(layerLike(tt.size-1<<17), noise(1<<17)...)
		want := sha256.Sum256(encode(t, data, s, 1, 1<<20))
		for _, o := range []struct{ concurrency, chunk, procs int }{{2, 0, 0}, {3, 32 << 10, 0}, {8, len(data), 1}, {0, 100_001, 5}} {
			before := runtime.GOMAXPROCS(o.procs)
			got := sha256.Sum256(encode(t, data, s, o.concurrency, o.chunk))
			runtime.GOMAXPROCS(before)
			if got != want {
				t.Errorf("%v of %d bytes: output changes with %+v", s, tt.size, o)
			}
		}
		small := data[:70_000]
		if want := encode(t, small, s, 1, len(small)); !bytes.Equal(encode(t, small, s, 2, 1), want) {
			t.Errorf("%v: output changes with writes of a byte", s)
		}
	}
}

// TestNewWriterBytes: the output is the same on every platform. Where a library
// changed it, say so in the changelog, and change it here.
func TestNewWriterBytes(t *testing.T) {
	t.Parallel()
	data := append(layerLike(600_000), mixed(200_000)...)
	for _, tt := range []struct {
		name string
		size int
		sum  string
	}{
		{"gzip:1", 445913, "c2e5bcbd6edae914"},
		{"gzip:4", 435313, "b38bc04129f9bbc9"},
		{"gzip", 430760, "30d2d48fd68e4485"},
		{"gzip:9", 431767, "62b60f83f9699f3a"},
		{"zstd:1", 433970, "27b9c6d6b1a47945"},
		{"zstd", 431896, "8fdeecbfe94ff4e7"},
		{"zstd:6", 436914, "4d64c8cb71bfb755"},
		{"zstd:19", 420356, "0c79f5a7fba65e03"},
		{"xz", 403464, "9221ae06edb53b03"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored := encode(t, data, setting(t, tt.name), 2, 0)
			if sum := fmt.Sprintf("%x", sha256.Sum256(stored))[:16]; len(stored) != tt.size || sum != tt.sum {
				t.Errorf("%s: %d bytes, %q, want %d, %q", tt.name, len(stored), sum, tt.size, tt.sum)
			}
		})
	}
}

// TestGzipHeader: no name, no time, and an unknown system, as compress/gzip has it.
func TestGzipHeader(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]byte{"gzip": 0, "gzip:1": 4, "gzip:6": 0, "gzip:9": 2} {
		want := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, flags, 255}
		if got := encode(t, text, setting(t, name), 1, 0); !bytes.HasPrefix(got, want) {
			t.Errorf("%s begins with %x, want %x", name, got[:10], want)
		}
	}
}

// TestZstdFrame: there is a checksum, and neither a window nor content in one
// piece that is larger than what is said.
func TestZstdFrame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"zstd:1", "zstd", "zstd:6", "zstd:19"} {
		stored := encode(t, make([]byte, 5<<20), setting(t, name), 1, 1<<20)
		// RFC 8878, 3.1.1.1: four bytes of content size, many segments, a checksum, no dictionary.
		if flags := stored[4]; flags != 0x84 {
			t.Errorf("%s: frame header flags 0x%02x, want 0x84", name, flags)
		}
		if window := stored[5]; window != (22-10)<<3 {
			t.Errorf("%s: window 0x%02x, want 4 MiB", name, window)
		}
	}
}

// FuzzNewWriter: what is written is read again, and neither concurrency nor the
// size of writes matters.
func FuzzNewWriter(f *testing.F) {
	settings := []string{"none", "gzip:1", "gzip:2", "gzip:3", "gzip:4", "gzip:5", "gzip:6", "gzip:7", "gzip:8", "gzip:9", "zstd:1", "zstd:3", "zstd:6", "xz:1"}
	for i := range settings {
		f.Add([]byte("seed"), uint8(i), uint16(0), uint16(0), uint64(1))
		f.Add(mixed(2000), uint8(i), uint16(40), uint16(700), uint64(i))
		f.Add([]byte{0}, uint8(i), uint16(5000), uint16(4000), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8, times, block uint16, seed uint64) {
		s := setting(t, settings[int(which)%len(settings)])
		for content := data; times > 0 && len(data)+len(content) <= 100_000; times-- {
			data = append(data[:len(data):len(data)], content...)
		}
		var outs [2]bytes.Buffer
		for i := range outs {
			concurrency := 1 + i*int(1+seed%4)
			w, err := codec.NewWriter(&outs[i], s, codec.WriterOptions{Concurrency: concurrency})
			if err != nil {
				t.Fatal(err)
			}
			if block > 50 && (s.Compression == codec.Gzip || s.Compression == codec.Zstd) {
				w = codec.NewBlockWriter(&outs[i], s, concurrency, int(block))
			}
			if err := chunked(w, data, i*int(1+seed%uint64(1+len(data)))); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(outs[0].Bytes(), outs[1].Bytes()) {
			t.Errorf("%v of %d bytes: two outputs", s, len(data))
		}
		checkStored(t, s, outs[0].Bytes(), data, "")
	})
}

// BenchmarkNewWriter: a byte is an uncompressed one.
func BenchmarkNewWriter(b *testing.B) {
	data := layerLike(32 << 20)
	for _, name := range []string{"none", "gzip:1", "gzip", "gzip:9", "zstd:1", "zstd", "zstd:6", "zstd:19", "xz"} {
		for _, concurrency := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/%d", name, concurrency), func(b *testing.B) {
				s := setting(b, name)
				var stored counter
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				for b.Loop() {
					stored = 0
					w, err := codec.NewWriter(&stored, s, codec.WriterOptions{Concurrency: concurrency})
					if err != nil {
						b.Fatal(err)
					}
					if err := chunked(w, data, 128<<10); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(100*float64(stored)/float64(len(data)), "%stored")
			})
		}
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
