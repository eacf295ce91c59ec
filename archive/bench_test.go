package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// BenchmarkOpen: a byte is a stored one of the archive, of which only headers
// and documents are read.
func BenchmarkOpen(b *testing.B) {
	listing := ""
	for i := range 20 {
		listing += fmt.Sprintf("image example.com/fx:v%d\n", i)
		for j := range 20 {
			listing += fmt.Sprintf("  layer\n    random data 8KiB %d-%d\n", i, j)
		}
	}
	for _, format := range []string{"docker-save", "docker-hybrid", "docker-containerd", "oci-archive"} {
		b.Run(format, func(b *testing.B) {
			path := build(b, "format "+format+"\n"+listing)
			b.SetBytes(open(b, path).Size)
			b.ReportAllocs()
			for b.Loop() {
				a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
				if err != nil {
					b.Fatal(err)
				}
				a.Close()
			}
		})
	}
}

// memory is a blob over bytes.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// BenchmarkCopy: a byte is a stored one, hashed and thrown away, or hashed and
// handed to a writer.
func BenchmarkCopy(b *testing.B) {
	data := make([]byte, 64<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	d := ocispec.Descriptor{Digest: digest.FromBytes(data), Size: int64(len(data))}
	for name, w := range map[string]io.Writer{"discard": io.Discard, "writer": struct{ io.Writer }{io.Discard}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(d.Size)
			b.ReportAllocs()
			for b.Loop() {
				if err := archive.Copy(context.Background(), w, memory{bytes.NewReader(data)}, d, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
