package archive_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/claim"
	"github.com/imgtool/imgtool/archive/ref"
)

// These tests leave what a run leaves that is killed, and look what the next one
// makes of it.

func needLocks(t *testing.T) {
	t.Helper()
	if !claim.Locks {
		t.Skip("nothing can be locked here, and nothing is removed")
	}
}

// writeTelling writes c and gives what was told, with dir cut off.
func writeTelling(t *testing.T, transport ref.Transport, dir, name string, c *archive.Content) ([]string, error) {
	t.Helper()
	var told []string
	err := archive.Write(context.Background(), ref.Ref{Transport: transport, Path: filepath.Join(dir, name)}, c, archive.WriteOptions{
		Warn: func(m string) { told = append(told, strings.ReplaceAll(m, dir+string(filepath.Separator), "")) },
	})
	return told, err
}

// TestLeftoversBeside: whatever was being written beside the output goes, with
// what lies in it; what a run writes that lives stays.
func TestLeftoversBeside(t *testing.T) {
	needLocks(t)
	t.Parallel()
	c := contentOf(t, open(t, build(t, "format oci"+oneImage)))
	for _, transport := range []ref.Transport{ref.DockerArchive, ref.OCIArchive, ref.OCI, ref.Dir} {
		t.Run(string(transport), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, ".out.imgtool-00000001", "blobs", "sha256", ".abc.imgtool-00000001"), "x")
			writeFile(t, filepath.Join(dir, ".out.imgtool-00000002"), "x")
			writeFile(t, filepath.Join(dir, ".other.imgtool-00000003"), "x")
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			living, err := claim.Folder(root, "out")
			if err != nil {
				t.Fatal(err)
			}
			defer living.Release()
			told, err := writeTelling(t, transport, dir, "out", c)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"removed .out.imgtool-00000001, which a run that was killed left",
				"removed .out.imgtool-00000002, which a run that was killed left",
			}
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			left := []string{".other.imgtool-00000003", living.Name, "out"}
			slices.Sort(left)
			if diff := cmp.Diff(left, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			checkWhole(t, open(t, filepath.Join(dir, "out")))
		})
	}
}

// TestLeftoversInLayout: what was being added goes with the next add.
func TestLeftoversInLayout(t *testing.T) {
	needLocks(t)
	t.Parallel()
	dir := t.TempDir()
	c := contentOf(t, open(t, build(t, "format oci"+oneImage)))
	write(t, ref.OCI, filepath.Join(dir, "w"), c)
	want := tree(t, dir)
	for _, name := range []string{
		".w.imgtool-00000001", "w/.oci-layout-filling.imgtool-00000002", "w/.index.json.imgtool-00000002",
		"w/blobs/sha256/.abc.imgtool-00000002", "w/blobs/sha256/.abc.imgtool-00000003",
	} {
		writeFile(t, filepath.Join(dir, name), "x")
	}
	told, err := writeTelling(t, ref.OCI, dir, "w", c)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	wantTold := []string{
		"removed .w.imgtool-00000001, which a run that was killed left",
		"removed w/.oci-layout-filling.imgtool-00000002, which a run that was killed left, and its files: 2",
		"removed w/blobs/sha256/.abc.imgtool-00000003, which a run that was killed left",
	}
	if diff := cmp.Diff(wantTold, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// halfFilled makes a folder as a run leaves it that was killed while it filled one
// that was empty: all of it but what comes last, one blob damaged, another not
// there. It gives the names of what is there and right.
func halfFilled(t *testing.T, dir, last string, whole map[string]string) []string {
	t.Helper()
	writeFile(t, filepath.Join(dir, "."+last+"-filling.imgtool-00000001"), "")
	writeFile(t, filepath.Join(dir, "."+last+".imgtool-00000001"), "x")
	var right []string
	for i, name := range slices.Sorted(maps.Keys(whole)) {
		switch {
		case strings.HasSuffix(name, "/"), name == last, i == 3:
		case i == 4:
			writeFile(t, filepath.Join(dir, name), strings.Repeat("x", len(whole[name])))
		default:
			writeFile(t, filepath.Join(dir, name), whole[name])
			right = append(right, name)
		}
	}
	return right
}

// TestHalfFilled: an empty folder whose filling was killed is completed by the next
// run, and not by one that fails.
func TestHalfFilled(t *testing.T) {
	needLocks(t)
	t.Parallel()
	c := contentOf(t, open(t, build(t, "format oci"+oneImage)))
	bad := contentOf(t, open(t, build(t, "format oci\nimage fx:bad\n  layer\n    random a 1MiB\nflip blob:layer:0:0 -1\n")))
	for _, tt := range []struct {
		transport ref.Transport
		last      string
	}{{ref.OCI, "oci-layout"}, {ref.Dir, "version"}} {
		t.Run(string(tt.transport), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, tt.transport, filepath.Join(dir, "want"), c)
			want := tree(t, filepath.Join(dir, "want"))
			right := halfFilled(t, filepath.Join(dir, "w"), tt.last, want)
			kept := stats(t, filepath.Join(dir, "w"), right)
			told, err := writeTelling(t, tt.transport, dir, "w", bad)
			if err == nil {
				t.Fatal("a false layer is written")
			}
			const completes = "completes DIR, which a run that was killed left half filled"
			if len(told) != 2 || strings.ReplaceAll(told[0], filepath.Join(dir, "w"), "DIR") != strings.ReplaceAll(completes, "DIR", "w") {
				t.Errorf("told %q", told)
			}
			if told, err = writeTelling(t, tt.transport, dir, "w", c); err != nil || len(told) != 2 {
				t.Fatalf("after a run that failed: %v, told %q", err, told)
			}
			if diff := cmp.Diff(want, tree(t, filepath.Join(dir, "w"))); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			for i, info := range stats(t, filepath.Join(dir, "w"), right) {
				if strings.Contains(right[i], "blobs") && !os.SameFile(info, kept[i]) {
					t.Errorf("%s was there and is written anew", right[i])
				}
			}
			if told, err = writeTelling(t, tt.transport, dir, "w", c); (err == nil) != (tt.transport == ref.OCI) || len(told) > 0 {
				t.Errorf("once more: %v, told %q", err, told)
			}
		})
	}
}

func stats(t *testing.T, dir string, files []string) []fs.FileInfo {
	t.Helper()
	var all []fs.FileInfo
	for _, name := range files {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}

// TestHalfFilledByOthers: what another kind of run left half filled is no place for
// a layout, and neither is a folder that just looks so.
func TestHalfFilledByOthers(t *testing.T) {
	t.Parallel()
	c := contentOf(t, open(t, build(t, "format oci"+oneImage)))
	for _, mark := range []string{".version-filling.imgtool-00000001", ".filling.imgtool-00000001", ".oci-layout-filling.imgtool-1", "oci-layout-filling"} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "w", mark), "")
		if told, err := writeTelling(t, ref.OCI, dir, "w", c); !errors.Is(err, fs.ErrExist) || len(told) > 0 {
			t.Errorf("%s: %v, told %q", mark, err, told)
		}
		if got := names(t, filepath.Join(dir, "w")); !slices.Equal(got, []string{mark}) {
			t.Errorf("%s: the folder holds %q", mark, got)
		}
	}
}

// TestWriteFolderMark: a mark stands in an empty folder that is filled, and that
// keeps the mode and the time that it was given.
func TestWriteFolderMark(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Unix(1_000_000_000, 123456789)
	err := archive.WriteFolder(context.Background(), dir, archive.FolderOptions{}, func(dir string) error {
		if got := names(t, dir); len(got) != 1 || !claim.Is(got[0]) {
			t.Errorf("the folder holds %q", got)
		}
		return errors.Join(fillWith(dir), os.Chtimes(dir, at, at), os.Chmod(dir, 0o555))
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(at) || info.Mode().Perm()&0o200 != 0 {
		t.Errorf("the folder is %v of %v", info.Mode(), info.ModTime())
	}
	if diff := cmp.Diff([]string{"file", "folder"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// TestWriteFolderHalfFilled: a folder that a run left which was killed is not
// written to, and the hint names the mark.
func TestWriteFolderHalfFilled(t *testing.T) {
	needLocks(t)
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	writeFile(t, filepath.Join(path, ".filling.imgtool-00000001"), "")
	writeFile(t, filepath.Join(path, "mine"), "x")
	before := tree(t, dir)
	err := archive.WriteFolder(context.Background(), path, archive.FolderOptions{}, fillWith)
	const want = "remove all that is in it, .filling.imgtool-00000001 too, or name a new or an empty folder"
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "a run that was killed left it half filled") || hint(err) != want {
		t.Errorf("WriteFolder = %v, hint %q, want hint %q", err, hint(err), want)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("files (-before +after):\n%s", diff)
	}
}
