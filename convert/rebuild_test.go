package convert_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/convert"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutOf writes an OCI layout of one image by hand: blobs as they are, the
// manifest and its descriptor as text in which HEX(name) and SIZE(name) stand for
// those of a blob.
func layoutOf(t testing.TB, manifest, descriptor string, blobs map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	var words []string
	write := func(name, content string) {
		hex := digest.FromString(content).Encoded()
		words = append(words, "HEX("+name+")", hex, "SIZE("+name+")", jsonOf(t, len(content)))
		if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", hex), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range blobs {
		write(name, content)
	}
	write("manifest", strings.NewReplacer(words...).Replace(manifest))
	index := `{"schemaVersion":2,"manifests":[` + strings.NewReplacer(words...).Replace(descriptor) + `]}`
	for name, content := range map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "index.json": index} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A manifest and its descriptor with everything that a standard does not know.
const (
	strangeManifest = `{
  "layers": [
    {"z":1,"size":SIZE(one),"digest":"sha256:HEX(one)","mediaType":"application/vnd.oci.image.layer.v1.tar","annotations":{"k":"base"},"urls":["u"]},
    {"z":2,"size":SIZE(two),"digest":"sha256:HEX(two)","mediaType":"application/vnd.oci.image.layer.v1.tar","annotations":{"k":"merged"}},
    {"z":3,"size":SIZE(three),"digest":"sha256:HEX(three)","mediaType":"application/vnd.oci.image.layer.v1.tar"}
  ],
  "x-unknown": {"b":1.50, "a":[null]},
  "config": {"x-config":"kept","data":"e30=","Size":1,"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:HEX(config)","size":SIZE(config)},
  "annotations": {"m":"<&>"},
  "schemaVersion": 2
}`
	strangeDescriptor = `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:HEX(manifest)","size":SIZE(manifest),
  "data":"e30=","x-descriptor":[1],"annotations":{"org.opencontainers.image.ref.name":"fx:v1","own":"yes"},"platform":{"os":"linux","architecture":"amd64","os.features":["f"]}}`
)

func strangeBlobs(t testing.TB) map[string]string {
	t.Helper()
	a := open(t, build(t, "format oci\nimage fx:v1\n  layer plain\n    file a a\n  layer plain\n    file b b\n  layer plain\n    file c c\n"))
	blobs := map[string]string{}
	var diffIDs []digest.Digest
	for i, name := range []string{"one", "two", "three"} {
		d := instance(t, a).Layers[i].Descriptor.Digest
		raw, err := os.ReadFile(filepath.Join(a.Path, "blobs", "sha256", d.Encoded()))
		if err != nil {
			t.Fatal(err)
		}
		blobs[name] = string(raw)
		diffIDs = append(diffIDs, d)
	}
	blobs["config"] = `{"x-unknown":{"deep":[1, 2.0]},"architecture":"amd64","os":"linux","config":{"X-Vendor":true,"Cmd":["a"]},
	"rootfs":{"x-rootfs":"kept","Diff_IDs":["sha256:` + strings.Repeat("0", 64) + `"],"diff_ids":` + jsonOf(t, diffIDs) + `,"type":"layers"},
	"container_config":{"Hostname":"h"},"docker_version":"20.10"}`
	return blobs
}

// TestRebuildKeeps: what is not about the layers that are merged stays as it was
// written, and what is there fits together.
func TestRebuildKeeps(t *testing.T) {
	t.Parallel()
	a := open(t, layoutOf(t, strangeManifest, strangeDescriptor, strangeBlobs(t)))
	got, notes := flatten(t, convert.FlattenOptions{Last: 2}, a)
	if len(notes) != 0 {
		t.Errorf("notes %q", notes)
	}
	before, after := instance(t, a), instance(t, got)
	checkDigests(t, after)

	raw := after.Raw
	for _, f := range []struct{ name, want string }{
		{"x-unknown", `{"b":1.50,"a":[null]}`},
		{"annotations", `{"m":"<&>"}`},
		{"schemaVersion", `2`},
	} {
		if got := string(field(t, raw, f.name)); got != f.want {
			t.Errorf("manifest field %s is %s, want %s", f.name, got, f.want)
		}
	}
	if field(t, raw, "mediaType") != nil {
		t.Errorf("the manifest gained a mediaType: %s", raw)
	}
	config := field(t, raw, "config")
	if string(field(t, config, "x-config")) != `"kept"` || field(t, config, "data") != nil || field(t, config, "Size") != nil {
		t.Errorf("descriptor of the config: %s", config)
	}
	var oldLayers, layers []json.RawMessage
	mustParse(t, field(t, before.Raw, "layers"), &oldLayers)
	mustParse(t, field(t, raw, "layers"), &layers)
	if len(layers) != 2 || string(layers[0]) != string(oldLayers[0]) {
		t.Errorf("descriptor of the base became %s, was %s", layers, oldLayers[0])
	}
	if strings.Contains(string(layers[1]), "annotations") || strings.Contains(string(layers[1]), `"z"`) {
		t.Errorf("the merged layer says what was said of another: %s", layers[1])
	}

	for _, f := range []struct{ name, want string }{
		{"x-unknown", `{"deep":[1,2.0]}`},
		{"config", `{"X-Vendor":true,"Cmd":["a"]}`},
		{"container_config", `{"Hostname":"h"}`},
		{"docker_version", `"20.10"`},
	} {
		if got := string(field(t, after.Config.Raw, f.name)); got != f.want {
			t.Errorf("config field %s is %s, want %s", f.name, got, f.want)
		}
	}
	rootfs := field(t, after.Config.Raw, "rootfs")
	if string(field(t, rootfs, "x-rootfs")) != `"kept"` || field(t, rootfs, "Diff_IDs") != nil {
		t.Errorf("rootfs: %s", rootfs)
	}

	index, err := os.ReadFile(filepath.Join(got.Path, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var roots []json.RawMessage
	mustParse(t, field(t, index, "manifests"), &roots)
	for _, f := range []struct{ name, want string }{
		{"x-descriptor", `[1]`},
		{"platform", `{"os":"linux","architecture":"amd64","os.features":["f"]}`},
		{"data", ``},
	} {
		if got := string(field(t, roots[0], f.name)); got != f.want {
			t.Errorf("descriptor field %s is %s, want %s", f.name, got, f.want)
		}
	}
	if annotations := string(field(t, roots[0], "annotations")); !strings.Contains(annotations, `"own":"yes"`) {
		t.Errorf("annotations of the descriptor: %s", annotations)
	}
}

func mustParse(t testing.TB, raw []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
}

// checkDigests checks that n and what it names have the digests and sizes that
// are stated, as another program would.
func checkDigests(t testing.TB, n *archive.Node) {
	t.Helper()
	if digest.FromBytes(n.Raw) != n.Descriptor.Digest || int64(len(n.Raw)) != n.Descriptor.Size {
		t.Errorf("manifest: descriptor says %s of %d bytes", n.Descriptor.Digest, n.Descriptor.Size)
	}
	if d := n.Manifest.Config; digest.FromBytes(n.Config.Raw) != d.Digest || int64(len(n.Config.Raw)) != d.Size {
		t.Errorf("config: descriptor says %s of %d bytes", d.Digest, d.Size)
	}
	if len(n.Config.RootFS.DiffIDs) != len(n.Layers) || n.Config.RootFS.Type != "layers" {
		t.Errorf("rootfs is %+v, there are %d layers", n.Config.RootFS, len(n.Layers))
	}
	for i, l := range n.Layers {
		if l.Err != nil || l.Compression == codec.None && l.DiffID != l.Descriptor.Digest {
			t.Errorf("layer %d: %+v", i, l)
		}
	}
}

// TestRebuildFamilies: the media types of an image stay in one family.
func TestRebuildFamilies(t *testing.T) {
	t.Parallel()
	gzip, none, zstd := codec.Setting{Compression: codec.Gzip}, codec.Setting{Compression: codec.None}, codec.Setting{Compression: codec.Zstd}
	for _, tt := range []struct {
		media    string
		opts     convert.FlattenOptions
		manifest string
		layers   string // without what all of one family have in front
		notes    int
	}{
		{"docker", convert.FlattenOptions{}, "docker", "diff.tar.gzip", 0},
		{"docker", convert.FlattenOptions{Compress: none}, "docker", "diff.tar", 0},
		{"docker", convert.FlattenOptions{Compress: gzip, Last: 2}, "docker", "diff.tar.gzip diff.tar.gzip", 0},
		{"docker", convert.FlattenOptions{Compress: zstd}, "oci", "tar+zstd", 1},
		{"docker", convert.FlattenOptions{Compress: zstd, Last: 2}, "oci", "tar+gzip tar+zstd", 1},
		{"oci", convert.FlattenOptions{Compress: none, Last: 2}, "oci", "tar+gzip tar", 0},
		{"oci", convert.FlattenOptions{Compress: zstd}, "oci", "tar+zstd", 0},
		{"oci", convert.FlattenOptions{}, "oci", "tar+gzip", 0},
	} {
		a := open(t, build(t, "format oci\nmedia "+tt.media+"\nimage fx:v1\n  layer\n    file a a\n  layer\n    file b b\n  layer\n    file c c\n"))
		got, notes := flatten(t, tt.opts, a)
		n := instance(t, got)
		wantManifest, wantConfig, prefix := ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig, "application/vnd.oci.image.layer.v1."
		if tt.manifest == "docker" {
			wantManifest = "application/vnd.docker.distribution.manifest.v2+json"
			wantConfig = "application/vnd.docker.container.image.v1+json"
			prefix = "application/vnd.docker.image.rootfs."
		}
		var layers []string
		for _, l := range n.Layers {
			layers = append(layers, strings.TrimPrefix(l.Descriptor.MediaType, prefix))
		}
		types := []string{n.Descriptor.MediaType, n.Manifest.MediaType, n.Manifest.Config.MediaType, strings.Join(layers, " ")}
		if diff := cmp.Diff([]string{wantManifest, wantManifest, wantConfig, tt.layers}, types); diff != "" {
			t.Errorf("%s, %+v: media types (-want +got):\n%s", tt.media, tt.opts, diff)
		}
		if len(notes) != tt.notes {
			t.Errorf("%s, %+v: notes %q", tt.media, tt.opts, notes)
		}
		checkDigests(t, n)
	}
}
