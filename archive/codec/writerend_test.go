package codec_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/codec"
)

var errDisk = errors.New("disk on fire")

// breaking is a writer that takes limit bytes and fails once.
type breaking struct {
	limit, taken, after int // after counts calls after the failure
	broken, short       bool
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.broken {
		b.after++
		return len(p), nil // it would go unnoticed
	}
	if b.taken+len(p) <= b.limit {
		b.taken += len(p)
		return len(p), nil
	}
	n := b.limit - b.taken
	b.broken = true
	if b.short {
		return n, nil
	}
	return n, errDisk
}

// TestNewWriterFails: the first error of w comes out, whatever comes later, and
// stays; w is left alone then.
func TestNewWriterFails(t *testing.T) {
	t.Parallel()
	data := layerLike(400_000)
	if testing.Short() {
		data = data[:200_000]
	}
	for _, name := range []string{"none", "gzip:1", "gzip", "zstd:1", "zstd", "xz:1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setting(t, name)
			whole := &breaking{limit: 1 << 30}
			if err := chunked(openWriter(t, whole, s, 1), data, 0); err != nil {
				t.Fatal(err)
			}
			steps := 40
			if s.Compression == codec.XZ || testing.Short() {
				steps = 6
			}
			limits := []int{0, 1, 9, 10, 11, 12, 24, 25, whole.taken - 9, whole.taken - 8, whole.taken - 1}
			for n := 100; n < whole.taken; n += whole.taken / steps {
				limits = append(limits, n)
			}
			for i, n := range limits {
				failWriter(t, s, &breaking{limit: n, short: i%5 == 4}, data, 1+i%3)
			}
		})
	}
}

// openWriter makes blocks so small that Write has to write, too.
func openWriter(t *testing.T, b *breaking, s codec.Setting, concurrency int) io.WriteCloser {
	t.Helper()
	if s.Compression == codec.Gzip || s.Compression == codec.Zstd {
		return codec.NewBlockWriter(b, s, concurrency, 50_000)
	}
	w, err := codec.NewWriter(b, s, codec.WriterOptions{Concurrency: concurrency})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func failWriter(t *testing.T, s codec.Setting, b *breaking, data []byte, concurrency int) {
	t.Helper()
	want := errDisk
	if b.short {
		want = io.ErrShortWrite
	}
	w := openWriter(t, b, s, concurrency)
	var err error
	for rest := data; len(rest) > 0 && err == nil; rest = rest[min(len(rest), 1<<15):] {
		_, err = w.Write(rest[:min(len(rest), 1<<15)])
	}
	if err != nil {
		if n, again := w.Write(data); n != 0 || !errors.Is(again, want) {
			t.Errorf("%v, limit %d: Write after an error = %d, %v", s, b.limit, n, again)
		}
	}
	for range 2 {
		if err := w.Close(); !errors.Is(err, want) {
			t.Errorf("%v, limit %d: Close = %v, want %v", s, b.limit, err, want)
		}
	}
	if b.after > 0 {
		t.Errorf("%v, limit %d: %d writes after the error", s, b.limit, b.after)
	}
}

// TestNewWriterClosed: a closed writer takes nothing, and did not close w.
func TestNewWriterClosed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"none", "gzip", "zstd", "xz"} {
		file, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		w, err := codec.NewWriter(file, setting(t, name), codec.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, w, text)
		if n, err := w.Write(text); n != 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: Write after Close = %d, %v", name, n, err)
		}
		if err := w.Close(); err != nil {
			t.Errorf("%s: second Close = %v", name, err)
		}
		if err := file.Close(); err != nil {
			t.Errorf("%s: file is closed: %v", name, err)
		}
	}
}

// TestNewWriterLeavesNothing: no goroutine stays, however the writer ends.
func TestNewWriterLeavesNothing(t *testing.T) { // counts goroutines: not parallel
	data := layerLike(2 << 20)
	for _, name := range []string{"none", "gzip:1", "zstd:1", "xz:1"} {
		s := setting(t, name)
		part := data
		if s.Compression == codec.XZ {
			part = data[:100_000]
		}
		before := runtime.NumGoroutine()
		for i, limit := range []int{0, 1, 10, 1000, 300_000, 1 << 30} {
			for _, end := range []string{"closed", "given up", "forgotten"} {
				b := &breaking{limit: limit}
				w, err := codec.NewWriter(b, s, codec.WriterOptions{Concurrency: 1 + i})
				if err != nil {
					t.Fatal(err)
				}
				if end != "closed" {
					_, _ = w.Write(part[:len(part)-i])
				} else if err := chunked(w, part, 1<<16); (err != nil) != b.broken {
					t.Errorf("%v, limit %d: %v", s, limit, err)
				}
				if end == "given up" {
					_ = w.Close()
				}
				if now := runtime.NumGoroutine(); end != "forgotten" && now > before && !settles(before) {
					t.Errorf("%v, limit %d, %s: %d goroutines, were %d", s, limit, end, now, before)
				}
			}
		}
		if !settles(before) {
			t.Errorf("%v: %d goroutines are left, were %d", s, runtime.NumGoroutine(), before)
		}
	}
}

// settles reports that there are no more than n goroutines, at last: one that
// has done its work is counted until it has gone.
func settles(n int) bool {
	for range 500 {
		if runtime.NumGoroutine() <= n {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// TestNewWriterMemory: memory does not grow with the content.
func TestNewWriterMemory(t *testing.T) { // measures memory: not parallel
	if testing.Short() {
		t.Skip("slow")
	}
	piece := noise(1 << 20)
	for _, tt := range []struct {
		name        string
		concurrency int
		mib         uint64
	}{
		{"gzip:1", 4, 4 * 3},
		{"zstd:1", 2, 16 + 2*25},
		{"zstd:1", 100, 16 + 4*25},
		{"zstd:19", 100, 16 + 2*(25+34)},
		{"xz:2", 1, 2*5 + 8},
	} {
		n := 72
		if tt.name == "xz:2" {
			n = 8
		}
		runtime.GC()
		runtime.GC() // pools need two
		start := liveHeap()
		w, err := codec.NewWriter(io.Discard, setting(t, tt.name), codec.WriterOptions{Concurrency: tt.concurrency})
		if err != nil {
			t.Fatal(err)
		}
		var most uint64
		for i := range n {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			if i%16 == 7 {
				runtime.GC()
				most = max(most, liveHeap()-start)
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		t.Logf("%s, concurrency %d: %d MiB", tt.name, tt.concurrency, most>>20)
		if most>>20 > tt.mib {
			t.Errorf("%s, concurrency %d: %d MiB held, want %d at most", tt.name, tt.concurrency, most>>20, tt.mib)
		}
	}
}

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
