//go:build linux

package cli_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// quirk is what an engine does otherwise.
type quirk struct {
	way  string
	when func(form) bool
	says string // part of what the comparison finds
	why  string
}

// quirks are those of Docker 20.10, podman 4.3, buildah 1.28, skopeo 1.9,
// containerd 1.6, umoci 0.4.7 and crane 0.22. The first that fits counts.
var quirks = []quirk{
	{"docker load", outerIs("zstd"), "invalid tar header", "Docker before 23 knows no zstd"},
	{"docker load", layersAre("zstd"), "Error processing tar file", "Docker before 23 knows no zstd"},
	{"docker import", outerIs("zstd"), "invalid tar header", "Docker before 23 knows no zstd"},
	{"podman load", named("oci-archive of multi", "oci-archive of names"), "more than one image in oci", "it loads one image of an OCI layout"},
	{"buildah pull", docker(outerIs("gzip")), "loading tar component manifest.json", "it fails at gzip, whoever wrote it"},
	{"skopeo copy", docker(outerIs("gzip")), "loading tar component manifest.json", "it fails at gzip, whoever wrote it"},
	{"registry", docker(outerIs("gzip")), "loading tar component manifest.json", "skopeo fails at gzip, whoever wrote it"},
	{"ctr images import", outerIs("gzip zstd xz"), "invalid tar header", "ctr does not decompress"},
	{"ctr images import", named("docker-archive from dir"), "images", "containerd has no images without a name"},
	{"regctl image import", named("docker-archive from docker-hybrid", "docker-archive from docker-containerd"), "could not find requested tag",
		"it looks for whole names in index.json, where Docker writes tags, which stay"},
	{"umoci unpack", named("oci of platforms", "oci without attestations"), "tag is ambiguous", "it asks for a platform, and has no flag to say which"},
	{"umoci unpack", layersAre("zstd"), "blob is not correct mediatype", "umoci before 0.5 knows no zstd"},
	{"crane validate", outerIs("gzip zstd xz"), "invalid tar header", "it does not decompress"},
	{"crane validate", named("docker-archive of multi"), "must contain only a single image", "it wants one image"},
	{"crane validate", layersAre("keep"), "undersized layer", "it takes the compression of the first layer for that of all"},
	{"crane validate", layersAre("zstd"), "gzip: invalid header", "it takes layers for gzip"},
	{"crane push", docker(outerIs("gzip zstd xz")), "invalid tar header", "it does not decompress"},
	{"crane push", named("docker-archive of multi"), "must contain only a single image", "it wants one image"},
	{"crane push", docker(layersAre("keep")), "reading tar: unexpected EOF", "it takes the compression of the first layer for that of all"},
	{"crane push", named("oci of multi", "oci of names"), "consider --index", "it wants one image"},
}

func outerIs(any string) func(form) bool {
	return func(f form) bool { return f.outer != "" && slices.Contains(strings.Fields(any), f.outer) }
}

func layersAre(one string) func(form) bool { return func(f form) bool { return f.layers == one } }

func named(any ...string) func(form) bool {
	return func(f form) bool { return slices.Contains(any, f.name) }
}

// docker narrows to docker archives.
func docker(when func(form) bool) func(form) bool {
	return func(f form) bool { return f.kind == "docker-archive" && when(f) }
}

// TestEnginesTake gives everything that imgtool writes to every engine that should
// take it, and compares names, image IDs or digests, and filesystems with
// what imgtool says of the same file. What an engine does otherwise must be among
// quirks, and a quirk must be one still.
func TestEnginesTake(t *testing.T) {
	b := startBench(t)
	all := forms()
	var loads, trees, otherwise atomic.Int64
	names := map[string]bool{}
	for _, w := range ways {
		names[w.name] = true
	}
	t.Cleanup(func() {
		t.Logf("tried: %d loads, %d ways to load × %d forms, %d trees compared, %d otherwise as expected",
			loads.Load(), len(names), len(all), trees.Load(), otherwise.Load())
	})
	for n, f := range all {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			m := f.make(t, n)
			for _, w := range ways {
				if !w.takes(f) {
					continue
				}
				loads.Add(1)
				found := w.compare(t, b, m, &trees)
				quirk := quirkOf(w, f)
				switch {
				case quirk == nil && found != "":
					t.Errorf("%s: %s", w.name, found)
				case quirk != nil && !strings.Contains(found, quirk.says):
					t.Errorf("%s: want %q, for %s; found: %s", w.name, quirk.says, quirk.why, found)
				case quirk != nil:
					otherwise.Add(1)
				}
			}
		})
	}
}

func quirkOf(w way, f form) *quirk {
	for n, q := range quirks {
		if q.way == w.name && q.when(f) {
			return &quirks[n]
		}
	}
	return nil
}

// compare gives a form to an engine and tells what is otherwise than imgtool says.
func (w way) compare(t *testing.T, b *bench, m made, trees *atomic.Int64) string {
	t.Helper()
	got, err := w.load(t, b, m, w.sight)
	if err != nil {
		return "refused: " + err.Error()
	}
	want := w.want(t, m)
	slices.Sort(got.images)
	if diff := cmp.Diff(want.images, slices.Compact(got.images)); diff != "" {
		return "images (-imgtool +engine):\n" + diff
	}
	for id, tree := range got.trees {
		trees.Add(1)
		if diff := cmp.Diff(want.trees[id], tree); diff != "" {
			return fmt.Sprintf("files of %s (-imgtool +engine):\n%s", id, diff)
		}
	}
	return ""
}

// want is what an engine should make of a form.
func (w way) want(t *testing.T, m made) took {
	t.Helper()
	var k took
	if m.kind == "rootfs" {
		k.add("", "", m.tree(t, w.sight, m.images[0]))
		return k
	}
	for _, image := range m.images {
		id := w.id(image)
		tree := m.tree(t, w.sight, image)
		for _, name := range image.names {
			line := id
			if w.names {
				line = name + " " + id
			}
			k.add(line, id, tree)
		}
		if len(image.names) == 0 {
			k.add(id, id, tree)
		}
	}
	slices.Sort(k.images)
	k.images = slices.Compact(k.images)
	return k
}
