package gunzip

import (
	"archive/tar"
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

// resetReader is what all three gzip readers are.
type resetReader interface {
	io.Reader
	Reset(io.Reader) error
}

// contenders are fresh readers of each kind.
func contenders() map[string]resetReader {
	return map[string]resetReader{"ours": new(Reader), "klauspost": new(gzip.Reader), "std": new(stdgzip.Reader)}
}

var contenderNames = []string{"ours", "klauspost", "std"}

// BenchmarkReader decodes parts of [layer]. Bytes are uncompressed.
func BenchmarkReader(b *testing.B) {
	text, err := layer()
	if err != nil {
		b.Fatal(err)
	}
	for _, size := range []struct {
		name string
		n    int
	}{{"1KiB", 1 << 10}, {"32KiB", 32 << 10}, {"1MiB", 1 << 20}, {"layer", layerSize}} {
		from := min(layerSize*5/8, layerSize-size.n) // amid the sources
		part := text[from : from+size.n]
		for _, level := range []int{1, 6, 9} {
			z := sync.OnceValue(func() []byte { return compressed(part, level) })
			readers := contenders()
			for _, name := range contenderNames {
				b.Run(fmt.Sprintf("size=%s/level=%d/%s", size.name, level, name), func(b *testing.B) {
					benchmarkRead(b, readers[name], z(), size.n)
				})
			}
		}
	}
}

func benchmarkRead(b *testing.B, r resetReader, z []byte, size int) {
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

// BenchmarkSHA256 decodes [layer] in one goroutine and hashes it in another.
// The other readers get a ring of the same shape. Bytes are uncompressed.
func BenchmarkSHA256(b *testing.B) {
	text, err := layer()
	if err != nil {
		b.Fatal(err)
	}
	want := sha256.Sum256(text)
	for _, level := range []int{1, 6, 9} {
		z := sync.OnceValue(func() []byte { return compressed(text, level) })
		readers := contenders()
		for _, name := range contenderNames {
			b.Run(fmt.Sprintf("level=%d/%s", level, name), func(b *testing.B) {
				stream := z()
				b.SetBytes(layerSize)
				b.ReportAllocs()
				for b.Loop() {
					if err := readers[name].Reset(bytes.NewReader(stream)); err != nil {
						b.Fatal(err)
					}
					sum, err := hashAside(b.Context(), readers[name])
					if err != nil || !bytes.Equal(sum, want[:]) {
						b.Fatalf("got %x and %v, want %x", sum, err, want)
					}
				}
			})
		}
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
