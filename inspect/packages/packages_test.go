package packages_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/packages"
)

// files are the files of a layer by path. A path that ends in * has an execute
// bit, which is its mark alone.
type files map[string]string

// stackOf gives layers of files, gzip or plain.
func stackOf(t testing.TB, compression codec.Compression, layers ...files) (*layer.Stack, *layer.Tree) {
	t.Helper()
	s := &layer.Stack{Temp: func() (layer.TempFile, error) { return os.CreateTemp(t.TempDir(), "") }}
	for i, content := range layers {
		stored := stored(t, compression, content)
		s.Layers = append(s.Layers, layer.Layer{
			Digest:      fmt.Sprint(i),
			Compression: compression,
			Open:        func() (layer.Blob, error) { return blob{bytes.NewReader(stored)}, nil },
		})
	}
	tree, err := s.Merge(t.Context(), layer.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s, tree
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

func stored(t testing.TB, compression codec.Compression, content files) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = nopCloser{&out}
	if compression == codec.Gzip {
		w, _ = gzip.NewWriterLevel(&out, gzip.BestSpeed) // which is a level
	}
	tw := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(content)) {
		h := &tar.Header{Name: strings.TrimSuffix(name, "*"), Size: int64(len(content[name])), Mode: 0o644}
		if strings.HasSuffix(name, "*") {
			h.Mode = 0o755
		}
		if target, ok := strings.CutPrefix(content[name], "-> "); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(tw, content[name]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(tw.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// found gives what Find tells, a line each, of gzip and of plain layers: the same.
func found(t testing.TB, opts packages.Options, layers ...files) []string {
	t.Helper()
	var all [2][]string
	for i, compression := range []codec.Compression{codec.Gzip, codec.None} {
		stack, tree := stackOf(t, compression, layers...)
		list, problems, err := packages.Find(t.Context(), stack, tree, opts)
		if err != nil {
			t.Fatalf("Find, %s: %v", compression, err)
		}
		all[i] = told(list, problems)
	}
	if diff := cmp.Diff(all[0], all[1]); diff != "" {
		t.Errorf("Find of gzip and of plain layers (-gzip +plain):\n%s", diff)
	}
	return all[0]
}

func told(list []packages.Package, problems []packages.Problem) []string {
	var lines []string
	for _, p := range list {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", p.Type, p.Name, p.Version, p.Arch, p.Path))
	}
	for _, p := range problems {
		lines = append(lines, p.Error())
	}
	return lines
}

const dpkgStatus = `Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9
Conffiles:
 /etc/ld.so.conf.d/x 0123
Description: GNU C Library
 Package: not this one
 .
 more

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: waiting
Status: install ok triggers-pending
Architecture: all
Version: 1:2~rc1-3
`

const apkInstalled = `C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:busybox
V:1.36.1-r2
A:x86_64
`

var textCases = []struct {
	name   string
	layers []files
	want   []string
}{
	{"nothing", []files{{"etc/motd": "hi", "usr/bin/x*": "#!/bin/sh\n", "usr/bin/y*": "\x7fEL"}}, nil},
	{"dpkg", []files{{"var/lib/dpkg/status": dpkgStatus}}, []string{
		"dpkg libc6 2.36-9 amd64 var/lib/dpkg/status",
		"dpkg waiting 1:2~rc1-3 all var/lib/dpkg/status",
	}},
	{"distroless", []files{{
		"var/lib/dpkg/status.d/base":         "Package: base-files\nVersion: 12\nArchitecture: arm64\n",
		"var/lib/dpkg/status.d/base.md5sums": "0123  etc/passwd\n",
	}}, []string{"dpkg base-files 12 arm64 var/lib/dpkg/status.d/base"}},
	{"apk", []files{{"lib/apk/db/installed": apkInstalled}}, []string{
		"apk busybox 1.36.1-r2 x86_64 lib/apk/db/installed",
		"apk musl 1.2.5-r0 x86_64 lib/apk/db/installed",
	}},
	{"apk through a link", []files{{"lib": "-> usr/lib", "usr/lib/apk/db/installed": "P:a\nV:1\n"}}, []string{
		"apk a 1  usr/lib/apk/db/installed",
	}},
	{"the upper layer counts", []files{
		{"lib/apk/db/installed": "P:a\nV:1\n"},
		{"lib/apk/db/installed": "P:a\nV:2\n", "var/lib/dpkg/status": "Package: b\nVersion: 1\n"},
	}, []string{"apk a 2  lib/apk/db/installed", "dpkg b 1  var/lib/dpkg/status"}},
	{"Python", []files{{
		"usr/lib/python3/dist-packages/requests-2.32.dist-info/METADATA":     "Metadata-Version: 2.1\nName: requests\nVersion: 2.32\n\nName: no\n",
		"opt/v/lib/python3.12/site-packages/six-1.egg-info/PKG-INFO":         "NAME: six\r\nversion: 1\r\nLicense: x\nnot a field\n",
		"usr/lib/python2/site-packages/old.egg-info":                         "Name: old\nVersion: 0.1\n",
		"usr/lib/python2/site-packages/noversion.egg-info":                   "Name: noversion\n\nVersion: 9",
		"src/project.egg-info/PKG-INFO":                                      "Name: not-installed\nVersion: 1\n",
		"usr/lib/python3/dist-packages/requests-2.32.dist-info/top/METADATA": "Name: deeper\nVersion: 1\n",
	}}, []string{
		"python noversion   usr/lib/python2/site-packages/noversion.egg-info",
		"python old 0.1  usr/lib/python2/site-packages/old.egg-info",
		"python requests 2.32  usr/lib/python3/dist-packages/requests-2.32.dist-info/METADATA",
		"python six 1  opt/v/lib/python3.12/site-packages/six-1.egg-info/PKG-INFO",
	}},
	{"npm", []files{{
		"app/node_modules/left-pad/package.json":               `{"name":"left-pad","version":"1.3.0","scripts":{}}`,
		"app/node_modules/@types/node/package.json":            "\ufeff" + `{"version":"22.1.0","name":"@types/node"}`,
		"app/node_modules/a/node_modules/b/package.json":       `{"name":"b","version":"1"}`,
		"app/node_modules/a/esm/package.json":                  `{"name":"no","version":"1"}`,
		"app/node_modules/type/package.json":                   `{"type":"module"}`,
		"app/package.json":                                     `{"name":"app","version":"1"}`,
		"app/node_modules/.package-lock.json":                  `{`,
		"app/node_modules/@scope/package.json":                 `{"name":"no","version":"1"}`,
		"node_modules/\x1b[31mevil\u202e<script>/package.json": `{"name":"\u001b[31m","version":"<b>"}`,
	}}, []string{
		"npm \x1b[31m <b>  node_modules/\x1b[31mevil\u202e<script>/package.json",
		"npm @types/node 22.1.0  app/node_modules/@types/node/package.json",
		"npm b 1  app/node_modules/a/node_modules/b/package.json",
		"npm left-pad 1.3.0  app/node_modules/left-pad/package.json",
	}},
}

// TestText: databases and metadata of text.
func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range textCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, found(t, packages.Options{}, c.layers...)); diff != "" {
				t.Errorf("Find (-want +got):\n%s", diff)
			}
		})
	}
}

// TestProblems: what cannot be understood is told, and everything else is found.
func TestProblems(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 5<<10)
	for _, c := range []struct {
		name, path, content string
		want                string // of the problem
		before              string // a package that is found all the same
	}{
		{"dpkg cut", "var/lib/dpkg/status", "Package: a\nVersion: 1\n\nPackage: b\nStat", "line 5 has no name of a field", "dpkg a 1  var/lib/dpkg/status"},
		{"dpkg without a name", "var/lib/dpkg/status", "Version: 1\n", "a package has no name", ""},
		{"dpkg of another status", "var/lib/dpkg/status", "Package: a\nStatus: installed\n", `package "a" has the status "installed"`, ""},
		{"dpkg binary", "var/lib/dpkg/status", "\x00\x01\x02", "line 1 has no name of a field", ""},
		{"apk without a colon", "lib/apk/db/installed", "P:a\nV:1\n\n!\n", "line 4 has no name of a field", "apk a 1  lib/apk/db/installed"},
		{"apk long name", "lib/apk/db/installed", "P:" + long + "\n", "a name or version of 5120 bytes: over the limit of 4096", ""},
		{"long line", "lib/apk/db/installed", "P:" + strings.Repeat("a", 1<<20), "line 1: a line of 1048576 bytes: over the limit of 1048576", ""},
		{"Python empty", "x/site-packages/a.dist-info/METADATA", "", "a package has no name", ""},
		{"Python binary", "x/site-packages/a.egg-info", "\x00\xff\n", "line 1 has no name of a field", ""},
		{"npm cut", "node_modules/a/package.json", `{"name":"a","ver`, "unexpected end of JSON input", ""},
		{"npm of another type", "node_modules/a/package.json", `{"name":1}`, "cannot unmarshal number", ""},
		{"npm deep", "node_modules/a/package.json", strings.Repeat("[", 100_000), "exceeded max depth", ""},
		{"npm large", "node_modules/a/package.json", strings.Repeat(" ", 1<<20+1), "a package.json of 1048577 bytes: over the limit of 1048576", ""},
		{"rpm of nothing known", "var/lib/rpm/Packages", "hello", "it is no database of rpm", ""},
		{"rpm with a log", "var/lib/rpm/rpmdb.sqlite-wal", "log", "write-ahead log of 3 bytes, which is not read", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := found(t, packages.Options{}, files{c.path: c.content, "node_modules/good/package.json": `{"name":"good","version":"1"}`})
			want := []string{c.before, "npm good 1  node_modules/good/package.json"}
			if c.before == "" {
				want = want[1:]
			}
			if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) || !strings.Contains(got[len(want)], c.want) {
				t.Errorf("Find: %q, want %q and a problem with %q", got, want, c.want)
			}
		})
	}
}

// TestManyProblems: their number is bounded, and that is told.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	bad := files{}
	for i := range 1100 {
		bad[fmt.Sprintf("node_modules/%d/package.json", i)] = "{"
	}
	got := found(t, packages.Options{}, bad)
	if len(got) != 1000 || !strings.Contains(strings.Join(got, "\n"), "further problems are not told") {
		t.Errorf("Find tells %d problems, want 1000 and a note", len(got))
	}
}

// TestManyPackages: what all packages take is bounded.
func TestManyPackages(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 25_000 {
		fmt.Fprintf(&b, "P:%s%d\n\n", strings.Repeat("n", 3<<10), i)
	}
	stack, tree := stackOf(t, codec.Gzip, files{"lib/apk/db/installed": b.String()})
	list, problems, err := packages.Find(t.Context(), stack, tree, packages.Options{})
	if err != nil || len(problems) != 1 || !errors.Is(problems[0].Err, layer.ErrTooLarge) || len(list) < 15_000 {
		t.Errorf("Find: %d packages, %v, %v; want many and one problem", len(list), problems, err)
	}
}

// TestSkip: what is skipped is not read, nor is a layer that has nothing else.
func TestSkip(t *testing.T) {
	t.Parallel()
	stack, tree := stackOf(t, codec.Gzip, files{"lib/apk/db/installed": "P:a\nV:1\n"}, files{"var/lib/dpkg/status": "Package: b\nVersion: 1\n"})
	var opened atomic.Int64
	open := stack.Layers[0].Open
	stack.Layers[0].Open = func() (layer.Blob, error) { opened.Add(1); return open() }
	list, problems, err := packages.Find(t.Context(), stack, tree, packages.Options{
		Skip: func(f layer.File) bool { return strings.HasPrefix(f.Path, "lib/") },
	})
	want := []string{"dpkg b 1  var/lib/dpkg/status"}
	if diff := cmp.Diff(want, told(list, problems)); diff != "" || err != nil || opened.Load() != 0 {
		t.Errorf("Find with Skip opens the layer %d times, %v (-want +got):\n%s", opened.Load(), err, diff)
	}
}

// TestUnreadable: a layer that cannot be read is an error, not a problem.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	stack, tree := stackOf(t, codec.Gzip, files{"lib/apk/db/installed": strings.Repeat(apkInstalled, 20_000)})
	whole := stack.Layers[0].Open
	stack.Layers[0].Open = func() (layer.Blob, error) {
		b, err := whole()
		return cut{b}, err
	}
	if list, problems, err := packages.Find(t.Context(), stack, tree, packages.Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Find of a cut layer: %d packages, %v, %v", len(list), problems, err)
	}
}

type cut struct{ layer.Blob }

func (c cut) Size() int64 { return c.Blob.Size() / 2 }

// goProgram builds a program with the go tool.
func goProgram(t *testing.T, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":     "module example.com/hello\n\ngo 1.24\n\nrequire example.com/lib v1.2.3\n\nreplace example.com/lib => ./lib\n",
		"main.go":    "package main\n\nimport \"example.com/lib\"\n\nfunc main() { lib.Hello() }\n",
		"lib/go.mod": "module example.com/lib\n\ngo 1.24\n",
		"lib/lib.go": "package lib\n\nfunc Hello() { println(\"hello\") }\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", "program", ".")
	c.Dir, c.Env = dir, append(os.Environ(), append([]string{"CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off"}, env...)...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "program"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestGo: executables of all three forms tell of their modules; what lost its
// execute bit does not, nor does what is cut or broken.
func TestGo(t *testing.T) {
	t.Parallel()
	for _, goos := range []string{"linux", "darwin", "windows"} {
		program := goProgram(t, "GOOS="+goos, "GOARCH=amd64")
		broken := []byte(program)
		for i := 16; i < 4096; i++ {
			broken[i] = 0xff
		}
		got := found(t, packages.Options{}, files{
			"usr/bin/program*": program, "data/program": program, "usr/bin/cut*": program[:2000], "usr/bin/broken*": string(broken),
			"usr/bin/padded*": program + strings.Repeat("\x00", 9<<20),
		})
		for _, name := range []string{"usr/bin/program", "usr/bin/padded"} {
			for _, want := range []string{"go example.com/hello (devel)  " + name, "go example.com/lib (devel)  " + name} {
				if !slices.Contains(got, want) {
					t.Errorf("Find, %s: %q, want %q", goos, got, want)
				}
			}
		}
		if n := len(got); n != 6 || !strings.HasPrefix(got[n-1], "go stdlib go1.") {
			t.Errorf("Find, %s: %q, want 3 packages of 2 programs", goos, got)
		}
	}
}

// TestNoTemp: without a temporary file a large program of a compressed layer is
// an error that says so.
func TestNoTemp(t *testing.T) {
	t.Parallel()
	stack, tree := stackOf(t, codec.Gzip, files{"bin/x*": "\x7fELF" + strings.Repeat("\x00", 9<<20)})
	stack.Temp = nil
	_, _, err := packages.Find(t.Context(), stack, tree, packages.Options{})
	if err == nil || !strings.Contains(err.Error(), "demands a temporary file") {
		t.Errorf("Find without a temporary file: %v", err)
	}
}
