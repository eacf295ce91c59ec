package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
)

// writeText writes text to a file in whole.
func writeText(path string, opts archive.WriteOptions, text string) error {
	return archive.WriteFile(context.Background(), path, opts, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// hint gives what an error says to do about it.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// TestWriteFile: a new file, one in the place of another, one that a link leads to.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("old"), []byte("much longer than what comes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", path("link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"new", "old", "link"} {
		if err := writeText(path(name), archive.WriteOptions{}, name); err != nil {
			t.Errorf("WriteFile(%s): %v", name, err)
		}
		if got, err := os.ReadFile(path(name)); err != nil || string(got) != name {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if diff := cmp.Diff([]string{"link", "new", "old", "target"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	if err := writeText("-", archive.WriteOptions{Stdout: &out}, "text"); err != nil || out.String() != "text" {
		t.Errorf("WriteFile(-) writes %q, %v", out.String(), err)
	}
}

// TestWriteFileFails: what was there stays, and nothing is left beside it.
func TestWriteFileFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(path("old"), []byte("old"), 0o600), os.Mkdir(path("folder"), 0o700)); err != nil {
		t.Fatal(err)
	}
	before := names(t, dir)
	broken := errors.New("broken")
	for _, name := range []string{"new", "old"} {
		err := archive.WriteFile(context.Background(), path(name), archive.WriteOptions{}, func(w io.Writer) error {
			_, err := io.WriteString(w, "half")
			return errors.Join(err, broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("WriteFile(%s) = %v, want %v", name, err, broken)
		}
	}
	for _, tt := range []struct {
		path, hint string
		want       error
	}{
		{"", "", archive.ErrUnsupported},
		{path("folder"), "name a file", nil},
		{path("new") + "/", "name a file", nil},
		{path("no/new"), "", fs.ErrNotExist},
		{path("old/new"), "", nil},
	} {
		err := writeText(tt.path, archive.WriteOptions{}, "text")
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || hint(err) != tt.hint {
			t.Errorf("WriteFile(%q) = %v, hint %q, want %v, %q", tt.path, err, hint(err), tt.want, tt.hint)
		}
	}
	if diff := cmp.Diff(before, names(t, dir)); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
	if got, err := os.ReadFile(path("old")); err != nil || string(got) != "old" {
		t.Errorf("what was there holds %q, %v", got, err)
	}
}

// TestWriteFileTakenMeanwhile: a folder that comes to stand under the name while
// the file is written is not replaced.
func TestWriteFileTakenMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	err := archive.WriteFile(context.Background(), path, archive.WriteOptions{}, func(io.Writer) error { return os.MkdirAll(filepath.Join(path, "in"), 0o700) })
	if err == nil {
		t.Error("WriteFile replaced a folder")
	}
	if diff := cmp.Diff([]string{"out"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
