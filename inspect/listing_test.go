package inspect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect"
)

// openNode builds an archive of one image.
func openNode(t testing.TB, listing string) (*archive.Archive, *archive.Node) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	archivetest.Build(t, path, listing)
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a, a.Images[0].Node
}

func openFiles(t testing.TB, listing string) *inspect.Files {
	t.Helper()
	a, n := openNode(t, listing)
	f, err := inspect.OpenFiles(context.Background(), a, n, archive.StackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// told gives a listing as text: "FOLDER: NAME..." for each group.
func told(t *testing.T, l inspect.Listing) string {
	t.Helper()
	var groups []string
	for _, g := range l.Groups {
		words := []string{g.Folder + ":"}
		err := g.Each(func(e inspect.Entry) error {
			name := e.Name
			switch e.Type {
			case "whiteout", "opaque", "hardlink":
				name += "(" + e.Type + ")"
			case "dir":
				name += "/"
			}
			if e.Type == "dir" && e.Attributes == nil {
				name += "?"
			}
			words = append(words, name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, strings.Join(words, " "))
	}
	return strings.Join(groups, "; ")
}

const listed = `format oci
image fx:v1
  layer
    dir usr/bin
    file usr/bin/b b
    file usr/bin/a a
    file usr/bin-x x
    symlink bin usr/bin
    symlink file usr/bin/a
    symlink nowhere /none
    symlink loop loop
    dir empty
    file old old
    file was/in in
  layer
    whiteout old
    opaque was
    file was/new new
    file top top
    hardlink hard top
    file usr/bin/a upper
`

func TestList(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		paths   string
		opts    inspect.ListOptions
		want    string
		missing string
	}{
		{"/", inspect.ListOptions{}, "/: bin empty/ file hard loop nowhere top usr/ was/", ""},
		{".", inspect.ListOptions{}, ".: bin empty/ file hard loop nowhere top usr/ was/", ""},
		{"empty", inspect.ListOptions{}, "empty:", ""},
		{"/bin", inspect.ListOptions{}, "/bin: a b", ""},
		{"/bin", inspect.ListOptions{NoFollow: true}, ": /bin", ""},
		{"/bin/", inspect.ListOptions{NoFollow: true}, "/bin/: a b", ""},
		{"/bin", inspect.ListOptions{Itself: true}, ": /bin", ""},
		{"/usr /", inspect.ListOptions{Itself: true}, ": /usr/ //", ""},
		{"file nowhere loop", inspect.ListOptions{}, ": file nowhere loop", ""},
		{"usr top was bin/a", inspect.ListOptions{}, ": top bin/a; usr: bin/ bin-x; was: new", ""},
		{"/usr", inspect.ListOptions{Recursive: true}, "/usr: /usr/bin/ /usr/bin/a /usr/bin/b /usr/bin-x", ""},
		{"bin", inspect.ListOptions{Recursive: true}, "bin: /usr/bin/a /usr/bin/b", ""},
		{"bin", inspect.ListOptions{Recursive: true, NoFollow: true}, ": bin", ""},
		{"../../usr/./bin", inspect.ListOptions{}, "../../usr/./bin: a b", ""},
		{"old was top/ x/y", inspect.ListOptions{}, "was: new", "\"old\": file does not exist\n\"top/\": file does not exist\n\"x/y\": file does not exist"},
	} {
		l := openFiles(t, listed).List(strings.Fields(tt.paths), tt.opts)
		if got := told(t, l); got != tt.want {
			t.Errorf("List(%q, %+v) = %q, want %q", tt.paths, tt.opts, got, tt.want)
		}
		checkMissing(t, tt.paths, l, tt.missing)
	}
}

func checkMissing(t *testing.T, paths string, l inspect.Listing, want string) {
	t.Helper()
	err := l.Missing()
	if got := fmt.Sprint(err); err != nil && got != want || err == nil && want != "" {
		t.Errorf("List(%q): missing %q, want %q", paths, got, want)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("List(%q): missing %v, want fs.ErrNotExist", paths, err)
	}
}

func TestListLayer(t *testing.T) {
	t.Parallel()
	const listing = `format oci
image fx:v1
  layer
    file a a
  layer
    file etc/z z
    whiteout etc/old
    file etc/old/new new
    opaque srv
    file srv/deep/x x
    opaque srv/deep
    hardlink srv/h srv/deep/x
    symlink lib usr/lib
    file lib/through x
    file etcetera x
    dir etc
    file etc/z again
    opaque var
`
	for _, tt := range []struct {
		number  int
		paths   string
		opts    inspect.ListOptions
		want    string
		missing string
	}{
		{0, "/", inspect.ListOptions{}, "/: a", ""},
		{-2, "/", inspect.ListOptions{}, "/: a", ""},
		{1, "/", inspect.ListOptions{}, "/: etc/ etcetera lib srv/? var/?", ""},
		{-1, "etc", inspect.ListOptions{}, "etc: old(whiteout) old/? z z", ""},
		{1, "/etc/old", inspect.ListOptions{}, ": /etc/old(whiteout); /etc/old: new", ""},
		{1, "srv", inspect.ListOptions{}, "srv: .(opaque) deep/? h(hardlink)", ""},
		{1, "srv//deep/", inspect.ListOptions{}, "srv//deep/: .(opaque) x", ""},
		{1, "lib", inspect.ListOptions{}, ": lib; lib: through", ""},
		{1, "var", inspect.ListOptions{}, "var: .(opaque)", ""},
		{1, "/ etc srv etc/old lib var", inspect.ListOptions{Itself: true}, ": //? etc/ srv(opaque) etc/old(whiteout) lib var(opaque)", ""},
		{1, "srv/deep", inspect.ListOptions{Itself: true}, ": srv/deep(opaque)", ""},
		{1, "/", inspect.ListOptions{Recursive: true},
			": /etc/z /etc/old(whiteout) /etc/old/new /srv(opaque) /srv/deep/x /srv/deep(opaque) /srv/h(hardlink) /lib /lib/through /etcetera /etc/ /etc/z /var(opaque)", ""},
		{1, "etc", inspect.ListOptions{Recursive: true}, ": /etc/z /etc/old(whiteout) /etc/old/new /etc/z", ""},
		{1, "srv/h srv", inspect.ListOptions{Recursive: true}, ": /srv(opaque) /srv/deep/x /srv/deep(opaque) /srv/h(hardlink)", ""},
		{1, "a etc/z/x", inspect.ListOptions{}, "", "\"a\": file does not exist in layer 1\n\"etc/z/x\": file does not exist in layer 1"},
		{1, "a etc/z", inspect.ListOptions{Recursive: true}, ": /etc/z /etc/z", "\"a\": file does not exist in layer 1"},
	} {
		a, n := openNode(t, listing)
		one, err := inspect.OpenLayer(a, n, tt.number, archive.StackOptions{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := one.List(context.Background(), strings.Fields(tt.paths), tt.opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := told(t, l); got != tt.want {
			t.Errorf("List(%q, %+v) of layer %d = %q, want %q", tt.paths, tt.opts, tt.number, got, tt.want)
		}
		checkMissing(t, tt.paths, l, tt.missing)
	}
}

// TestOpenLayer: numbers count from both ends, and only the layer that is asked
// for must be there.
func TestOpenLayer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		layers string
		number int
		want   int
		err    string
	}{
		{"  layer\n  layer\n  layer\n", 0, 0, ""},
		{"  layer\n  layer\n  layer\n", 2, 2, ""},
		{"  layer\n  layer\n  layer\n", -1, 2, ""},
		{"  layer\n  layer\n  layer\n", -3, 0, ""},
		{"  layer\n  layer\n  layer\n", 3, 0, "no layer 3: the image has 3, counted from 0"},
		{"  layer\n  layer\n  layer\n", -4, 0, "no layer -4: the image has 3, counted from 0"},
		{"  layer\n  layer\n  layer\n", math.MinInt, 0, fmt.Sprintf("no layer %d: the image has 3, counted from 0", math.MinInt)},
		{"", 0, 0, "no layer 0: the image has none"},
		{"", -1, 0, "no layer -1: the image has none"},
		{"  layer absent\n    file x x\n  layer\n", 1, 1, ""},
	} {
		a, n := openNode(t, "format oci\nimage fx:v1\n"+tt.layers)
		one, err := inspect.OpenLayer(a, n, tt.number, archive.StackOptions{})
		if err != nil || tt.err != "" {
			if fmt.Sprint(err) != tt.err {
				t.Errorf("OpenLayer(%d) of %q: %v, want %q", tt.number, tt.layers, err, tt.err)
			}
			continue
		}
		if one.Number() != tt.want {
			t.Errorf("OpenLayer(%d) of %q is layer %d, want %d", tt.number, tt.layers, one.Number(), tt.want)
		}
		if _, err := one.List(context.Background(), []string{"/"}, inspect.ListOptions{}); err != nil {
			t.Errorf("List of layer %d of %q: %v", tt.number, tt.layers, err)
		}
	}
	a, n := openNode(t, "format oci\nimage fx:v1\n  layer absent\n    file x x\n")
	one, err := inspect.OpenLayer(a, n, 0, archive.StackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.List(context.Background(), []string{"/"}, inspect.ListOptions{}); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("List of an absent layer: %v, want ErrNotFound", err)
	}
}

// TestEachStops: an error of the visitor ends every kind of listing and comes back.
func TestEachStops(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	a, n := openNode(t, listed)
	one, err := inspect.OpenLayer(a, n, 0, archive.StackOptions{})
	if err != nil {
		t.Fatal(err)
	}
	files := openFiles(t, listed)
	for _, recursive := range []bool{false, true} {
		opts := inspect.ListOptions{Recursive: recursive}
		ofLayer, err := one.List(context.Background(), []string{"/"}, opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []inspect.Listing{ofLayer, files.List([]string{"/"}, opts), files.List([]string{"/top"}, opts)} {
			visits := 0
			err := l.Groups[0].Each(func(inspect.Entry) error { visits++; return stop })
			if !errors.Is(err, stop) || visits != 1 {
				t.Errorf("Each, recursive %v: %d visits, %v, want 1 and its error", recursive, visits, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := one.List(ctx, []string{"/"}, inspect.ListOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("List with a cancelled context: %v", err)
	}
	if _, err := inspect.OpenFiles(ctx, a, n, archive.StackOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("OpenFiles with a cancelled context: %v", err)
	}
}

// TestRootfs lists the fixture images and compares with their known trees.
func TestRootfs(t *testing.T) {
	t.Parallel()
	for image, file := range map[string]string{"example.com/fx/app:v1": "rootfs-v1.jsonl", "example.com/fx/app:v2": "rootfs-v2.jsonl"} {
		a, err := archive.Open(context.Background(), ref.Ref{Path: "../testdata/archives/docker29-containerd.tar"}, archive.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		root, err := a.One(image)
		if err != nil {
			t.Fatal(err)
		}
		files, err := inspect.OpenFiles(context.Background(), a, root.Node, archive.StackOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, g := range files.List([]string{"/"}, inspect.ListOptions{Recursive: true}).Groups {
			if err := g.Each(func(e inspect.Entry) error { return json.NewEncoder(&got).Encode(e) }); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(filepath.Join("../testdata/archives", file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(knownFields(t, want), knownFields(t, got.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", image, diff)
		}
	}
}

// knownFields reads lines of JSON, by path, as far as both sides have them. Modes
// are 0o755 in one and 0755 in the other.
func knownFields(t *testing.T, lines []byte) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range bytes.Lines(lines) {
		var e struct {
			Path, Type, Mode, Link string
			UID, GID               int
			Size                   int64
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		all[e.Path] = fmt.Sprint(e.Type, " ", strings.TrimLeft(e.Mode, "0o"), " ", e.UID, ":", e.GID, " ", e.Size, " ", e.Link)
	}
	return all
}

// TestEntryJSON: nothing of what tars can hold makes JSON fail or lose bytes.
func TestEntryJSON(t *testing.T) {
	t.Parallel()
	size := int64(math.MaxInt64)
	for _, tt := range []struct {
		name string
		e    inspect.Entry
		want string
	}{
		{"marker", inspect.Entry{Path: "/a", Type: "whiteout", Layer: 3}, `{"path":"/a","type":"whiteout","layer":3}`},
		{"bytes", inspect.Entry{Path: "/\xff", PathBase64: []byte("/\xff"), Type: "opaque"}, `{"path":"/\ufffd","pathBase64":"L/8=","type":"opaque","layer":0}`},
		{"far times", inspect.Entry{Path: "/a", Type: "file", Attributes: &inspect.Attributes{Mode: 0o7777, UID: -1, Size: &size, ModTime: inspect.Time{Time: time.Unix(1<<40, 1)}}},
			`{"path":"/a","type":"file","mode":"7777","uid":-1,"gid":0,"size":9223372036854775807,"mtime":"36812-02-20T00:36:16.000000001Z","layer":0}`},
		{"old times", inspect.Entry{Path: "/a", Type: "dir", Attributes: &inspect.Attributes{ModTime: inspect.Time{Time: time.Unix(-1, 5e8)}}},
			`{"path":"/a","type":"dir","mode":"0000","uid":0,"gid":0,"mtime":"1969-12-31T23:59:59.5Z","layer":0}`},
		{"attributes", inspect.Entry{Path: "/a", Type: "dir", Attributes: &inspect.Attributes{Xattrs: map[string][]byte{"z": {0}, "a": nil}, Links: 2}},
			`{"path":"/a","type":"dir","mode":"0000","uid":0,"gid":0,"mtime":"0001-01-01T00:00:00Z","xattrs":{"a":null,"z":"AA=="},"links":2,"layer":0}`},
	} {
		got, err := json.Marshal(tt.e)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: JSON %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	files := openFiles(t, listed+"    char dev 1 3\n    block disk 8 1\n    fifo pipe\n    symlink dangling none\n    file exact \"12\\n\"\n")
	for _, tt := range []struct {
		paths, want, err string
	}{
		{"top", "top", ""},
		{"file hard bin/b", "uppertopb", ""},
		{"exact exact", "12\n12\n", ""},
		{"usr top", "top", `"usr": it is a folder, and has no content`},
		{"bin", "", `"bin": it is a folder, and has no content`},
		{"dev", "", `"dev": it is a character device, and has no content`},
		{"disk", "", `"disk": it is a block device, and has no content`},
		{"pipe", "", `"pipe": it is a named pipe, and has no content`},
		{"dangling", "", `"dangling": it is a symlink to "none": file does not exist`},
		{"loop", "", `"loop": too many symlinks`},
		{"old", "", `"old": file does not exist`},
		{"", "", ""},
	} {
		found, err := files.Find(strings.Fields(tt.paths)...)
		if err != nil && err.Error() != tt.err || err == nil && tt.err != "" {
			t.Errorf("Find(%q): %v, want %q", tt.paths, err, tt.err)
		}
		var out strings.Builder
		if err := files.Copy(context.Background(), &out, found); err != nil || out.String() != tt.want {
			t.Errorf("Copy(%q) = %q, %v, want %q", tt.paths, &out, err, tt.want)
		}
	}
	if err := files.Copy(context.Background(), &strings.Builder{}, []layer.File{{Path: "d", Inode: &layer.Inode{Type: layer.Dir}}}); err == nil {
		t.Error("Copy of a folder does not fail")
	}
}

func ExampleFiles() {
	a, err := archive.Open(context.Background(), ref.Ref{Path: "../testdata/archives/docker20-legacy-multi.tar"}, archive.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	root, err := a.One("example.com/fx/app:v2")
	if err != nil {
		log.Fatal(err)
	}
	files, err := inspect.OpenFiles(context.Background(), a, root.Node, archive.StackOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, group := range files.List([]string{"/etc"}, inspect.ListOptions{}).Groups {
		err := group.Each(func(e inspect.Entry) error {
			_, err := fmt.Println(e.Path, e.Type, e.Layer)
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	found, err := files.Find("/etc/motd.sym")
	if err != nil {
		log.Fatal(err)
	}
	if err := files.Copy(context.Background(), os.Stdout, found); err != nil {
		log.Fatal(err)
	}
	// Output:
	// /etc/motd file 2
	// /etc/motd.hard file 4
	// /etc/motd.sym symlink 5
	// /etc/version file 5
	// v2
}
