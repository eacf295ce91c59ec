package archive_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
)

// fillWith puts a file and a folder with a file into a folder.
func fillWith(dir string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o600),
		os.Mkdir(filepath.Join(dir, "folder"), 0o700),
		os.WriteFile(filepath.Join(dir, "folder", "inside"), nil, 0o600),
	)
}

// TestWriteFolder: a new folder is filled beside its place, an empty one in place.
func TestWriteFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(path("empty"), 0o700), os.Symlink("linked", path("to new")), os.Mkdir(path("other"), 0o700), os.Symlink("other", path("to empty"))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, at string
		inPlace  bool
	}{
		{"new", "new", false},
		{"slash/", "slash", false},
		{"empty", "empty", true},
		{"to new", "linked", false},
		{"to empty", "other", true},
	} {
		var filled string
		err := archive.WriteFolder(context.Background(), dir+"/"+tt.name, archive.FolderOptions{}, func(at string) error { filled = at; return fillWith(at) })
		if err != nil {
			t.Errorf("WriteFolder(%s): %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff([]string{"file", "folder"}, names(t, path(tt.at))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if inPlace := filled == dir+"/"+tt.name; inPlace != tt.inPlace {
			t.Errorf("WriteFolder(%s) fills %q", tt.name, filled)
		}
	}
	if diff := cmp.Diff([]string{"empty", "linked", "new", "other", "slash", "to empty", "to new"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestWriteFolderFails: a folder that was empty is empty again, another is none,
// and what remove says comes out.
func TestWriteFolderFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(path("empty"), 0o700), os.Mkdir(path("full"), 0o700), fillWith(path("full")), os.WriteFile(path("file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	broken, stuck := errors.New("broken"), errors.New("stuck")
	half := func(at string) error { return errors.Join(fillWith(at), broken) }
	for _, name := range []string{"new", "empty"} {
		if err := archive.WriteFolder(context.Background(), path(name), archive.FolderOptions{}, half); !errors.Is(err, broken) {
			t.Errorf("WriteFolder(%s) = %v, want %v", name, err, broken)
		}
		var removed []string
		err := archive.WriteFolder(context.Background(), path(name), archive.FolderOptions{Remove: func(at string) error {
			removed = append(removed, filepath.Base(at))
			return errors.Join(os.RemoveAll(at), stuck)
		}}, half)
		if !errors.Is(err, broken) || !errors.Is(err, stuck) {
			t.Errorf("WriteFolder(%s) = %v, want %v and %v", name, err, broken, stuck)
		}
		if name == "empty" {
			if diff := cmp.Diff([]string{"file", "folder"}, removed); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
		}
	}
	never := func(at string) error { t.Errorf("fills %q", at); return nil }
	for _, tt := range []struct {
		path, hint string
		want       error
	}{
		{"", "", archive.ErrUnsupported},
		{path("full"), "name a new or an empty folder", fs.ErrExist},
		{path("file"), "name a new or an empty folder", fs.ErrExist},
		{path("no/new"), "", fs.ErrNotExist},
		{path("file/new"), "", nil},
	} {
		err := archive.WriteFolder(context.Background(), tt.path, archive.FolderOptions{}, never)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || hint(err) != tt.hint {
			t.Errorf("WriteFolder(%q) = %v, hint %q, want %v, %q", tt.path, err, hint(err), tt.want, tt.hint)
		}
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
	if left := names(t, path("empty")); len(left) > 0 {
		t.Errorf("left in the empty folder: %q", left)
	}
}

// TestWriteFolderTakenMeanwhile: what comes to stand under the name while the
// folder is filled stays.
func TestWriteFolderTakenMeanwhile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	err := archive.WriteFolder(context.Background(), path, archive.FolderOptions{}, func(at string) error {
		return errors.Join(fillWith(at), os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "theirs"), nil, 0o600))
	})
	if err == nil {
		t.Error("WriteFolder replaced a folder")
	}
	if diff := cmp.Diff([]string{"out"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"theirs"}, names(t, path)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
