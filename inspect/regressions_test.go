package inspect_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect"
)

// TestFaultsWithoutDigest: each image that could not be read is a fault. Today
// images of manifest.json without a config all have the empty digest, so that
// the faults of all but the first are left out, and that one reads "manifest :".
func TestFaultsWithoutDigest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	face := `[{"Config":"one","RepoTags":["fx:v1"]},{"Config":"../two","RepoTags":["fx:v2"]},{"Config":"","RepoTags":["fx:v3"]}]`
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(face), 0o644); err != nil {
		t.Fatal(err)
	}
	a, err := archive.Open(context.Background(), ref.Ref{Path: dir}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s := inspect.Summarize(a, a.Images)
	// The config of the first is not there; the names of the others are no names.
	if len(s.Faults) < 2 || strings.Contains(strings.Join(s.Faults, "\n"), "manifest : ") {
		t.Errorf("faults = %q, want one for fx:v2 and one for fx:v3, each with what it is about", s.Faults)
	}
}

// TestFaultText says where a fault lies once.
func TestFaultText(t *testing.T) {
	t.Parallel()
	s := summarize(t, "format oci\nimage fx:v1\n  layer\n    file a one\nreplace blob:config:0 {\n")
	if fault := s.Images[0].Manifests[0].Fault; strings.Contains(fault, "config: config:") {
		t.Errorf("Fault = %q", fault)
	}
}
