package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// sources makes a folder of small and large files and links.
func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := range 20 {
		sub := filepath.Join(dir, fmt.Sprintf("folder%02d", d))
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			size := 100 * (i + 1)
			if i%10 == 9 {
				size = largeSize + d
			}
			content := bytes.Repeat([]byte{byte(d), byte(i)}, size)[:size]
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file%02d", i)), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("file00", filepath.Join(sub, "link")); err != nil {
			t.Skipf("symbolic links: %v", err)
		}
	}
	return dir
}

// TestRun: the layout and the tar have what was asked for, whatever the
// compression, and the same bytes twice.
func TestRun(t *testing.T) {
	t.Parallel()
	from := sources(t)
	for _, how := range []string{"none", "gzip", "zstd"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var digests []string
			for _, name := range []string{"a", "b"} {
				var out strings.Builder
				err := run(t.Context(), []string{
					"-from", from, "-size", "3000000", "-files", "400", "-layers", "4", "-compress", how,
					"-o", filepath.Join(dir, name), "-tar", filepath.Join(dir, name+".tar"),
				}, &out, io.Discard)
				if err != nil {
					t.Fatal(err)
				}
				digests = append(digests, out.String())
			}
			if digests[0] != digests[1] || !strings.HasPrefix(digests[0], "sha256:") {
				t.Errorf("two runs gave %q", digests)
			}
			a, b := readFile(t, filepath.Join(dir, "a.tar")), readFile(t, filepath.Join(dir, "b.tar"))
			if !bytes.Equal(a, b) {
				t.Error("two runs gave different tars")
			}
			checkEntries(t, headers(t, a))
		})
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func headers(t *testing.T, content []byte) []*tar.Header {
	t.Helper()
	var all []*tar.Header
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
}

// checkEntries: sizes and numbers are near what was asked for, and every kind of
// change is there.
func checkEntries(t *testing.T, headers []*tar.Header) {
	t.Helper()
	var size int64
	kinds := map[string]int{}
	names := map[string]bool{}
	for _, h := range headers {
		size += h.Size
		base := path.Base(h.Name)
		switch {
		case base == ".wh..wh..opq":
			kinds["opaque"]++
		case strings.HasPrefix(base, ".wh."):
			kinds["whiteout"]++
			if !names[path.Join(path.Dir(h.Name), base[len(".wh."):])] {
				t.Errorf("%s deletes nothing", h.Name)
			}
		case h.Typeflag == tar.TypeReg && names[h.Name]:
			kinds["overwritten"]++
			kinds["file"]++
		case h.Typeflag == tar.TypeReg:
			kinds["file"]++
		case h.Typeflag == tar.TypeLink:
			kinds["hardlink"]++
			if !names[h.Linkname] {
				t.Errorf("%s links to %s, which is not there", h.Name, h.Linkname)
			}
		case h.Typeflag == tar.TypeSymlink:
			kinds["symlink"]++
		}
		names[h.Name] = true
	}
	if size < 2_900_000 || size > 3_000_000 {
		t.Errorf("files have %d bytes, want about 3000000", size)
	}
	if kinds["file"] != 400 {
		t.Errorf("%d files, want 400", kinds["file"])
	}
	for _, kind := range []string{"opaque", "whiteout", "overwritten", "hardlink", "symlink"} {
		if kinds[kind] == 0 {
			t.Errorf("no entry is of kind %s: %v", kind, kinds)
		}
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	from := sources(t)
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing to write", nil, "nothing to write: give -o, -tar or both"},
		{"operand", []string{"-o", "x", "y"}, `unexpected argument "y"`},
		{"compression", []string{"-o", "x", "-compress", "xz"}, `-compress "xz": want none, gzip or zstd`},
		{"level", []string{"-o", "x", "-level", "10"}, "-level 10: want 0 to 9 for gzip"},
		{"layers", []string{"-o", "x", "-files", "2"}, "1000000000 bytes in 2 files do not make 5 layers"},
		{"sizes", []string{"-o", "x", "-from", from, "-files", "10"}, "the files found make 10 of 10 files"},
		{"no files", []string{"-o", "x", "-from", t.TempDir()}, "the files found make 0 of 20000 files"},
		{"layout exists", []string{"-o", from, "-from", from, "-size", "3000000", "-files", "400"}, "file already exists"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), test.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("run(%q) = %v, want %q in it", test.args, err, test.want)
			}
		})
	}
}

// TestCancelled: an interrupt leaves nothing behind.
func TestCancelled(t *testing.T) {
	t.Parallel()
	f, err := walk(t.Context(), []root{{path: sources(t)}}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	layers := planLayers(f.small, f.links, 3)
	if _, err := writeLayout(ctx, filepath.Join(dir, "layout"), layers, compression{name: "gzip"}); !errors.Is(err, context.Canceled) {
		t.Errorf("writeLayout: %v, want cancelled", err)
	}
	if err := writeTarFile(ctx, filepath.Join(dir, "tar"), layers); !errors.Is(err, context.Canceled) {
		t.Errorf("writeTarFile: %v, want cancelled", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
