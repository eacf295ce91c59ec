package gunzip

import (
	"archive/tar"
	"bufio"
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// layerSize is how many uncompressed bytes the large benchmarks decode.
const layerSize = 64 << 20

// layer is a tar of [layerSize] bytes as an image layer has them: binaries
// and sources of the Go toolchain, half of each.
var layer = sync.OnceValues(func() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, part := range []struct {
		dirs  []string
		limit int
	}{
		{[]string{"bin", "pkg/tool"}, layerSize / 2},
		{[]string{"src"}, layerSize},
	} {
		for _, dir := range part.dirs {
			if err := addTree(w, &b, dir, part.limit); err != nil {
				return nil, err
			}
		}
	}
	if b.Len() < layerSize {
		return nil, fmt.Errorf("the Go toolchain has %d bytes, want %d", b.Len(), layerSize)
	}
	return b.Bytes()[:layerSize], nil
})

// addTree adds the files under dir of the toolchain until b has limit bytes.
func addTree(w *tar.Writer, b *bytes.Buffer, dir string, limit int) error {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	root := os.DirFS(strings.TrimSpace(string(goroot)))
	return fs.WalkDir(root, dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || b.Len() >= limit {
			return err
		}
		content, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		h := tar.Header{Name: filepath.ToSlash(path), Mode: 0o644, Size: int64(len(content))}
		if err = w.WriteHeader(&h); err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
}

// tarVariable names a plain tar that the large benchmarks decode instead of
// [layer]: the content of a whole image, say. What it is compressed to stays
// beside it for the next run.
const tarVariable = "IMGTOOL_BENCH_TAR"

// largeTar is what the large benchmarks decode. Its compressed forms are files,
// so that a tar of any size takes no memory, and igzip can read them too.
type largeTar struct {
	name  string // a file, or "" for [layer]
	forms string // compressed forms begin so
	size  int64
	sum   []byte // SHA-256
}

var large = sync.OnceValues(func() (*largeTar, error) {
	name := os.Getenv(tarVariable)
	t := &largeTar{name: name, forms: name}
	if name == "" {
		dir, err := os.MkdirTemp("", "gunzip-bench-")
		if err != nil {
			return nil, err
		}
		largeDir.Store(dir)
		t.forms = filepath.Join(dir, "layer")
	}
	h := sha256.New()
	var err error
	t.size, err = t.copyTo(h)
	t.sum = h.Sum(nil)
	return t, err
})

// largeDir is the folder for the forms of [layer] once there is one.
var largeDir atomic.Value

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, made := largeDir.Load().(string); made {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// copyTo writes the plain tar to w.
func (t *largeTar) copyTo(w io.Writer) (int64, error) {
	if t.name == "" {
		text, err := layer()
		if err != nil {
			return 0, err
		}
		n, err := w.Write(text)
		return int64(n), err
	}
	f, err := os.Open(t.name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(w, f)
}

// compressed is the name of a file that holds t compressed at level.
func (t *largeTar) compressed(level int) (name string, err error) {
	name = fmt.Sprintf("%s.level%d.gz", t.forms, level)
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	f, err := os.Create(name + ".part")
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(f.Name())
			return
		}
		err = os.Rename(f.Name(), name)
	}()
	w, err := stdgzip.NewWriterLevel(f, level)
	if err != nil {
		return "", err
	}
	if _, err := t.copyTo(w); err != nil {
		return "", err
	}
	return name, w.Close()
}

// resetReader is what all three gzip readers are.
type resetReader interface {
	io.Reader
	Reset(io.Reader) error
}

// contender is a gzip reader, and what it gets a file through: those that fetch
// single bytes would make a small buffer of their own.
type contender struct {
	resetReader
	buffer *bufio.Reader // nil for none
}

// contenders are fresh readers of each kind.
func contenders() map[string]contender {
	return map[string]contender{
		"ours":      {new(Reader), nil},
		"klauspost": {new(gzip.Reader), bufio.NewReaderSize(nil, 64<<10)},
		"std":       {new(stdgzip.Reader), bufio.NewReaderSize(nil, 64<<10)},
	}
}

// rewind has c read all of f.
func (c contender) rewind(f *os.File) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if c.buffer == nil {
		return c.Reset(f)
	}
	c.buffer.Reset(f)
	return c.Reset(c.buffer)
}

var contenderNames = []string{"ours", "klauspost", "std"}

// BenchmarkReader decodes small parts of [layer] from memory, and the large tar
// from files, which igzip does too where it is installed. Bytes are
// uncompressed.
func BenchmarkReader(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"1KiB", 1 << 10}, {"32KiB", 32 << 10}, {"1MiB", 1 << 20}} {
		b.Run("size="+size.name, func(b *testing.B) { benchmarkSmall(b, size.n) })
	}
	b.Run("size=layer", func(b *testing.B) {
		forEachLevel(b, func(b *testing.B, t *largeTar, f *os.File) {
			forEachContender(b, t, f, readFile)
			b.Run("igzip", func(b *testing.B) { readIgzip(b, t, f) })
		})
	})
}

func benchmarkSmall(b *testing.B, size int) {
	text, err := layer()
	if err != nil {
		b.Fatal(err)
	}
	from := layerSize * 5 / 8 // amid the sources
	part := text[from : from+size]
	for _, level := range []int{1, 6, 9} {
		z := compressed(part, level)
		readers := contenders()
		for _, name := range contenderNames {
			b.Run(fmt.Sprintf("level=%d/%s", level, name), func(b *testing.B) {
				readMemory(b, readers[name], z, size)
			})
		}
	}
}

func readMemory(b *testing.B, r resetReader, z []byte, size int) {
	src := bytes.NewReader(z)
	if err := r.Reset(src); err != nil { // warm: allocates its buffers
		b.Fatal(err)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(z)
		if err := r.Reset(src); err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != int64(size) {
			b.Fatal(n, err)
		}
	}
}

// forEachLevel runs work on each compressed form of the large tar.
func forEachLevel(b *testing.B, work func(*testing.B, *largeTar, *os.File)) {
	t, err := large()
	if err != nil {
		b.Fatal(err)
	}
	for _, level := range []int{1, 6, 9} {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			name, err := t.compressed(level)
			if err != nil {
				b.Fatal(err)
			}
			f, err := os.Open(name)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			work(b, t, f)
		})
	}
}

// forEachContender measures what each does once with all of f.
func forEachContender(b *testing.B, t *largeTar, f *os.File, once func(*testing.B, *largeTar, io.Reader)) {
	readers := contenders()
	for _, name := range contenderNames {
		b.Run(name, func(b *testing.B) {
			c := readers[name]
			if err := c.rewind(f); err != nil { // warm: allocates its buffers
				b.Fatal(err)
			}
			b.SetBytes(t.size)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.rewind(f); err != nil {
					b.Fatal(err)
				}
				once(b, t, c.resetReader)
			}
		})
	}
}

func readFile(b *testing.B, t *largeTar, r io.Reader) {
	if n, err := io.Copy(io.Discard, r); err != nil || n != t.size {
		b.Fatal(n, err)
	}
}

// readIgzip has Intel's igzip, which is C and assembly, do what readFile does:
// the bound to come near to.
func readIgzip(b *testing.B, t *largeTar, f *os.File) {
	igzip, err := exec.LookPath("igzip")
	if err != nil {
		b.Skip("igzip is not installed; Debian has it in isal")
	}
	b.SetBytes(t.size)
	for b.Loop() {
		if err := exec.Command(igzip, "-dc", f.Name()).Run(); err != nil { // to /dev/null
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 decodes the large tar in one goroutine and hashes it in
// another. The other readers get a ring of the same shape. Bytes are
// uncompressed.
func BenchmarkSHA256(b *testing.B) {
	forEachLevel(b, func(b *testing.B, t *largeTar, f *os.File) {
		forEachContender(b, t, f, hashFile)
	})
}

func hashFile(b *testing.B, t *largeTar, r io.Reader) {
	sum, err := hashAside(b.Context(), r)
	if err != nil || !bytes.Equal(sum, t.sum) {
		b.Fatalf("got %x and %v, want %x", sum, err, t.sum)
	}
}

// hashAside hashes r in a goroutine of its own.
func hashAside(ctx context.Context, r io.Reader) ([]byte, error) {
	h := sha256.New()
	if ours, ok := r.(*Reader); ok {
		_, err := Pump(ctx, ours, h)
		return h.Sum(nil), err
	}
	free, full := make(chan []byte, ringSize), make(chan []byte, ringSize)
	for range ringSize {
		free <- make([]byte, bufferSize)
	}
	var hashing sync.WaitGroup
	hashing.Go(func() {
		for block := range full {
			h.Write(block)
			free <- block[:bufferSize]
		}
	})
	var err error
	for err == nil {
		block := <-free
		var n int
		n, err = io.ReadFull(r, block)
		full <- block[:n]
	}
	close(full)
	hashing.Wait()
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return h.Sum(nil), err
}
