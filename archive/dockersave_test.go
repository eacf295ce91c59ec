package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
)

// dockerConfig makes a config over layers, which are given by their tars.
func dockerConfig(layers ...string) string {
	ids := []string{}
	for _, layer := range layers {
		ids = append(ids, fmt.Sprintf("%q", digest.FromString(layer)))
	}
	return fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%s]}}`, strings.Join(ids, ","))
}

// entry spells one image of manifest.json.
func entry(config string, tags []string, layers ...string) string {
	return fmt.Sprintf(`{"Config":%q,"RepoTags":%s,"Layers":%s}`, config, mustJSON(tags), mustJSON(layers))
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// dockerTar writes manifest.json with entries, and members.
func dockerTar(t *testing.T, entries []string, members ...tarMember) string {
	t.Helper()
	face := regular("manifest.json", "["+strings.Join(entries, ",")+"]")
	return tarFile(t, append([]tarMember{face}, members...)...)
}

// Two layers; the content of a layer does not matter here.
const layerA, layerB = "layer a", "layer b"

// TestDockerSaveLayers: layers under every kind of name and link.
func TestDockerSaveLayers(t *testing.T) {
	t.Parallel()
	zipped := string(gzipBytes(t, []byte(layerA)))
	stored := digest.FromString(zipped)
	both := dockerConfig(layerA, layerB)
	hex := digest.FromString(dockerConfig(layerA)).Encoded()
	for _, tt := range []struct {
		name    string
		entry   string
		members []tarMember
		want    []digest.Digest // of stored layers
	}{
		{"plain", entry("c.json", nil, "a", "b"), []tarMember{regular("c.json", both), regular("a", layerA), regular("b", layerB)},
			[]digest.Digest{digest.FromString(layerA), digest.FromString(layerB)}},
		{"symlinks", entry("c.json", nil, "1/layer.tar", "2/layer.tar"),
			[]tarMember{regular("c.json", both), symlink("1/layer.tar", "../x/a"), regular("x/a", layerA), symlink("2/layer.tar", "../3/layer.tar"), symlink("3/layer.tar", "../x/b"), regular("x/b", layerB)},
			[]digest.Digest{digest.FromString(layerA), digest.FromString(layerB)}},
		{"hard links", entry("c.json", nil, "1/layer.tar", "2/layer.tar"),
			[]tarMember{regular("c.json", both), regular("x/a", layerA), hardlink("1/layer.tar", "x/a"), hardlink("2/layer.tar", "x/b"), regular("x/b", layerB)},
			[]digest.Digest{digest.FromString(layerA), digest.FromString(layerB)}},
		{"config named by digest", entry("sha256:"+hex, nil, stored.Encoded()+".tar.gz"),
			[]tarMember{regular("sha256:"+hex, dockerConfig(layerA)), regular(stored.Encoded()+".tar.gz", zipped)},
			[]digest.Digest{stored}},
		{"compressed without a digest", entry("c.json", nil, "a.tar"),
			[]tarMember{regular("c.json", dockerConfig(layerA)), regular("a.tar", zipped)},
			[]digest.Digest{stored}},
		{"compressed under a name that means its diffID", entry("c.json", nil, digest.FromString(layerA).Encoded()+".tar.gz"),
			[]tarMember{regular("c.json", dockerConfig(layerA)), regular(digest.FromString(layerA).Encoded()+".tar.gz", zipped)},
			[]digest.Digest{stored}},
		{"compressed in blobs", entry("blobs/sha256/c", nil, "blobs/sha256/"+stored.Encoded()),
			[]tarMember{regular("blobs/sha256/c", dockerConfig(layerA)), regular("blobs/sha256/"+stored.Encoded(), zipped)},
			[]digest.Digest{stored}},
		{"names with ./", entry("./c.json", nil, "./a", "x/../b"), []tarMember{regular("c.json", both), regular("./a", layerA), regular("b", layerB)},
			[]digest.Digest{digest.FromString(layerA), digest.FromString(layerB)}},
		{"no layers", entry("c.json", nil), []tarMember{regular("c.json", dockerConfig())}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, dockerTar(t, []string{tt.entry}, tt.members...))
			checkWhole(t, a)
			n := a.Images[0]
			if n.Err != nil {
				t.Fatal(n.Err)
			}
			var got []digest.Digest
			for _, layer := range n.Layers {
				got = append(got, layer.Descriptor.Digest)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
			if len(n.Names) != 0 {
				t.Errorf("names %q of an image with null for RepoTags", n.Names)
			}
		})
	}
}

// TestDockerSaveFaults: what docker-save archives lack or have wrong.
func TestDockerSaveFaults(t *testing.T) {
	t.Parallel()
	config := dockerConfig(layerA)
	for _, tt := range []struct {
		name    string
		face    string
		members []tarMember
		want    error // of Open or of the first image
	}{
		{"no config", "[" + entry("c", nil, "a") + "]", []tarMember{regular("a", layerA)}, archive.ErrNotFound},
		{"config out", "[" + entry("../c", nil, "a") + "]", []tarMember{regular("a", layerA)}, archive.ErrMalformed},
		{"config without a name", "[" + entry("", nil, "a") + "]", []tarMember{regular("a", layerA)}, archive.ErrMalformed},
		{"config no JSON", "[" + entry("c", nil, "a") + "]", []tarMember{regular("c", "{"), regular("a", layerA)}, archive.ErrMalformed},
		{"too few layers", "[" + entry("c", nil) + "]", []tarMember{regular("c", config)}, archive.ErrMalformed},
		{"too many layers", "[" + entry("c", nil, "a", "a") + "]", []tarMember{regular("c", config), regular("a", layerA)}, archive.ErrMalformed},
		{"layer out", "[" + entry("c", nil, "../a") + "]", []tarMember{regular("c", config), regular("a", layerA)}, archive.ErrMalformed},
		{"layer is a folder", "[" + entry("c", nil, "a") + "]", []tarMember{regular("c", config), symlink("a", "/")}, archive.ErrMalformed},
		{"an object", "{}", nil, archive.ErrMalformed},
		{"no JSON", "[", nil, archive.ErrMalformed},
		{"trailing bytes", "[]]", nil, archive.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := archiveOpen(tarFile(t, append(tt.members, regular("manifest.json", tt.face))...))
			if err == nil {
				defer a.Close()
				err = firstFault(a)
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("fault = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestDockerSaveNothing: empty lists are archives without images.
func TestDockerSaveNothing(t *testing.T) {
	t.Parallel()
	for _, face := range []string{"[]", "null"} {
		if a := open(t, tarFile(t, regular("manifest.json", face))); len(a.Images) != 0 {
			t.Errorf("manifest.json %s gives %d images", face, len(a.Images))
		}
	}
	if a := open(t, tarFile(t, regular("repositories", "{}"))); len(a.Images) != 0 || a.Format != archive.DockerSaveV10 {
		t.Errorf("empty repositories gives %s", outline(a))
	}
}

// TestDockerSaveMissingLayer: the image opens and the layer is told as absent.
func TestDockerSaveMissingLayer(t *testing.T) {
	t.Parallel()
	a := open(t, dockerTar(t, []string{entry("c", nil, "a", "b")}, regular("c", dockerConfig(layerA, layerB)), regular("a", layerA)))
	n := a.Images[0]
	if n.Err != nil || len(n.Layers) != 2 {
		t.Fatalf("image = %v, %d layers", n.Err, len(n.Layers))
	}
	if n.Layers[0].Err != nil || !errors.Is(n.Layers[1].Err, archive.ErrNotFound) || n.Layers[1].DiffID != digest.FromString(layerB) {
		t.Errorf("layers = %+v, want the second absent", n.Layers)
	}
	if err := new(archive.Content).Add(n, a); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Add = %v, want ErrNotFound", err)
	}
}

// TestDockerSaveFalseLayer: a layer that is not its diffID is found out when it
// is copied.
func TestDockerSaveFalseLayer(t *testing.T) {
	t.Parallel()
	a := open(t, dockerTar(t, []string{entry("c", nil, "a")}, regular("c", dockerConfig(layerA)), regular("a", layerB)))
	for _, w := range writers {
		if err := writeNothing(t, w, contentOf(t, a), context.Background()); !isDigestError(err) {
			t.Errorf("Write(%s) = %v, want a DigestError", w.name, err)
		}
	}
}

// TestDockerSaveSameImage: the same image twice is one with all its names, each
// once.
func TestDockerSaveSameImage(t *testing.T) {
	t.Parallel()
	a := open(t, dockerTar(t, []string{
		entry("c", []string{"fx:v1", "docker.io/library/fx:v1", "Bad Name!"}, "a"),
		entry("c", []string{"index.docker.io/fx:v1", "example.com/fx:v2"}, "a"),
	}, regular("c", dockerConfig(layerA)), regular("a", layerA)))
	want := []archive.Name{"fx:v1", "Bad Name!", "example.com/fx:v2"}
	if len(a.Images) != 1 || !slices.Equal(a.Images[0].Names, want) {
		t.Errorf("images = %s, want one with %q", outline(a), want)
	}
}

// TestHybridFaces: both faces together give every image and every name.
func TestHybridFaces(t *testing.T) {
	t.Parallel()
	l := newLayout()
	first, second := dockerConfig(layerA), dockerConfig(layerA, layerB)
	config, layer := l.blob(typeConfig, first), l.blob(typeLayer, layerA)
	l.blob(typeConfig, second)
	l.blob(typeLayer, layerB)
	named := strings.TrimSuffix(l.manifest(config, layer), "}") + `,"annotations":{"io.containerd.image.name":"docker.io/library/fx:v1","org.opencontainers.image.ref.name":"v1"}}`
	l.roots = []string{named}
	blob := func(s string) string { return "blobs/sha256/" + digest.FromString(s).Encoded() }
	l.files["manifest.json"] = "[" + strings.Join([]string{
		entry(blob(first), []string{"fx:v1", "fx:also"}, blob(layerA)),
		entry(blob(second), []string{"fx:v2"}, blob(layerA), blob(layerB)),
		entry("nothing", []string{"fx:v3"}),
	}, ",") + "]"
	a := open(t, l.tar(t))
	var got []string
	for _, image := range a.Images {
		got = append(got, fmt.Sprint(archive.JoinNames(image.Names), " ", len(image.Layers), " ", image.Err != nil))
	}
	want := []string{"fx:v1 fx:also 1 false", "fx:v2 2 false", "fx:v3 0 true"}
	if diff := cmp.Diff(want, got); diff != "" || a.Format != archive.Hybrid {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if raw := string(a.Images[0].Raw); raw != l.files[blob(manifestJSON(config, layer))] {
		t.Errorf("the OCI manifest is not kept: %s", raw)
	}
}

// TestHybridFallback: a broken OCI face is told and passed over; without a
// docker face it is an error.
func TestHybridFallback(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"{", `{"manifests":null}`, `[]`, `{"manifests":[],"layers":[]}`} {
		members := []tarMember{regular("index.json", index), regular("c", dockerConfig(layerA)), regular("a", layerA)}
		var warnings []string
		a, err := archive.Open(t.Context(), refPath(dockerTar(t, []string{entry("c", []string{"fx:v1"}, "a")}, members...)),
			archive.OpenOptions{Warn: func(s string) { warnings = append(warnings, s) }})
		if err != nil {
			t.Errorf("index.json %s: %v", index, err)
			continue
		}
		if len(a.Images) != 1 || len(a.Images[0].Layers) != 1 || len(warnings) != 1 {
			t.Errorf("index.json %s: %q, %s", index, warnings, outline(a))
		}
		checkWhole(t, a)
		a.Close()
		if index == `{"manifests":null}` {
			continue // an empty layout
		}
		if err := openErr(t, tarFile(t, members...)); !errors.Is(err, archive.ErrMalformed) {
			t.Errorf("index.json %s alone: %v, want ErrMalformed", index, err)
		}
	}
}

// v1Tar makes a docker-save 1.0 archive of layers by ID: parent and content.
func v1Tar(t *testing.T, repositories string, images map[string][2]string) string {
	t.Helper()
	members := []tarMember{regular("repositories", repositories)}
	for id, image := range images {
		members = append(members,
			regular(id+"/json", fmt.Sprintf(`{"id":%q,"parent":%q,"created":"2015-01-02T03:04:05Z","os":"linux","architecture":"amd64","x-field":{"b":1,"a":2}}`, id, image[0])),
			regular(id+"/layer.tar", image[1]))
	}
	return tarFile(t, members...)
}

// TestDockerSave10 reads parent chains.
func TestDockerSave10(t *testing.T) {
	t.Parallel()
	zipped := string(gzipBytes(t, []byte(layerB)))
	a := open(t, v1Tar(t, `{"fx":{"v1":"b","v2":"c","base":"a"},"example.com/fx":{"v1":"b"}}`,
		map[string][2]string{"a": {"", layerA}, "b": {"a", zipped}, "c": {"a", layerA}}))
	checkWhole(t, a)
	var got []string
	for _, image := range a.Images {
		got = append(got, fmt.Sprint(archive.JoinNames(image.Names), " ", len(image.Layers)))
	}
	// In the order of the names; the image of two names stands once.
	want := []string{"example.com/fx:v1 fx:v1 2", "fx:base 1", "fx:v2 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("images (-want +got):\n%s", diff)
	}
	top := a.Images[0]
	if l := top.Layers[1]; l.Compression != codec.Gzip || l.Descriptor.Digest != digest.FromString(zipped) || l.DiffID != digest.FromString(layerB) {
		t.Errorf("compressed layer = %+v", l)
	}
	if raw := string(top.Config.Raw); !strings.Contains(raw, `"x-field":{"b":1,"a":2}`) || strings.Contains(raw, `"parent"`) || len(top.Config.History) != 2 {
		t.Errorf("config = %s", raw)
	}
}

// TestDockerSave10Faults: chains that do not end, IDs that are paths.
func TestDockerSave10Faults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, repositories string
		images             map[string][2]string
		want               error
	}{
		{"loop", `{"fx":{"v1":"a"}}`, map[string][2]string{"a": {"b", ""}, "b": {"a", ""}}, archive.ErrMalformed},
		{"own parent", `{"fx":{"v1":"a"}}`, map[string][2]string{"a": {"a", ""}}, archive.ErrMalformed},
		{"no parent", `{"fx":{"v1":"a"}}`, map[string][2]string{"a": {"b", ""}}, archive.ErrNotFound},
		{"no image", `{"fx":{"v1":"a"}}`, nil, archive.ErrNotFound},
		{"no ID", `{"fx":{"v1":""}}`, nil, archive.ErrMalformed},
		{"path", `{"fx":{"v1":"x/a"}}`, map[string][2]string{"x/a": {"", ""}}, archive.ErrMalformed},
		{"out", `{"fx":{"v1":".."}}`, nil, archive.ErrMalformed},
		{"no JSON", `{`, nil, archive.ErrMalformed},
		{"a list", `[]`, nil, archive.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := archiveOpen(v1Tar(t, tt.repositories, tt.images))
			if err == nil {
				defer a.Close()
				err = firstFault(a)
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("fault = %v, want %v", err, tt.want)
			}
		})
	}
}
