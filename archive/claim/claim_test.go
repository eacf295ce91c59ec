package claim_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/claim"
)

// openRoot gives a new folder.
func openRoot(t *testing.T) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// needLocks skips what is about locks where there are none.
func needLocks(t *testing.T) {
	t.Helper()
	if !claim.Locks {
		t.Skip("nothing can be locked here")
	}
}

// list gives all paths below root, sorted.
func list(t *testing.T, root *os.Root) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(root.FS(), ".", func(at string, _ fs.DirEntry, err error) error {
		if at != "." {
			all = append(all, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// put makes files, and folders of names that end with a slash.
func put(t *testing.T, root *os.Root, names ...string) {
	t.Helper()
	for _, name := range names {
		err := root.MkdirAll(filepath.Dir(name), 0o755)
		if dir, ok := strings.CutSuffix(name, "/"); ok {
			err = errors.Join(err, root.MkdirAll(dir, 0o755))
		} else {
			err = errors.Join(err, root.WriteFile(name, []byte(name), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// teller collects what is told, with the folder's path cut off.
type teller struct {
	root *os.Root
	all  []string
}

func (l *teller) tell(format string, args ...any) {
	l.all = append(l.all, strings.ReplaceAll(fmt.Sprintf(format, args...), l.root.Name(), "w"))
}

// TestNames: what is claimed is called as users are told.
func TestNames(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	c, file, err := claim.File(root, "x.tar")
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\.x\.tar\.imgtool-[0-9a-f]{8}$`).MatchString(c.Name) || !slices.Equal(list(t, root), []string{c.Name}) {
		t.Errorf("File(x.tar) is called %q, in the folder are %q", c.Name, list(t, root))
	}
	digits := c.Name[len(c.Name)-8:]
	if got, want := c.For("blobs/sha256/abc"), "blobs/sha256/.abc.imgtool-"+digits; got != want {
		t.Errorf("For(blobs/sha256/abc) = %q, want %q", got, want)
	}
	if err := c.Discard(); err != nil || len(list(t, root)) > 0 {
		t.Errorf("Discard() = %v, leaves %q", err, list(t, root))
	}
	for name, want := range map[string]bool{
		".x.tar.imgtool-0123abcd": true, ".x.imgtool-01234567.imgtool-89abcdef": true,
		"x.tar.imgtool-0123abcd": false, ".x.tar.imgtool-0123ABCD": false, ".x.tar.imgtool-0123abc": false,
		".x.tar.imgtool-0123abcde": false, ".x.tar.imgtool-0123abcg": false, "..imgtool-0123abcd": false,
		".imgtool-0123abcd": false, ".x.tar.imgtool-": false, "": false, ".x.tar": false, ".x.tarimgtool-0123abcd": false,
	} {
		if got := claim.Is(name); got != want {
			t.Errorf("Is(%q) = %v, want %v", name, got, want)
		}
	}
}

// TestSweep: what nobody holds goes, is told, and nothing else goes.
func TestSweep(t *testing.T) {
	needLocks(t)
	t.Parallel()
	root := openRoot(t)
	outside := t.TempDir()
	put(t, root,
		".x.imgtool-00000001", ".x.imgtool-00000002/", ".x.imgtool-00000002/deep/file",
		".y.imgtool-00000001", ".x.imgtool-0000000A", ".x.imgtool-000001", "x", ".x", ".x.imgtool-00000001.old", "sub/.x.imgtool-00000001")
	if err := errors.Join(
		os.WriteFile(filepath.Join(outside, "kept"), nil, 0o600),
		root.Symlink(outside, ".x.imgtool-00000003"),
		os.Symlink(outside, filepath.Join(root.Name(), ".x.imgtool-00000002", "link")),
	); err != nil {
		t.Fatal(err)
	}
	file, open, err := claim.File(root, "x")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := claim.Folder(root, "x")
	if err != nil {
		t.Fatal(err)
	}
	told := teller{root: root}
	claim.Sweep(root, "x", told.tell)
	want := []string{
		"removed w/.x.imgtool-00000001, which a run that was killed left",
		"removed w/.x.imgtool-00000002, which a run that was killed left",
		"w/.x.imgtool-00000003 may be what a run that was killed left, and cannot be removed: it is no file and no folder: invalid argument",
	}
	if diff := cmp.Diff(want, told.all); diff != "" {
		t.Errorf("Sweep tells (-want +got):\n%s", diff)
	}
	left := []string{
		".x", ".x.imgtool-00000001.old", ".x.imgtool-00000003", ".x.imgtool-000001", ".x.imgtool-0000000A", ".y.imgtool-00000001",
		file.Name, folder.Name, "sub", "sub/.x.imgtool-00000001", "x",
	}
	slices.Sort(left)
	if diff := cmp.Diff(left, list(t, root)); diff != "" {
		t.Errorf("Sweep leaves (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(outside, "kept")); err != nil {
		t.Errorf("what a link leads to: %v", err)
	}
	if err := errors.Join(open.Close(), file.Release(), folder.Release()); err != nil {
		t.Fatal(err)
	}
	told = teller{root: root}
	claim.Sweep(root, "x", told.tell)
	if len(told.all) != 3 {
		t.Errorf("after the runs' end Sweep tells %q", told.all)
	}
}

// TestSweepClosedFolders: folders that nobody may write to go, too.
func TestSweepClosedFolders(t *testing.T) {
	needLocks(t)
	t.Parallel()
	root := openRoot(t)
	put(t, root, ".x.imgtool-00000001/a/b/file", ".x.imgtool-00000001/c/file")
	for _, dir := range []string{".x.imgtool-00000001/a/b", ".x.imgtool-00000001/a", ".x.imgtool-00000001/c", ".x.imgtool-00000001"} {
		mode := fs.FileMode(0)
		if dir == ".x.imgtool-00000001" {
			mode = 0o555
		}
		if err := root.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	told := teller{root: root}
	claim.Sweep(root, "x", told.tell)
	if left := list(t, root); len(left) > 0 || len(told.all) != 1 {
		t.Errorf("Sweep leaves %q, tells %q", left, told.all)
	}
}

// TestSweepMarked: files of a run go with its mark, or where that is gone; those of
// a run that lives stay.
func TestSweepMarked(t *testing.T) {
	needLocks(t)
	t.Parallel()
	root := openRoot(t)
	folders := []string{"blobs/sha256", "missing", "."}
	mark, err := claim.Mark(root, "m")
	if err != nil {
		t.Fatal(err)
	}
	other, file, err := claim.File(root, "other") // without a mark, and held
	if err != nil {
		t.Fatal(err)
	}
	put(t, root, mark.For("blobs/sha256/abc"), mark.For("index.json"),
		".m.imgtool-00000001", "blobs/sha256/.abc.imgtool-00000001", "blobs/sha256/.def.imgtool-00000001", ".index.json.imgtool-00000001",
		"blobs/sha256/.abc.imgtool-00000002", ".m.imgtool-00000003", "blobs/sha256/abc", "blobs/.abc.imgtool-00000001")
	if got := claim.Abandoned(root, "m"); got != ".m.imgtool-00000001" {
		t.Errorf("Abandoned(m) = %q", got)
	}
	told := teller{root: root}
	claim.SweepMarked(root, "m", folders, told.tell)
	want := []string{
		"removed w/.m.imgtool-00000001, which a run that was killed left, and its files: 3",
		"removed w/blobs/sha256/.abc.imgtool-00000002, which a run that was killed left",
		"removed w/.m.imgtool-00000003, which a run that was killed left",
	}
	if diff := cmp.Diff(want, told.all); diff != "" {
		t.Errorf("SweepMarked tells (-want +got):\n%s", diff)
	}
	left := []string{mark.Name, mark.For("index.json"), "blobs", mark.For("blobs/sha256/abc"), "blobs/sha256", "blobs/sha256/abc", "blobs/.abc.imgtool-00000001", other.Name}
	slices.Sort(left)
	if diff := cmp.Diff(left, slices.Sorted(slices.Values(list(t, root)))); diff != "" {
		t.Errorf("SweepMarked leaves (-want +got):\n%s", diff)
	}
	if got := claim.Abandoned(root, "m"); got != "" {
		t.Errorf("Abandoned(m) = %q with a run that lives", got)
	}
	if err := errors.Join(file.Close(), other.Release(), mark.Release()); err != nil {
		t.Fatal(err)
	}
	if got := claim.Abandoned(root, "m"); got != mark.Name {
		t.Errorf("Abandoned(m) = %q after its end, want %q", got, mark.Name)
	}
}

// TestTogether: while others sweep all the time, nobody loses what it claims.
func TestTogether(t *testing.T) {
	t.Parallel()
	root := openRoot(t)
	var writers, sweepers sync.WaitGroup
	quit := make(chan struct{})
	for range 4 {
		sweepers.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					claim.Sweep(root, "x", func(string, ...any) {})
					claim.SweepFolder(root, func(string, ...any) {})
				}
			}
		})
	}
	for range 4 {
		writers.Go(func() {
			for range 100 {
				if err := writeAndName(root); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(quit)
	sweepers.Wait()
	if left := list(t, root); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	t.Log("tried: 800 claims while 4 others sweep")
}

// writeAndName claims a file and a folder, and uses them.
func writeAndName(root *os.Root) error {
	c, file, err := claim.File(root, "x")
	if err != nil {
		return err
	}
	if err := errors.Join(file.Close(), root.Rename(c.Name, c.Name+"-whole"), root.Remove(c.Name+"-whole"), c.Release()); err != nil {
		return err
	}
	folder, err := claim.Folder(root, "x")
	if err != nil {
		return err
	}
	return errors.Join(root.WriteFile(folder.Name+"/inside", nil, 0o600), root.RemoveAll(folder.Name), folder.Release())
}
