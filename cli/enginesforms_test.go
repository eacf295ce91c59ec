//go:build linux

package cli_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

// The forms that imgtool writes, for engines to take. Each is made from images of
// its own: ROW stands in names, configs and layers, so that no engine can
// take for one form what it holds of another.
const (
	bottomLayer = `
    dir data mode=0750 uid=1000 gid=100 mtime=1500000000
    file data/ROW "ROW\n" uid=1000 gid=100 mode=0640 mtime=1500000001.5
    file data/gone "gone\n" mtime=1500000002
    random data/big 70000 ROW
    dir old mode=0755 mtime=1500000003
    file old/hidden "hidden\n" mtime=1500000003
    dir bin mode=0755 mtime=1500000003
    file bin/able "able\n" mode=0755 mtime=1500000004 "xattr.security.capability=\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    file bin/tool "tool\n" mode=4755 mtime=1500000004
    hardlink bin/tool2 bin/tool mode=4755 mtime=1500000004
    symlink bin/link tool mtime=1500000005
    fifo bin/pipe mode=0600 mtime=1500000006
    char bin/null 1 3 mode=0666 mtime=1500000006
`
	topLayer = `
    dir data mode=0750 uid=1000 gid=100 mtime=1500000000
    whiteout data/gone
    opaque old
    file old/seen "seen ROW\n" mtime=1500000007
    dir tmp mode=1777 mtime=1500000008
    file "tmp/name with ü and 'quotes'" "" mtime=1500000009 xattr.user.note=noted
    file data/first "first ROW\n" mtime=1500000010
    hardlink data/again data/first mtime=1500000010
`
	rowConfig = `
  env PATH=/bin
  cmd /bin/tool
  label row ROW
`
)

// sources are listings by what is in them.
var sources = map[string]string{
	"single":   "image example.com/ROW/app:v1" + rowConfig + "  layer plain" + bottomLayer + "  layer gzip" + topLayer,
	"nameless": "image" + rowConfig + "  layer plain" + bottomLayer + "  layer gzip" + topLayer,
	"names":    "image example.com/ROW/app:v1 example.com/ROW/app:v2 example.com/ROW/other:latest" + rowConfig + "  layer plain" + bottomLayer + "  layer gzip" + topLayer,
	"multi": "image example.com/ROW/app:v1" + rowConfig + "  layer plain" + bottomLayer + "  layer gzip" + topLayer +
		"image example.com/ROW/base:v1 example.com/ROW/base:latest" + rowConfig + "  user 1000\n  layer plain" + bottomLayer +
		"image example.com/ROW/small:v1\n  layer\n    file small \"ROW\\n\"\n",
}

// platformsSource is an index of this machine's platform, with an attestation, and
// of another.
func platformsSource() string {
	other := "arm64"
	if runtime.GOARCH == other {
		other = "amd64"
	}
	indent := func(s string) string { return strings.ReplaceAll(s, "\n", "\n  ") }
	return "index example.com/ROW/many:v1\n  image\n    platform linux/" + runtime.GOARCH + indent(rowConfig) + "  layer gzip" + indent(bottomLayer) +
		"  layer zstd" + indent(topLayer) + "\n  attestation\n  image\n    platform linux/" + other + "\n    layer\n      file " + other + " \"ROW\\n\"\n"
}

// form is one thing that imgtool writes.
type form struct {
	name   string
	source string   // key of sources, or "platforms"
	from   string   // form that imgtool reads, as archivetest calls it
	kind   string   // docker-archive, oci-archive, oci, dir, or rootfs
	layers string   // compression
	outer  string   // compression of the file
	args   []string // command and flags; convert without
}

// forms lists everything that imgtool writes, each form once.
func forms() []form {
	var all []form
	add := func(f form, args ...string) {
		f.from = cmp.Or(f.from, "oci-archive")
		f.args = append([]string{args[0], "-q"}, args[1:]...)
		all = append(all, f)
	}
	for _, kind := range matrixTo {
		for _, layers := range matrixCompress {
			for _, outer := range outersOf(kind) {
				f := form{source: "single", kind: kind, layers: layers, outer: outer}
				f.name = strings.Join([]string{kind, layers, "outer", outer}, " ")
				add(f, "convert", "--compress", layers, "--outer", outer)
			}
		}
		for _, source := range []string{"names", "multi", "platforms"} {
			if kind != "dir" || source == "platforms" {
				add(form{name: kind + " of " + source, source: source, kind: kind, layers: layersOf(source)}, "convert")
			}
		}
		add(form{name: kind + " of one platform", source: "platforms", kind: kind, layers: "zstd"}, "convert", "--platform", "linux/"+runtime.GOARCH)
		add(form{name: kind + " without attestations", source: "platforms", kind: kind, layers: "zstd"}, "convert", "--strip-attestations")
		add(form{name: kind + " split", source: "multi", kind: kind, layers: "keep"}, "split", "--to", kind)
		add(form{name: kind + " flattened", source: "single", kind: kind, layers: "one"}, "flatten")
		add(form{name: kind + " repaired", source: "single", kind: kind, layers: "keep"}, "repair")
	}
	for _, from := range matrixFrom {
		add(form{name: "docker-archive from " + from, source: sourceFor(from), from: from, kind: "docker-archive", layers: "one"}, "convert", "--compress", "gzip")
	}
	for _, f := range targetForms() {
		add(f, "convert", "--for", strings.Fields(f.name)[1])
	}
	for _, outer := range outersOf("oci-archive") {
		add(form{name: "rootfs outer " + outer, source: "single", kind: "rootfs", outer: outer}, "export", "--outer", outer)
	}
	return all
}

// layersOf is the compression of layers that a source has.
func layersOf(source string) string {
	return map[bool]string{true: "zstd", false: "keep"}[source == "platforms"]
}

// sourceFor is what a form that imgtool reads can hold.
func sourceFor(from string) string {
	return map[bool]string{true: "nameless", false: "names"}[from == "dir"]
}

// outersOf are the compressions that a file of a kind may have.
func outersOf(kind string) []string {
	if kind == "oci" || kind == "dir" {
		return []string{"none"}
	}
	return []string{"none", "gzip", "zstd", "xz"}
}

// targetForms are what --for writes of several platforms.
func targetForms() []form {
	var all []form
	for _, target := range []string{"docker20", "docker25", "docker29", "containerd", "kind", "k3s", "podman", "oci"} {
		kinds := []string{"docker-archive"}
		if slices.Contains([]string{"docker29", "containerd", "kind", "k3s", "oci"}, target) {
			kinds = append(kinds, "oci-archive")
		}
		layers := "zstd"
		if target == "docker20" {
			layers = "gzip"
		}
		for _, kind := range kinds {
			all = append(all, form{name: "for " + target + " " + kind, source: "platforms", kind: kind, layers: layers})
		}
	}
	return all
}

// made is a form that was written, and what imgtool reads in it.
type made struct {
	form
	row    string // what stands for ROW
	path   string
	images []madeImage
}

// madeImage is an image, of this machine's platform where there are several.
type madeImage struct {
	number                 int
	names                  []string
	root, manifest, config string
}

// make writes a form. Its number gives its row.
func (f form) make(t *testing.T, number int) made {
	t.Helper()
	m := made{form: f, row: fmt.Sprintf("row%d", number), path: filepath.Join(lowerTempDir(t), "out")}
	source := filepath.Join(t.TempDir(), "source")
	listing := sources[f.source]
	if f.source == "platforms" {
		listing = platformsSource()
	}
	archivetest.Build(t, source, "format "+f.from+"\n"+strings.ReplaceAll(listing, "ROW", m.row))
	args := append(slices.Clone(f.args), source)
	switch {
	case f.kind == "rootfs":
		args = append(args, "-o", m.path)
	case f.args[0] == "split":
		args = append(args, m.path)
	default:
		args = append(args, f.kind+":"+m.path)
	}
	imgtool(t, args...)
	if f.kind == "rootfs" {
		m.images = readImages(t, source)
		m.source = source
		return m
	}
	if f.args[0] == "split" {
		files, err := filepath.Glob(filepath.Join(m.path, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("split wrote no file: %v", err)
		}
		m.path = files[0]
	}
	imgtool(t, "verify", "-q", m.path)
	m.images = readImages(t, m.path)
	return m
}

// lowerTempDir is [testing.T.TempDir] without capitals, which podman does not take
// in the paths of layouts.
func lowerTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "form")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// imgtool runs the command, which must not fail, and gives what it prints.
func imgtool(t *testing.T, args ...string) string {
	t.Helper()
	code, out, messages := run(cli.Env{}, args...)
	if code != 0 {
		t.Fatalf("imgtool %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, messages)
	}
	return out
}

// readImages lists the images of an archive as imgtool inspect tells of them.
func readImages(t *testing.T, path string) []madeImage {
	t.Helper()
	type node struct {
		Number       int
		Names        []string
		Kind, Digest string
		Annotations  map[string]string
		Manifests    []node
		Platform     struct{ OS, Architecture string }
		ImageID      string
	}
	var report struct{ Images []node }
	if err := json.Unmarshal([]byte(imgtool(t, "inspect", "--format", "json", path)), &report); err != nil {
		t.Fatal(err)
	}
	var images []madeImage
	for _, n := range report.Images {
		image := madeImage{number: n.Number, names: n.Names, root: n.Digest, manifest: n.Digest, config: n.ImageID}
		for _, m := range n.Manifests {
			if m.Kind == "image" && (m.Platform.Architecture == runtime.GOARCH || image.config == "") {
				image.manifest, image.config = m.Digest, m.ImageID
			}
		}
		if image.config != "" { // else it is an index of referrers, or empty
			images = append(images, image)
		}
	}
	return images
}

// tree lists the merged filesystem of an image by imgtool's own account.
func (m made) tree(t *testing.T, s sight, image madeImage) []string {
	t.Helper()
	archive := m.path
	if m.kind == "rootfs" {
		archive = m.source
	}
	return s.of(t, exportOf(t, archive, "--image", fmt.Sprintf("@%d", image.number)))
}

// exportOf opens what imgtool export writes of an archive.
func exportOf(t *testing.T, path string, flags ...string) *os.File {
	t.Helper()
	out := filepath.Join(t.TempDir(), "rootfs.tar")
	imgtool(t, append([]string{"export", path, "-o", out}, flags...)...)
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}
