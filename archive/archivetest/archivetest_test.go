package archivetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"
)

// oneImage fits every format of images, two layers and all settings.
const oneImage = `
image example.com/fx/app:v1 # a comment
  platform linux/arm64/v8
  created 2026-01-02T03:04:05Z
  env PATH=/bin
  label k "a label"
  user 1000:2000
  workdir /srv
  entrypoint /bin/sh -c
  cmd "cat /etc/motd"
  annotation note kept
  config-field x-unknown {"a": [1, "b"]} # kept
  layer
    dir etc
    file etc/motd "hello\n" mode=0600 uid=1000 gid=2000
    symlink etc/motd.sym motd
    hardlink etc/motd.hard etc/motd
    fifo run/fifo
    random srv/data 3KiB
  history "COPY all /"
  empty "CMD nothing"
  layer
    whiteout etc/motd.sym
    opaque srv
`

// twoImages share layers, in different places of their chains.
const twoImages = `
image example.com/fx/app:v1
  layer
    file a one
  layer
    file b two
image example.com/fx/app:v2 fx:latest
  layer
    file a one
  layer
    file b two
  layer
    file c three
`

const manyPlatforms = `
index example.com/fx/multi:latest
  annotation note index
  image
    platform linux/amd64
    layer
      file arch amd64
  attestation
  referrer application/vnd.example.sbom
  image absent
    platform linux/arm64
    layer
      file arch arm64
  index
    image
      platform linux/s390x
      layer zstd
        file arch s390x
  artifact application/vnd.example.thing
`

func imageFormats() []string {
	names := slices.Sorted(maps.Keys(formats))
	return slices.DeleteFunc(names, func(s string) bool { return s == "tar" })
}

func TestDeterministic(t *testing.T) {
	t.Parallel()
	for _, format := range imageFormats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			listing := "format " + format + oneImage
			one, two := buildPath(t, listing), buildPath(t, listing)
			if diff := cmp.Diff(read(t, one), read(t, two)); diff != "" {
				t.Fatalf("two builds differ (-first +second):\n%s", diff)
			}
			if !formats[format].folder && !bytes.Equal(readFile(t, one), readFile(t, two)) {
				t.Error("two builds have the same members and different bytes")
			}
		})
	}
}

// TestNamedByDigest checks that a name with a digest in it has that content.
func TestNamedByDigest(t *testing.T) {
	t.Parallel()
	for _, format := range imageFormats() {
		for name, body := range map[string]string{"one": oneImage, "two": twoImages, "many": manyPlatforms} {
			if format == "dir" && name == "two" {
				continue
			}
			t.Run(format+"/"+name, func(t *testing.T) {
				t.Parallel()
				files := read(t, buildPath(t, "format "+format+body))
				if checked := checkNames(t, files); checked == 0 && format != "docker-save-1.0" && format != "docker-save-bare" {
					t.Error("no name holds a digest")
				}
			})
		}
	}
}

func checkNames(t *testing.T, files map[string]string) (checked int) {
	t.Helper()
	for name, data := range files {
		hex, _, _ := strings.Cut(strings.TrimPrefix(path.Base(name), "sha256:"), ".")
		if len(hex) != 64 {
			continue
		}
		checked++
		if got := digest.FromString(data).Encoded(); got != hex {
			t.Errorf("%s: digest of content is %s", name, got)
		}
	}
	return checked
}

// TestReferences checks that what manifest.json and the OCI documents name is
// there, with the size they say.
func TestReferences(t *testing.T) {
	t.Parallel()
	for _, format := range imageFormats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			files := read(t, buildPath(t, "format "+format+oneImage))
			if raw, ok := files["manifest.json"]; ok && format != "dir" {
				checkManifestJSON(t, files, raw)
			}
			if raw, ok := files["index.json"]; ok {
				checkDescriptors(t, files, raw, blobPath)
			}
			if format == "dir" {
				checkDescriptors(t, files, files["manifest.json"], func(d v1.Descriptor) string { return d.Digest.Encoded() })
			}
		})
	}
}

func checkManifestJSON(t *testing.T, files map[string]string, raw string) {
	t.Helper()
	var entries []manifestEntry
	if err := json.Unmarshal([]byte(raw), &entries); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(files[e.Config], `"x-unknown":{"a":[1,"b"]}`) {
			t.Errorf("config %q has not the unknown field: %s", e.Config, files[e.Config])
		}
		if diff := cmp.Diff([]string{"example.com/fx/app:v1"}, e.RepoTags); diff != "" {
			t.Errorf("RepoTags (-want +got):\n%s", diff)
		}
		for _, l := range e.Layers {
			if _, ok := files[l]; !ok {
				t.Errorf("layer %q is not there", l)
			}
		}
	}
}

func checkDescriptors(t *testing.T, files map[string]string, raw string, where func(v1.Descriptor) string) {
	t.Helper()
	var doc struct {
		Config            *v1.Descriptor
		Manifests, Layers []v1.Descriptor
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	list := slices.Concat(doc.Manifests, doc.Layers)
	if doc.Config != nil {
		list = append(list, *doc.Config)
	}
	for _, d := range list {
		data, ok := files[where(d)]
		if !ok || int64(len(data)) != d.Size {
			t.Errorf("%s: there %v, %d bytes, want %d", where(d), ok, len(data), d.Size)
		}
		if strings.Contains(d.MediaType, "manifest.v1") || strings.Contains(d.MediaType, "index") {
			checkDescriptors(t, files, data, where)
		}
	}
}

func TestSharedLayers(t *testing.T) {
	t.Parallel()
	files := read(t, buildPath(t, "format docker-save"+twoImages))
	var links []string
	for name, data := range files {
		if target, ok := strings.CutPrefix(data, "-> "); ok {
			links = append(links, name)
			if _, ok := files[path.Join(path.Dir(name), target)]; !ok {
				t.Errorf("symlink %q leads nowhere: %q", name, target)
			}
		}
	}
	// Layer a is below the top in both images and has one ID; b has two.
	if len(links) != 1 {
		t.Errorf("symlinks = %q, want one", links)
	}
	const want = `"fx":{"latest":"`
	if got := files["repositories"]; !strings.Contains(got, want) {
		t.Errorf("repositories = %s, want %s in it", got, want)
	}
}

// TestParentChain walks a docker-save-1.0 archive from its top layer down.
func TestParentChain(t *testing.T) {
	t.Parallel()
	files := read(t, buildPath(t, "format docker-save-1.0"+oneImage))
	var repos repositories
	if err := json.Unmarshal([]byte(files["repositories"]), &repos); err != nil {
		t.Fatal(err)
	}
	var got []string
	for id := repos["example.com/fx/app"]["v1"]; id != ""; {
		var doc legacyImage
		if err := json.Unmarshal([]byte(files[id+"/json"]), &doc); err != nil {
			t.Fatal(err)
		}
		if doc.ID != id || files[id+"/layer.tar"] == "" || files[id+"/VERSION"] != "1.0" {
			t.Errorf("folder %s is not whole: %+v", id, doc)
		}
		got = append(got, doc.ContainerConfig.Cmd[2])
		id = doc.Parent
	}
	if diff := cmp.Diff([]string{"ADD layer 1", "CMD nothing", "COPY all /"}, got); diff != "" {
		t.Errorf("chain (-want +got):\n%s", diff)
	}
}

func TestContainerdNames(t *testing.T) {
	t.Parallel()
	files := read(t, buildPath(t, "format docker-containerd"+twoImages))
	var index v1.Index
	if err := json.Unmarshal([]byte(files["index.json"]), &index); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range index.Manifests {
		got = append(got, d.Annotations[containerdName]+" "+d.Annotations[v1.AnnotationRefName])
	}
	want := []string{"example.com/fx/app:v1 v1", "example.com/fx/app:v2 v2", "docker.io/library/fx:latest latest"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if index.Manifests[1].Digest != index.Manifests[2].Digest {
		t.Error("two names of one image have two digests")
	}
}

func TestBrokenHybrids(t *testing.T) {
	t.Parallel()
	files := read(t, buildPath(t, "format docker-hybrid-25.0-null"+oneImage))
	if got := files["index.json"]; !strings.Contains(got, `"manifests":null`) {
		t.Errorf("index.json = %s, want null manifests", got)
	}
	files = read(t, buildPath(t, "format docker-hybrid-25.0"+oneImage))
	for name, data := range files {
		if strings.Contains(data, v1.MediaTypeImageConfig) && !strings.Contains(data, `"layers":null`) {
			t.Errorf("%s = %s, want null layers", name, data)
		}
	}
}

func TestNested(t *testing.T) {
	t.Parallel()
	files := read(t, buildPath(t, "format docker-containerd"+manyPlatforms))
	var got []string
	walkIndex(t, files, files["index.json"], &got)
	want := []string{"index", "linux/amd64", "unknown/unknown", "application/vnd.example.sbom", "linux/arm64 absent",
		"index", "linux/s390x", "application/vnd.example.thing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("descriptors (-want +got):\n%s", diff)
	}
}

func walkIndex(t *testing.T, files map[string]string, raw string, got *[]string) {
	t.Helper()
	var index v1.Index
	if err := json.Unmarshal([]byte(raw), &index); err != nil {
		t.Fatal(err)
	}
	for _, d := range index.Manifests {
		data, ok := files[blobPath(d)]
		what := d.ArtifactType
		if d.Platform != nil {
			what = d.Platform.OS + "/" + d.Platform.Architecture
		}
		if d.MediaType == v1.MediaTypeImageIndex {
			what = "index"
		}
		if !ok {
			what += " absent"
		}
		*got = append(*got, what)
		if what == "index" {
			walkIndex(t, files, data, got)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	files := read(t, buildPath(t, "format dir\nmedia docker"+oneImage))
	for _, want := range []string{dockerManifest, dockerConfig, "application/vnd.docker.image.rootfs.diff.tar.gzip"} {
		if !strings.Contains(files["manifest.json"], want) {
			t.Errorf("manifest.json = %s, want %s in it", files["manifest.json"], want)
		}
	}
}

func TestOuter(t *testing.T) {
	t.Parallel()
	decoders := map[string]func(io.Reader) (io.Reader, error){
		"gzip":         func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"gzip-members": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd":         func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
		"xz":           func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) },
	}
	want := read(t, buildPath(t, "format docker-save"+oneImage))
	for outer, decode := range decoders {
		t.Run(outer, func(t *testing.T) {
			t.Parallel()
			data := readFile(t, buildPath(t, "format docker-save\nouter "+outer+oneImage))
			r, err := decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, readTar(t, r)); diff != "" {
				t.Errorf("content (-plain +%s):\n%s", outer, diff)
			}
		})
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	const base = "format oci-archive" + oneImage
	whole := read(t, buildPath(t, base))
	var layer string // the second one, which nothing else equals
	for name := range whole {
		if strings.HasPrefix(name, "blobs/") && !strings.HasPrefix(whole[name], "{") && len(whole[name]) < 500 {
			layer = name
		}
	}
	tests := []struct {
		name, edit, member, want string
	}{
		{"extra", `extra notes "a\x00b"`, "notes", "a\x00b"},
		{"replace index", `replace @index "{}"`, "index.json", "{}"},
		{"replace path", `replace @oci-layout x`, "oci-layout", "x"},
		{"replace blob", `replace blob:layer:0:1 x`, layer, "x"},
		{"remove", `remove blob:layer:0:1`, layer, ""},
		{"flip", "flip oci-layout 0", "oci-layout", "z" + whole["oci-layout"][1:]},
		{"flip from the end", "flip oci-layout -1", "oci-layout", strings.TrimSuffix(whole["oci-layout"], "}") + "|"},
		{"prefix", "prefix ./", "./oci-layout", whole["oci-layout"]},
		{"no end", "no-end", "oci-layout", whole["oci-layout"]},
		{"tail", `tail "garbage"`, "oci-layout", whole["oci-layout"]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := read(t, buildPath(t, base+tt.edit+"\n"))
			if got := files[tt.member]; got != tt.want {
				t.Errorf("%s: %s = %q, want %q", tt.edit, tt.member, got, tt.want)
			}
		})
	}
}

func TestFileEnd(t *testing.T) {
	t.Parallel()
	size := func(lines string) int64 {
		info, err := os.Stat(buildPath(t, "format tar\nfile a hello\n"+lines))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	tests := []struct {
		lines string
		want  int64
	}{
		{"", 2048},
		{"no-end\n", 1024},
		{"tail xyz\n", 2051},
		{"truncate 700\n", 700},
		{"truncate -100\n", 1948},
		{"tail xyz\ntruncate -1\n", 2050},
	}
	for _, tt := range tests {
		if got := size(tt.lines); got != tt.want {
			t.Errorf("size with %q = %d, want %d", tt.lines, got, tt.want)
		}
	}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	p := buildPath(t, `format tar
dir /abs/ mode=01777
file ../up x uid=3000000 mtime=-1.5
file link/caps "" "xattr.security.capability=\x01\x00" mode=04755
char dev/null 1 3 mode=0666
whiteout a/b
opaque a
random r 2KiB seed
random s 2KiB seed mode=0600
hardlink h ../up
`)
	f, err := os.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []string
	var last string
	tr := tar.NewReader(f)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(tr)
		if h.Name == "s" && string(data) != last {
			t.Error("one seed gave two contents")
		}
		last = string(data)
		if h.Name == "../up" && (h.Uid != 3000000 || h.ModTime.UnixNano() != -1.5e9) {
			t.Errorf("../up: uid %d, mtime %v", h.Uid, h.ModTime)
		}
		if h.Name == "link/caps" && h.PAXRecords["SCHILY.xattr.security.capability"] != "\x01\x00" {
			t.Errorf("link/caps: records %q", h.PAXRecords)
		}
		got = append(got, string(h.Typeflag)+h.Name)
	}
	want := []string{"5/abs/", "0../up", "0link/caps", "3dev/null", "0a/.wh.b", "0a/.wh..wh..opq", "0r", "0s", "1h"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
