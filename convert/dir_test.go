//go:build !windows

package convert_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/opencontainers/go-digest"
)

// TestDir: a dir: folder has no descriptor of its image. What would be another
// image there is refused before anything is written, all else comes back.
func TestDir(t *testing.T) {
	t.Parallel()
	manifest := func(t *testing.T) []byte {
		a := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file a a\n"))
		return a.Images[0].Raw
	}
	tests := []struct {
		name   string
		layout func(t *testing.T) string
		want   error
	}{
		{"artifact", func(t *testing.T) string { return build(t, "format oci\nartifact fx:v1 application/vnd.example\n") }, nil},
		{"Docker's list with a platform that is absent", func(t *testing.T) string {
			return build(t, "format oci\nmedia docker\nindex fx:v1\n  image\n    layer\n      file a a\n  image absent\n    platform linux/arm64\n")
		}, nil},
		{"SHA-512", func(t *testing.T) string {
			layout := build(t, "format oci\nimage fx:v1\n  layer\n    file a a\n")
			renameRoot(t, layout, digest.FromBytes(manifest(t)), digest.SHA512.FromBytes(manifest(t)))
			return layout
		}, archive.ErrUnsupported},
		{"a blob that is no manifest", func(t *testing.T) string {
			return layoutOf(t, "text", `{"mediaType":"text/plain","digest":"sha256:HEX(manifest)","size":SIZE(manifest)}`, nil)
		}, archive.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, tt.layout(t))
			out := filepath.Join(t.TempDir(), "out")
			err := planAndRun(convert.NewPlan, a, job{to: ref.Ref{Transport: ref.Dir, Path: out}}, convert.Options{})
			if !errors.Is(err, tt.want) {
				t.Fatalf("convert = %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				if _, err := os.Lstat(out); err == nil {
					t.Error("something was written")
				}
				return
			}
			if diff := cmp.Diff(identity(a, false), identity(open(t, out), false)); diff != "" {
				t.Errorf("read again (-first +now):\n%s", diff)
			}
		})
	}
}

// renameRoot gives the manifest of a layout another digest of the same bytes.
func renameRoot(t *testing.T, layout string, from, to digest.Digest) {
	t.Helper()
	place := func(d digest.Digest) string {
		return filepath.Join(layout, "blobs", d.Algorithm().String(), d.Encoded())
	}
	if err := os.MkdirAll(filepath.Dir(place(to)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(place(from), place(to)); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(layout, "index.json")
	raw, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(index, bytes.ReplaceAll(raw, []byte(from), []byte(to)), 0o644); err != nil {
		t.Fatal(err)
	}
}
