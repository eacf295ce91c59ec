package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
)

// formats are all forms that archivetest builds; folders come last.
var formats = []string{
	"docker-save", "docker-save-1.0", "docker-save-podman", "docker-save-crane", "docker-save-bare",
	"docker-hybrid", "docker-hybrid-25.0", "docker-hybrid-25.0-null", "docker-containerd",
	"oci-archive", "oci", "dir",
}

func isFolderFormat(format string) bool { return format == "oci" || format == "dir" }

// dropsManifests reports the forms that hold no manifests of their own.
func dropsManifests(format string) bool {
	return strings.HasPrefix(format, "docker-save") || strings.HasPrefix(format, "docker-hybrid-25.0")
}

// readerCase is one archive that must open.
type readerCase struct {
	name, format, listing string
}

// readerCases are every form with every listing that it can hold.
func readerCases() []readerCase {
	var cases []readerCase
	for _, body := range []struct{ name, text string }{
		{"one", oneImage}, {"two", twoImages}, {"many", manyPlatforms}, {"artifacts", artifacts},
	} {
		for _, format := range formats {
			several := body.name == "two" || body.name == "artifacts"
			if format == "dir" && several || strings.HasPrefix(format, "docker-save") && body.name == "artifacts" {
				continue
			}
			for _, media := range []string{"oci", "docker"} {
				if media == "docker" && body.name != "one" && body.name != "many" {
					continue
				}
				cases = append(cases, readerCase{
					strings.Join([]string{format, body.name, media}, "-"),
					format,
					fmt.Sprintf("format %s\nmedia %s\n%s", format, media, body.text),
				})
			}
		}
	}
	return cases
}

// TestReaders is the contract of every reader: what an archive of each form
// must give. The outlines lie in testdata/readers.txt.
func TestReaders(t *testing.T) {
	t.Parallel()
	golden := filepath.Join("testdata", "readers.txt")
	want := readOutlines(t, golden)
	got := map[string]string{}
	var order []string
	for _, c := range readerCases() {
		a := open(t, build(t, c.listing))
		order = append(order, c.name)
		got[c.name] = outline(a)
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(want[c.name], got[c.name]); diff != "" && !*update {
				t.Errorf("Open(%s) (-want +got):\n%s", c.name, diff)
			}
			checkReader(t, a, c)
		})
	}
	if *update {
		var out strings.Builder
		for _, name := range order {
			fmt.Fprintf(&out, "== %s\n%s", name, got[name])
		}
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name := range want {
		if !slices.Contains(order, name) {
			t.Errorf("%s tells of %s, which is not tested", golden, name)
		}
	}
}

// readOutlines reads what -update writes.
func readOutlines(t *testing.T, golden string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	outlines := map[string]string{}
	for _, part := range strings.Split(string(data), "== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		outlines[name] = text
	}
	return outlines
}

// checkReader holds a against its listing and against its own bytes.
func checkReader(t *testing.T, a *archive.Archive, c readerCase) {
	t.Helper()
	checkWhole(t, a)
	if got, want := a.Size == -1, isFolderFormat(c.format); got != want {
		t.Errorf("Size = %d, folder %v", a.Size, want)
	}
	if !a.Holds(a.Path) || a.Holds(t.TempDir()) {
		t.Error("Is does not know the archive's own path")
	}
	if !strings.Contains(c.listing, "x-unknown") {
		return
	}
	n := a.Images[0].Node
	if !bytes.Contains(n.Config.Raw, []byte(`"x-unknown":{"a":[1,"b"]}`)) && c.format != "docker-save-1.0" {
		t.Errorf("Config.Raw = %s, want it with its unknown field", n.Config.Raw)
	}
	if !bytes.Contains(n.Raw, []byte(`"x-unknown"`)) && !dropsManifests(c.format) {
		t.Errorf("Raw = %s, want it with its unknown field", n.Raw)
	}
	if got := n.Config.Config.Env; !slices.Equal(got, []string{"PATH=/bin"}) {
		t.Errorf("Config.Env = %q, want PATH=/bin", got)
	}
}

// TestReadersAgree checks that the forms which keep manifests give the same
// images for the same listing, and the others the same configs.
func TestReadersAgree(t *testing.T) {
	t.Parallel()
	for _, body := range []string{oneImage, manyPlatforms} {
		body = strings.ReplaceAll(strings.ReplaceAll(body, "layer zstd", "layer"), "  layer\n", "  layer plain\n")
		var first string
		for _, format := range []string{"oci-archive", "oci", "dir", "docker-hybrid", "docker-containerd"} {
			a := open(t, build(t, "format "+format+body))
			a.Images[0].Names = nil // dir: has none
			if first == "" {
				first = identity(a)
			} else if diff := cmp.Diff(first, identity(a)); diff != "" {
				t.Errorf("%s gives other images than oci-archive:\n%s", format, diff)
			}
		}
	}
	oci := open(t, build(t, "format oci"+oneImage))
	want := string(oci.Images[0].Config.Raw)
	for _, format := range []string{"docker-save", "docker-save-podman", "docker-save-crane", "docker-save-bare", "docker-hybrid-25.0"} {
		a := open(t, build(t, "format "+format+oneImage))
		if diff := cmp.Diff(want, string(a.Images[0].Config.Raw)); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", format, diff)
		}
	}
}

// TestOuter reads one archive through every outer compression, from a file and
// from a stream.
func TestOuter(t *testing.T) {
	t.Parallel()
	want := identity(open(t, build(t, "format docker-save"+twoImages)))
	for _, outer := range []string{"", "gzip", "gzip-members", "zstd", "xz"} {
		t.Run("outer "+outer, func(t *testing.T) {
			t.Parallel()
			listing := "format docker-save" + twoImages
			if outer != "" {
				listing += "outer " + outer + "\n"
			}
			path := build(t, listing)
			for _, r := range []string{path, ref.Stdio} {
				checkOuter(t, path, r, want)
			}
		})
	}
}

func checkOuter(t *testing.T, path, opened, want string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	var warnings []string
	var progress int64
	a, err := archive.Open(context.Background(), ref.Ref{Path: opened}, archive.OpenOptions{
		Stdin:    iotest.OneByteReader(bytes.NewReader(data)),
		TempDir:  temp,
		Warn:     func(s string) { warnings = append(warnings, s) },
		Progress: func(n int64) { progress += n },
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, identity(a)); diff != "" {
		t.Errorf("Open(%s) (-want +got):\n%s", opened, diff)
	}
	checkWhole(t, a)
	if a.Outer != codec.Detect(data) {
		t.Errorf("Outer = %s, want %s", a.Outer, codec.Detect(data))
	}
	if spooled := opened == ref.Stdio || a.Outer != codec.None; spooled != (progress > 0) || spooled != (len(warnings) == 1) {
		t.Errorf("Open(%s) spooled %d bytes and warned %q", opened, progress, warnings)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if left := names(t, temp); len(left) != 0 {
		t.Errorf("closed archive leaves %q", left)
	}
}

// TestOuterBzip2 and the rest of the real archives: every name that the tool
// which wrote them put in.
func TestRealArchives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file   string
		format archive.Format
		names  []string // of each image, joined
	}{
		{"docker20-legacy-multi.tar", archive.DockerSave, []string{"example.com/fx/app:v1", "example.com/fx/app:v2 fx:latest"}},
		{"docker20-v1.tar.bz2", archive.DockerSave, []string{"example.com/fx/app:v1"}},
		{"docker29-containerd.tar", archive.Hybrid, []string{"example.com/fx/app:v1", "example.com/fx/app:v2 fx:latest"}},
		{"docker29-multiarch.tar", archive.Hybrid, []string{"example.com/fx/multi:latest"}},
		{"buildkit-oci-attest.tar", archive.OCILayout, []string{"example.com/fx/app:v1"}},
		{"podman-docker-multi.tar", archive.DockerSave, []string{"example.com/fx/app:v1", "example.com/fx/app:v2"}},
		{"skopeo-dir", archive.DirTransport, []string{""}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			a := open(t, filepath.Join("..", "testdata", "archives", tt.file))
			if a.Format != tt.format {
				t.Errorf("Format = %q, want %q", a.Format, tt.format)
			}
			var got []string
			for _, image := range a.Images {
				words := strings.Fields(archive.JoinNames(image.Names))
				slices.Sort(words)
				got = append(got, strings.Join(words, " "))
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.names, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			checkWhole(t, a)
		})
	}
}

// TestNoArchive: what is no image archive is an InputError that says what it is.
func TestNoArchive(t *testing.T) {
	t.Parallel()
	gzipped := func(listing string) string { return build(t, listing+"outer gzip\n") }
	folder := t.TempDir()
	for _, tt := range []struct{ name, path, want string }{
		{"empty file", bytesFile(t, nil), "an empty file"},
		{"zeros", bytesFile(t, make([]byte, 10240)), "zero bytes"},
		{"html", bytesFile(t, []byte("\ufeff <!DOCTYPE html><html>")), "an HTML page"},
		{"xml", bytesFile(t, []byte(`<?xml version="1.0"?>`)), "an XML document"},
		{"json", bytesFile(t, []byte(`{"a":1}`)), "a JSON document"},
		{"zip", bytesFile(t, []byte("PK\x03\x04abc")), "a ZIP file"},
		{"elf", bytesFile(t, []byte("\x7fELF\x02")), "an ELF program"},
		{"squashfs", bytesFile(t, []byte("hsqs....")), "a squashfs"},
		{"noise", bytesFile(t, bytes.Repeat([]byte("noise"), 1000)), "no tar"},
		{"gzip of text", bytesFile(t, gzipBytes(t, []byte("hello"))), "gzip of no tar"},
		{"root filesystem", build(t, "format tar\ndir etc\ndir usr\nfile bin/sh x\n"), "root filesystem"},
		{"compressed root filesystem", gzipped("format tar\ndir etc\ndir usr\n"), "gzip of a root filesystem"},
		{"layer", build(t, "format tar\ndir etc\nwhiteout etc/x\n"), "the tar of one layer"},
		{"below a folder", build(t, "format oci-archive\nprefix out/\n"+oneImage), `in the folder "out"`},
		{"other tar", build(t, "format tar\nfile x y\n"), "a tar without manifest.json"},
		{"only unsafe names", build(t, "format tar\nfile ../x y\n"), "a tar without manifest.json"},
		{"folder", folder, "a folder without index.json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := openErr(t, tt.path)
			var input *archive.InputError
			if !asInput(err, &input) || !strings.Contains(input.What, tt.want) || input.Hint() == "" {
				t.Errorf("Open = %v, want an InputError of %q with a hint", err, tt.want)
			}
		})
	}
}

// TestPrefix: names may begin with ./ and a tar may lack its end.
func TestPrefix(t *testing.T) {
	t.Parallel()
	want := identity(open(t, build(t, "format docker-save"+twoImages)))
	for _, line := range []string{"prefix ./", "no-end", `tail "junk after the end"`} {
		if diff := cmp.Diff(want, identity(open(t, build(t, "format docker-save"+twoImages+line+"\n")))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// TestTransports: a transport in the reference asks for a form.
func TestTransports(t *testing.T) {
	t.Parallel()
	takes := map[string][]ref.Transport{
		"docker-save":     {ref.DockerArchive},
		"docker-save-1.0": {ref.DockerArchive},
		"docker-hybrid":   {ref.DockerArchive, ref.OCIArchive},
		"oci-archive":     {ref.OCIArchive},
		"oci":             {ref.OCI},
		"dir":             {ref.Dir},
	}
	for format, want := range takes {
		path := build(t, "format "+format+oneImage)
		for _, transport := range []ref.Transport{ref.DockerArchive, ref.OCIArchive, ref.OCI, ref.Dir} {
			a, err := archive.Open(context.Background(), ref.Ref{Transport: transport, Path: path}, archive.OpenOptions{})
			if err == nil {
				a.Close()
			}
			if got := err == nil; got != slices.Contains(want, transport) {
				t.Errorf("Open(%s:%s) = %v", transport, format, err)
			}
		}
	}
}

// TestFolderForms: an unpacked docker-save archive is one too.
func TestFolderForms(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"docker-save", "docker-save-1.0", "docker-save-podman", "docker-containerd"} {
		path := build(t, "format "+format+twoImages)
		folder := t.TempDir()
		untar(t, path, folder)
		if diff := cmp.Diff(identity(open(t, path)), identity(open(t, folder))); diff != "" {
			t.Errorf("%s: the unpacked archive differs (-tar +folder):\n%s", format, diff)
		}
	}
}

// untar writes the members of a tar below folder.
func untar(t *testing.T, path, folder string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err != nil {
			return
		}
		target := filepath.Join(folder, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(target, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, target)
		default:
			var body bytes.Buffer
			if _, err = body.ReadFrom(r); err == nil {
				err = os.WriteFile(target, body.Bytes(), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTruncated cuts small archives at every block: an error, or the same
// images, or images that say what they lack.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"docker-save", "docker-save-1.0", "oci-archive", "docker-containerd"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			path := build(t, "format "+format+twoImages)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := identity(open(t, path))
			for n := 0; n < len(data); n += 512 {
				checkCut(t, data[:n], want)
				checkCut(t, data[:n+1], want)
			}
		})
	}
}

func checkCut(t *testing.T, data []byte, want string) {
	t.Helper()
	a, err := archive.Open(context.Background(), ref.Ref{Path: bytesFile(t, data)}, archive.OpenOptions{})
	if err != nil {
		return
	}
	defer a.Close()
	if identity(a) != want {
		t.Errorf("cut to %d bytes: images differ and there is no error:\n%s", len(data), outline(a))
	}
}
