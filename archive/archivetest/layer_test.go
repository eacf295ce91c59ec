package archivetest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"
)

// TestLayerCompressions decodes layers of every compression, one of them without
// its end.
func TestLayerCompressions(t *testing.T) {
	t.Parallel()
	plain := func(r io.Reader) (io.Reader, error) { return r, nil }
	unzip := func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	unzstd := func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) }
	tests := []struct {
		words, mediaType string
		decode           func(io.Reader) (io.Reader, error)
		size             int
	}{
		{"plain", "tar", plain, 2048},
		{"plain no-end", "tar", plain, 1024},
		{"gzip", "tar+gzip", unzip, 2048},
		{"gzip-members no-end", "tar+gzip", unzip, 1024},
		{"zstd", "tar+zstd", unzstd, 2048},
		{"zstd-frames", "tar+zstd", unzstd, 2048},
		{"xz", "tar", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }, 2048},
	}
	for _, tt := range tests {
		t.Run(tt.words, func(t *testing.T) {
			t.Parallel()
			files := read(t, buildPath(t, "format dir\nimage\n  layer "+tt.words+"\n    file a hello\n"))
			var m v1.Manifest
			if err := json.Unmarshal([]byte(files["manifest.json"]), &m); err != nil {
				t.Fatal(err)
			}
			if want := "application/vnd.oci.image.layer.v1." + tt.mediaType; m.Layers[0].MediaType != want {
				t.Errorf("media type %s, want %s", m.Layers[0].MediaType, want)
			}
			r, err := tt.decode(strings.NewReader(files[m.Layers[0].Digest.Encoded()]))
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil || len(data) != tt.size {
				t.Errorf("%d bytes, %v, want %d", len(data), err, tt.size)
			}
			if got := readTar(t, bytes.NewReader(data)); got["a"] != "hello" {
				t.Errorf("files %q, want a", got)
			}
		})
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	p := buildPath(t, "format tar\nfile a hello\nraw \"\\x00xyz\"\nfile b more\n")
	data := readFile(t, p)
	if got := string(data[1024:1028]); got != "\x00xyz" || string(data[1028:1030]) != "b\x00" {
		t.Errorf("bytes behind the first entry = %q, want those of raw and the next header", data[1024:1030])
	}
}
