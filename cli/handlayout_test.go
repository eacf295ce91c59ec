//go:build linux

package cli_test

import (
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest/hostile"
)

const gzipLayer, zstdLayer = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"

// handLayout is an OCI layout folder that is made blob by blob.
type handLayout struct {
	path  string
	files hostile.Files
}

func newHandLayout(t *testing.T, path string) handLayout {
	t.Helper()
	return handLayout{path, hostile.Files{}}
}

// put adds a blob and gives its descriptor.
func (l handLayout) put(t *testing.T, mediaType string, data []byte) map[string]any {
	t.Helper()
	return l.files.Blob(mediaType, string(data))
}

// finish writes the layout.
func (l handLayout) finish(t *testing.T, roots ...any) {
	t.Helper()
	if err := l.files.Finish(roots...).Folder(l.path); err != nil {
		t.Fatal(err)
	}
}

// hostileCase builds a hostile archive.
func hostileCase(name string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		for _, c := range hostile.Cases() {
			if c.Name == name {
				if err := c.Write(path); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatalf("no hostile archive is called %s", name)
	}
}
