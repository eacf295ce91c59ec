//go:build !windows

package convert_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/convert"
)

// unpack unpacks an image and gives what was warned of.
func unpack(t testing.TB, ctx context.Context, a *archive.Archive, n *archive.Node, dir string, opts convert.UnpackOptions) ([]string, error) {
	t.Helper()
	temp := t.TempDir()
	rootfs, err := convert.NewRootfs(a, n, archive.StackOptions{TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	var warned []string
	opts.Warn = func(m string) { warned = append(warned, m) }
	t.Cleanup(func() { makeRemovable(dir) })
	err = rootfs.Unpack(ctx, dir, opts)
	if left, readErr := os.ReadDir(temp); readErr != nil || len(left) > 0 {
		t.Errorf("left in the folder of temporary files: %v, %v", left, readErr)
	}
	return warned, err
}

// makeRemovable lets the owner remove what an image has made read-only.
func makeRemovable(dir string) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return // there is nothing
	}
	_ = filepath.WalkDir(dir, func(at string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chmod(at, 0o700)
		}
		return err
	})
}

// folderTree words a folder as treeOf does a tar. Owners are those of the files
// or, as without root nobody can have others, 0:0.
func folderTree(t testing.TB, root string, owners bool) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || at == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		uid, gid := stat.Uid, stat.Gid
		if !owners {
			uid, gid = 0, 0
		}
		kind, link, sum, size := "file", "", "", info.Size()
		switch {
		case info.IsDir():
			kind, size = "dir", 0
		case info.Mode()&fs.ModeSymlink != 0:
			kind, size = "symlink", 0
			if link, err = os.Readlink(at); err != nil {
				return err
			}
		case info.Mode()&fs.ModeNamedPipe != 0:
			kind = "fifo"
		case info.Mode()&fs.ModeCharDevice != 0:
			kind = "char"
		case info.Mode()&fs.ModeDevice != 0:
			kind = "block"
		default:
			content, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			sum = fmt.Sprintf("%x", sha256.Sum256(content))
		}
		mode := uint32(stat.Mode & 0o7777)
		out.WriteString(treeLine(strings.TrimPrefix(at, root), kind, fmt.Sprintf("%o", mode), int(uid), int(gid), size, link, sum))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestUnpackFixtures: the archives of real tools hold filesystems that are known.
func TestUnpackFixtures(t *testing.T) {
	t.Parallel()
	root := os.Geteuid() == 0
	for _, f := range fixtureTrees {
		for _, rootless := range []bool{true, false} {
			if !rootless && !root {
				continue
			}
			t.Run(fmt.Sprint(f.archive, " ", strings.ReplaceAll(f.image, "/", "_"), " ", rootless), func(t *testing.T) {
				t.Parallel()
				a := open(t, filepath.Join(fixtures, f.archive))
				dir := filepath.Join(t.TempDir(), "root")
				warned, err := unpack(t, context.Background(), a, instance(t, a, f.image), dir, convert.UnpackOptions{Rootless: rootless})
				if err != nil || len(warned) > 0 {
					t.Fatalf("Unpack = %v, warned %q", err, warned)
				}
				known := knownTree(t, f.tree, f.lacks)
				if rootless { // owners stand elsewhere
					known = withoutOwners(known)
				}
				if diff := cmp.Diff(sortedLines(known), sortedLines(folderTree(t, dir, !rootless))); diff != "" {
					t.Errorf("Unpack (-known +got):\n%s", diff)
				}
			})
		}
	}
}

func withoutOwners(tree string) string {
	var out strings.Builder
	for line := range strings.Lines(tree) {
		fields := strings.Split(line, "\t")
		fields[3] = "0:0"
		out.WriteString(strings.Join(fields, "\t"))
	}
	return out.String()
}

// TestUnpack: all kinds of files, times and links.
func TestUnpack(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	dir := filepath.Join(t.TempDir(), "root")
	if _, err := unpack(t, context.Background(), a, instance(t, a), dir, convert.UnpackOptions{Rootless: true}); err != nil {
		t.Fatal(err)
	}
	want := withoutOwners(treeOf(t, exportTar(t, a, instance(t, a))))
	if diff := cmp.Diff(sortedLines(want), sortedLines(folderTree(t, dir, false))); diff != "" {
		t.Errorf("Unpack (-export +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "usr", "lib", "through"))
	if err != nil || info.ModTime().UnixNano() != 1700000000_123456789 {
		t.Errorf("time %v, %v", info.ModTime(), err)
	}
	one, err := os.Stat(filepath.Join(dir, "another"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Stat(filepath.Join(dir, "data", "two"))
	if err != nil || !os.SameFile(one, other) {
		t.Errorf("hardlinks are not one file: %v", err)
	}
}

// TestUnpackPlaces: what may stand where the folder goes.
func TestUnpackPlaces(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, place string) (dir string)
		want    error
		at      string // where the files are then
	}{
		{"new", func(t *testing.T, place string) string { return filepath.Join(place, "new") }, nil, "new"},
		{"new with a slash", func(t *testing.T, place string) string { return filepath.Join(place, "new") + "/" }, nil, "new"},
		{"empty", func(t *testing.T, place string) string { return mkdir(t, place, "empty", 0o755) }, nil, "empty"},
		{"empty, closed", func(t *testing.T, place string) string { return mkdir(t, place, "empty", 0o700) }, nil, "empty"},
		{"link to an empty folder", func(t *testing.T, place string) string {
			return link(t, mkdir(t, place, "empty", 0o755), filepath.Join(place, "link"))
		}, nil, "empty"},
		{"link to nothing", func(t *testing.T, place string) string {
			return link(t, filepath.Join(place, "new"), filepath.Join(place, "link"))
		}, nil, "new"},
		{"below a link", func(t *testing.T, place string) string {
			return filepath.Join(link(t, mkdir(t, place, "parent", 0o755), filepath.Join(place, "link")), "new")
		}, nil, "parent/new"},
		{"link in a circle", func(t *testing.T, place string) string {
			return link(t, filepath.Join(place, "link"), filepath.Join(place, "link"))
		}, syscall.ELOOP, ""},
		{"full", func(t *testing.T, place string) string {
			mkdir(t, mkdir(t, place, "full", 0o755), "inside", 0o755)
			return filepath.Join(place, "full")
		}, fs.ErrExist, ""},
		{"file", func(t *testing.T, place string) string {
			path := filepath.Join(place, "file")
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}, fs.ErrExist, ""},
		{"no parent", func(t *testing.T, place string) string { return filepath.Join(place, "no", "new") }, fs.ErrNotExist, ""},
		{"parent is a file", func(t *testing.T, place string) string {
			if err := os.WriteFile(filepath.Join(place, "file"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(place, "file", "new")
		}, syscall.ENOTDIR, ""},
		{"in the input", func(t *testing.T, place string) string { return filepath.Join(a.Path, "new") }, archive.ErrSame, ""},
		{"nowhere", func(t *testing.T, place string) string { return "" }, archive.ErrUnsupported, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			place := t.TempDir()
			dir := tt.prepare(t, place)
			before := folderTree(t, place, true)
			_, err := unpack(t, context.Background(), a, instance(t, a), dir, convert.UnpackOptions{Rootless: true})
			if !errors.Is(err, tt.want) {
				t.Fatalf("Unpack(%q) = %v, want %v", dir, err, tt.want)
			}
			if tt.want != nil {
				if diff := cmp.Diff(before, folderTree(t, place, true)); diff != "" {
					t.Errorf("Unpack that fails changes things (-before +after):\n%s", diff)
				}
				return
			}
			if _, err := os.Stat(filepath.Join(place, tt.at, "etc", "passwd")); err != nil {
				t.Error(err)
			}
		})
	}
}

func mkdir(t testing.TB, parent, name string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(parent, name)
	if err := os.Mkdir(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func link(t testing.TB, target, path string) string {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnpackStops: an unpacking that fails half-way, here at a path that is too
// long for the host, takes all with it, folders that nobody may write to among
// them. An empty folder that was there stays.
func TestUnpackStops(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(strings.Repeat("y", 250)+"/", 16) + strings.Repeat("y", layer.MaxPath-16*251-1)
	a := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    dir ./ mode=0555\n    dir a mode=0555\n    dir a/b mode=0000\n    file a/b/c x mode=0000\n"+
		"    dir d mode=0111\n    file d/e x\n    hardlink d/f a/b/c\n    symlink s /etc\n    fifo p\n    dir "+deep+" mode=0555\n"))
	for _, place := range []string{"new", "empty"} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			if place == "empty" {
				mkdir(t, parent, "root", 0o750)
			}
			before := folderTree(t, parent, true)
			_, err := unpack(t, context.Background(), a, instance(t, a), filepath.Join(parent, "root"), convert.UnpackOptions{Rootless: true})
			if !errors.Is(err, syscall.ENAMETOOLONG) {
				t.Fatalf("Unpack = %.300v", err)
			}
			if diff := cmp.Diff(before, folderTree(t, parent, true)); diff != "" {
				t.Errorf("left behind (-before +after):\n%s", diff)
			}
		})
	}
}

// TestUnpackNames: a name over 255 bytes is refused before anything is written,
// one of 255 is not.
func TestUnpackNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		want error
	}{
		{strings.Repeat("n", 255), nil},
		{strings.Repeat("n", 256), layer.ErrTooLarge},
		{strings.Repeat("é", 128), layer.ErrTooLarge},
		{"a/" + strings.Repeat("n", 256) + "/b", layer.ErrTooLarge},
	} {
		a := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file "+tt.name+" x\n"))
		dir := filepath.Join(t.TempDir(), "root")
		_, err := unpack(t, context.Background(), a, instance(t, a), dir, convert.UnpackOptions{Rootless: true})
		if !errors.Is(err, tt.want) {
			t.Errorf("name of %d bytes: %v, want %v", len(tt.name), err, tt.want)
		}
		if _, statErr := os.Lstat(dir); (statErr == nil) != (err == nil) {
			t.Errorf("name of %d bytes: %v, %v", len(tt.name), err, statErr)
		}
	}
}

// TestUnpackWarns: of what cannot be as the image has it, once for each kind.
func TestUnpackWarns(t *testing.T) {
	t.Parallel()
	listing := "format oci\nimage fx:v1\n  layer\n    char null 1 3\n    block disk 8 1\n    char zero 1 5\n"
	for i := range 30 {
		listing += fmt.Sprintf("    file f%d x xattr.security.selinux=label xattr.user.rootlesscontainers=x\n", i)
	}
	a := open(t, build(t, listing))
	dir := filepath.Join(t.TempDir(), "root")
	warned, err := unpack(t, context.Background(), a, instance(t, a), dir, convert.UnpackOptions{Rootless: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(warned) == 0 || !strings.HasSuffix(warned[0], ": 3 of them") || len(warned) > 4 {
		t.Errorf("warned of %q", warned)
	}
	if !slices.ContainsFunc(warned, func(m string) bool { return strings.HasSuffix(m, "(30 times)") }) {
		t.Errorf("warned of %q, of no thing 30 times", warned)
	}
	for _, name := range []string{"null", "disk", "zero"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() || info.Size() != 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestUnpackMany: what an image can make umoci say does not fill the terminal.
func TestUnpackMany(t *testing.T) {
	t.Parallel()
	var listing bytes.Buffer
	listing.WriteString("format oci\nimage fx:v1\n  layer\n")
	for i := range 100 {
		fmt.Fprintf(&listing, "    file f%d x xattr.security.nfs4_acl%d=x xattr.trusted.overlay.x%d=x\n", i, i, i)
	}
	a := open(t, build(t, listing.String()))
	warned, err := unpack(t, context.Background(), a, instance(t, a), filepath.Join(t.TempDir(), "root"), convert.UnpackOptions{Rootless: true})
	if err != nil || len(warned) > 25 {
		t.Errorf("warned %d times, %v", len(warned), err)
	}
}
