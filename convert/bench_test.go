package convert_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// BenchmarkConvert keeps the layers of a 64 MiB image of four layers: a byte is
// a stored one, read, hashed and written to disk.
func BenchmarkConvert(b *testing.B) {
	const layers = "  layer plain\n    random a 16MiB\n  layer plain\n    random b 16MiB\n  layer plain\n    random c 16MiB\n  layer plain\n    random d 16MiB\n"
	for _, bench := range []struct {
		name, format string
		to           ref.Transport
	}{
		{"docker archive to OCI folder", "docker-save", ref.OCI},
		{"OCI folder to docker archive", "oci", ref.DockerArchive},
		{"docker archive to docker archive", "docker-save", ref.DockerArchive},
	} {
		b.Run(bench.name, func(b *testing.B) {
			a := open(b, build(b, "format "+bench.format+"\nimage fx:v1\n"+layers))
			out := filepath.Join(b.TempDir(), "out")
			b.SetBytes(64 << 20)
			b.ReportAllocs()
			for b.Loop() {
				p, err := plan(b, ref.Ref{Transport: bench.to, Path: out}, convert.Options{}, a)
				if err != nil {
					b.Fatal(err)
				}
				if err := p.Run(context.Background(), archive.WriteOptions{}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := os.RemoveAll(out); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
