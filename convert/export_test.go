package convert_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// files is a filesystem of two layers with all kinds of entries, below an image.
const files = `
  layer
    dir etc mode=0750 uid=3 gid=4
    file etc/passwd "root\n" mode=0600
    file etc/gone "x\n"
    dir old
    file old/inside "x\n"
    file data/one "shared\n" uid=1000 gid=2000
    hardlink data/two data/one
    symlink lib usr/lib
    dir usr/lib
    random big 70KiB
  layer
    whiteout etc/gone
    opaque old
    file old/new "n\n"
    file lib/through "t\n" mtime=1700000000.123456789
    hardlink another data/two
    whiteout data/one
    fifo run/pipe mode=0622
    dir locked mode=0555
    file locked/inside "i\n" mode=04755
`

// filesTree is what files merges to.
const filesTree = `file 0644 0:0 7 another
file 0644 0:0 71680 big
dir 0755 0:0 0 data/
hardlink 0644 0:0 0 data/two -> another
dir 0750 3:4 0 etc/
file 0600 0:0 5 etc/passwd
symlink 0777 0:0 0 lib -> usr/lib
dir 0555 0:0 0 locked/
file 4755 0:0 2 locked/inside
dir 0755 0:0 0 old/
file 0644 0:0 2 old/new
dir 0755 0:0 0 run/
fifo 0622 0:0 0 run/pipe
dir 0755 0:0 0 usr/
dir 0755 0:0 0 usr/lib/
file 0644 0:0 2 usr/lib/through
`

// instance gives the image of a that selectors name, or its only one.
func instance(t testing.TB, a *archive.Archive, selectors ...string) *archive.Node {
	t.Helper()
	root, err := a.One(selectors...)
	if err != nil {
		t.Fatal(err)
	}
	return archive.Instances(root.Node)[0]
}

// exportTar exports an image and gives the tar.
func exportTar(t testing.TB, a *archive.Archive, n *archive.Node) []byte {
	t.Helper()
	var out bytes.Buffer
	err := export(t, a, n, ref.Stdio, archive.WriteOptions{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func export(t testing.TB, a *archive.Archive, n *archive.Node, path string, opts archive.WriteOptions) error {
	t.Helper()
	rootfs, err := convert.NewRootfs(a, n, archive.StackOptions{TempDir: t.TempDir()})
	if err != nil {
		return err
	}
	return rootfs.Export(context.Background(), path, opts)
}

// member is an entry of a tar, in words and with its content.
type member struct {
	line    string
	content []byte
}

var kinds = map[byte]string{
	tar.TypeReg: "file", tar.TypeLink: "hardlink", tar.TypeSymlink: "symlink", tar.TypeChar: "char",
	tar.TypeBlock: "block", tar.TypeDir: "dir", tar.TypeFifo: "fifo",
}

// members reads a tar.
func members(t testing.TB, raw io.Reader) []member {
	t.Helper()
	var all []member
	for r := tar.NewReader(raw); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %04o %d:%d %d %s", kinds[h.Typeflag], h.Mode, h.Uid, h.Gid, h.Size, h.Name)
		if h.Linkname != "" {
			line += " -> " + h.Linkname
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{line, content})
	}
}

// lines gives the members in words.
func lines(all []member) string {
	var out strings.Builder
	for _, m := range all {
		fmt.Fprintln(&out, m.line)
	}
	return out.String()
}

// TestExport: from every form the same tar, which has what the layers merge to.
func TestExport(t *testing.T) {
	t.Parallel()
	var first []byte
	for _, format := range formats {
		a := open(t, build(t, "format "+format+"\nimage fx:v1"+files))
		got := exportTar(t, a, instance(t, a))
		if first == nil {
			first = got
			if diff := cmp.Diff(filesTree, lines(members(t, bytes.NewReader(got)))); diff != "" {
				t.Errorf("Export (-want +got):\n%s", diff)
			}
		}
		if !bytes.Equal(got, first) {
			t.Errorf("Export from %s gives other bytes than from %s", format, formats[0])
		}
	}
}

// TestExportJobs: neither the processors nor the order of layers being ready
// shows.
func TestExportJobs(t *testing.T) { // sets GOMAXPROCS: not parallel
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	want := exportTar(t, a, instance(t, a))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 8} {
		runtime.GOMAXPROCS(n)
		if !bytes.Equal(exportTar(t, a, instance(t, a)), want) {
			t.Errorf("Export on %d processors gives other bytes", n)
		}
	}
}

// fixtureTrees say which filesystem, of testdata, which image of which fixture
// has; the images of Docker 20.10 lack the folders that are left out.
var fixtureTrees = []struct{ archive, image, tree, lacks string }{
	{"docker20-legacy-multi.tar", "example.com/fx/app:v1", "rootfs-v1.jsonl", "/dev /proc /sys"},
	{"docker20-legacy-multi.tar", "example.com/fx/app:v2", "rootfs-v2.jsonl", "/dev /proc /sys"},
	{"docker20-v1.tar.bz2", "@0", "rootfs-v1.jsonl", "/dev /proc /sys"},
	{"docker29-containerd.tar", "example.com/fx/app:v1", "rootfs-v1.jsonl", ""},
	{"docker29-containerd.tar", "example.com/fx/app:v2", "rootfs-v2.jsonl", ""},
	{"podman-docker-multi.tar", "example.com/fx/app:v1", "rootfs-v1.jsonl", ""},
	{"podman-docker-multi.tar", "example.com/fx/app:v2", "rootfs-v2.jsonl", ""},
	{"buildkit-oci-attest.tar", "@0", "rootfs-v1.jsonl", ""},
	{"skopeo-dir", "@0", "rootfs-v1.jsonl", ""},
}

// knownTree gives the lines of a filesystem in testdata, as treeOf words them.
func knownTree(t testing.TB, name, lacks string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		var f struct {
			Path, Mode, Type, Link, SHA256 string
			UID, GID                       int
			Size                           int64
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(" "+lacks+" ", " "+f.Path+" ") {
			continue
		}
		if f.Type == "symlink" {
			f.Mode = "0o777" // nothing else is one that a symlink can have
		}
		out.WriteString(treeLine(f.Path, f.Type, strings.TrimPrefix(f.Mode, "0o"), f.UID, f.GID, f.Size, f.Link, f.SHA256))
	}
	return out.String()
}

// treeLine is a path of a filesystem in words.
func treeLine(path, kind, mode string, uid, gid int, size int64, link, sum string) string {
	return fmt.Sprintf("%s\t%s\t%s\t%d:%d\t%d\t%s\t%s\n", path, kind, mode, uid, gid, size, link, sum)
}

// treeOf words a tar as knownTree does a known filesystem. Hardlinks are files
// with the content of what they link to.
func treeOf(t testing.TB, raw []byte) string {
	t.Helper()
	var out strings.Builder
	type file struct {
		sum  string
		size int64
	}
	byName := map[string]file{}
	paths := map[string]string{}
	var order []string
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := "/" + strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		if name == "/" {
			continue
		}
		kind, link, f := kinds[h.Typeflag], h.Linkname, file{}
		switch h.Typeflag {
		case tar.TypeReg:
			sum := sha256.New()
			if f.size, err = io.Copy(sum, r); err != nil {
				t.Fatal(err)
			}
			f.sum = fmt.Sprintf("%x", sum.Sum(nil))
		case tar.TypeLink:
			kind, f, link = "file", byName["/"+h.Linkname], ""
		}
		byName[name] = f
		order = append(order, name)
		paths[name] = treeLine(name, kind, fmt.Sprintf("%o", h.Mode), h.Uid, h.Gid, f.size, link, f.sum)
	}
	for _, name := range order {
		out.WriteString(paths[name])
	}
	return out.String()
}

// sortedLines makes the order of lines the same.
func sortedLines(s string) []string {
	all := strings.Split(strings.TrimSpace(s), "\n")
	slices.Sort(all)
	return all
}

// TestExportFixtures: the archives of real tools hold filesystems that are known.
func TestExportFixtures(t *testing.T) {
	t.Parallel()
	for _, f := range fixtureTrees {
		t.Run(f.archive+" "+strings.ReplaceAll(f.image, "/", "_"), func(t *testing.T) {
			t.Parallel()
			a := open(t, filepath.Join(fixtures, f.archive))
			got := exportTar(t, a, instance(t, a, f.image))
			if diff := cmp.Diff(sortedLines(knownTree(t, f.tree, f.lacks)), sortedLines(treeOf(t, got))); diff != "" {
				t.Errorf("Export (-known +got):\n%s", diff)
			}
		})
	}
}

// TestExportRefuses: what cannot be exported fails with what callers match, and
// before a file is touched.
func TestExportRefuses(t *testing.T) {
	t.Parallel()
	whole := open(t, build(t, "format oci\nimage fx:v1"+files))
	lacking := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file a a\n  layer absent\n    file b b\n"))
	artifact := open(t, build(t, "format oci\nartifact fx:v1 application/vnd.example\n"))
	index := open(t, build(t, "format oci\nindex fx:v1\n  image\n    layer\n      file a a\n"))
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		from *archive.Archive
		node *archive.Node
		path string
		want error
	}{
		{"layer that is not there", lacking, lacking.Images[0].Node, filepath.Join(dir, "out"), archive.ErrNotFound},
		{"artifact", artifact, artifact.Images[0].Node, filepath.Join(dir, "out"), archive.ErrUnsupported},
		{"index", index, index.Images[0].Node, filepath.Join(dir, "out"), archive.ErrUnsupported},
		{"no path", whole, instance(t, whole), "", archive.ErrUnsupported},
		{"into the input", whole, instance(t, whole), filepath.Join(whole.Path, "blobs", "out"), archive.ErrSame},
		{"over the input", whole, instance(t, whole), whole.Path, archive.ErrSame},
		{"no parent", whole, instance(t, whole), filepath.Join(dir, "no", "out"), fs.ErrNotExist},
	} {
		if err := export(t, tt.from, tt.node, tt.path, archive.WriteOptions{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: Export = %v, want %v", tt.name, err, tt.want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

// failingWriter takes some bytes and then no more.
type failingWriter struct{ room int }

var errNoRoom = errors.New("no room")

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return w.room, errNoRoom
	}
	w.room -= len(p)
	return len(p), nil
}

// TestExportFailingWriter: the error of standard output comes out, wherever it
// strikes.
func TestExportFailingWriter(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	size := len(exportTar(t, a, instance(t, a)))
	for _, room := range []int{0, 1, 511, 512, 5000, 70000, size - 1} {
		err := export(t, a, instance(t, a), ref.Stdio, archive.WriteOptions{Stdout: &failingWriter{room}})
		if !errors.Is(err, errNoRoom) {
			t.Errorf("Export to %d bytes of room = %v", room, err)
		}
	}
}

// TestExportCancelled leaves no file.
func TestExportCancelled(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	dir := t.TempDir()
	rootfs, err := convert.NewRootfs(a, instance(t, a), archive.StackOptions{TempDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := rootfs.Export(ctx, filepath.Join(dir, "out"), archive.WriteOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Export = %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}
