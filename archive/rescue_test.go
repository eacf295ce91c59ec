package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
)

const rescued = `
image example.com/a:v1
  layer
    file one 1
  layer
    file two 2
image example.com/b:v1
  layer
    file one 1
  layer
    file three 3
`

// TestMendFindsImages takes the lists of images away or breaks them; the same
// configs and layers are found again, and names where a list is left that has
// them.
func TestMendFindsImages(t *testing.T) {
	t.Parallel()
	named := []string{"example.com/a:v1", "example.com/b:v1"}
	// What is left is an archive of another form, and whole.
	silent := []string{"oci-layout broken", "hybrid without manifest.json", "hybrid without index.json"}
	for _, tt := range []struct {
		name, format, damage string
		names                []string
	}{
		{"no index.json", "oci", "remove index.json", nil},
		{"index.json cut", "oci-archive", `replace index.json "{\"manif"`, nil},
		{"index.json is a list", "oci-archive", `replace index.json "[]"`, nil},
		{"oci-layout broken", "oci-archive", `replace oci-layout "x"`, named},
		{"no list at all, gzip outside", "oci-archive\nouter gzip", "remove index.json", nil},
		{"hybrid without index.json", "docker-hybrid", "remove index.json", named},
		{"hybrid without manifest.json", "docker-hybrid", "remove manifest.json", named},
		{"hybrid without both", "docker-hybrid", "remove index.json\nremove manifest.json", nil},
		{"hybrid with both broken", "docker-hybrid", `replace index.json "{"` + "\n" + `replace manifest.json "["`, nil},
		{"no manifest.json", "docker-save", "remove manifest.json", named},
		{"manifest.json broken", "docker-save", `replace manifest.json "[{"`, named},
		{"neither manifest.json nor repositories", "docker-save", "remove manifest.json\nremove repositories", nil},
		{"podman", "docker-save-podman", "remove manifest.json", nil},
		{"crane", "docker-save-crane", "remove manifest.json", nil},
		{"bare names", "docker-save-bare", "remove manifest.json", nil},
		{"1.0 without repositories", "docker-save-1.0", "remove repositories", nil},
		{"1.0 with broken repositories", "docker-save-1.0", `replace repositories "{"`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			listing := "format " + tt.format + "\n" + rescued
			whole, _ := openMending(t, listing)
			damaged, notes := openMending(t, listing+tt.damage+"\n")
			if diff := cmp.Diff(configsAndLayers(t, whole), configsAndLayers(t, damaged)); diff != "" {
				t.Errorf("images (-whole +damaged):\n%s", diff)
			}
			if diff := cmp.Diff(tt.names, allNames(damaged)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			if len(notes) == 0 && !slices.Contains(silent, tt.name) {
				t.Error("nothing is told")
			}
		})
	}
}

// TestMendFails: where there are no images, the error is that of opening.
func TestMendFails(t *testing.T) {
	t.Parallel()
	for _, listing := range []string{
		"format tar\ndir etc\nfile etc/motd hello\n",
		"format docker-save\nimage example.com/a:v1\n  layer\n    file one 1\nremove manifest.json\nremove repositories\nremove blob:layer:0:0\n",
		"format oci\nimage example.com/a:v1\n  layer\n    file one 1\nremove index.json\nremove blob:manifest:0\nremove blob:layer:0:0\n",
	} {
		a, err := archive.Open(t.Context(), ref.Ref{Path: build(t, listing)}, archive.OpenOptions{Mend: true})
		if err == nil {
			t.Errorf("%q opens with %d images", listing, len(a.Images))
			a.Close()
		}
	}
}

// TestMendMediaTypes: a document is what is in it.
func TestMendMediaTypes(t *testing.T) {
	t.Parallel()
	whole, _ := openMending(t, "format oci\nindex example.com/a:v1\n  image\n    layer\n      file one 1\n")
	lying := build(t, "format oci\nindex example.com/a:v1\n  image\n    layer\n      file one 1\n")
	index := filepath.Join(lying, "index.json")
	raw, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.ReplaceAll(raw, []byte("application/vnd.oci.image.index.v1+json"), []byte("application/json"))
	if err := os.WriteFile(index, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if a := open(t, lying); a.Images[0].Err == nil {
		t.Error("an index called application/json is read as one without Mend")
	}
	a, err := archive.Open(t.Context(), ref.Ref{Path: lying}, archive.OpenOptions{Mend: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if diff := cmp.Diff(configsAndLayers(t, whole), configsAndLayers(t, a)); diff != "" {
		t.Errorf("images (-whole +lying):\n%s", diff)
	}
}

func openMending(t *testing.T, listing string) (*archive.Archive, []string) {
	t.Helper()
	var notes []string
	path := filepath.Join(t.TempDir(), "image")
	archivetest.Build(t, path, listing)
	a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{Mend: true, Warn: func(s string) { notes = append(notes, s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, notes
}

// configsAndLayers gives a line for each image, sorted, and fails where one
// cannot be read.
func configsAndLayers(t *testing.T, a *archive.Archive) []string {
	t.Helper()
	var lines []string
	for _, image := range a.Images {
		for _, n := range archive.Instances(image.Node) {
			parts := []string{n.Manifest.Config.Digest.String()}
			for _, l := range n.Layers {
				if l.Err != nil {
					t.Error(l.Err)
				}
				parts = append(parts, l.Descriptor.Digest.String())
			}
			lines = append(lines, strings.Join(parts, " "))
		}
	}
	slices.Sort(lines)
	return lines
}

func allNames(a *archive.Archive) []string {
	var names []string
	for _, image := range a.Images {
		for _, name := range image.Names {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	return names
}
