//go:build linux

package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/cli"
)

// outerTools compress a file beside it.
var outerTools = []string{"gzip", "pigz", "bzip2", "xz", "zstd"}

// counts are what a test tried.
type counts struct{ files, images, trees, again atomic.Int64 }

// TestEnginesWrite reads what engines write, as they write it and compressed by
// the usual tools: imgtool opens it, finds no error, and exports the filesystem that
// the engine has. Then imgtool converts it, and podman loads that.
func TestEnginesWrite(t *testing.T) {
	d := newDesk(t)
	var tried counts
	all := writers()
	t.Cleanup(func() {
		t.Logf("tried: 8 engines × %d ways to write, %d files with outer compressions, %d images, %d converted and loaded again, %d trees compared",
			len(all), tried.files.Load(), tried.images.Load(), tried.again.Load(), tried.trees.Load())
	})
	for n, w := range all {
		row := fmt.Sprintf("w%d", n)
		t.Run(row+" "+strings.Fields(w.script)[0], func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("script: %s", w.script)
				}
			})
			out := filepath.Join(lowerTempDir(t), "out")
			if err := d.run(w.script, row, out); err != nil {
				t.Fatal(err)
			}
			if w.kind == rootFS {
				checkRootFS(t, out, &tried)
				return
			}
			w.check(t, d, row, out, &tried)
		})
	}
}

// check reads one thing that was written, in every outer compression.
func (w writer) check(t *testing.T, d *desk, row, out string, tried *counts) {
	t.Helper()
	want, s := w.want(t, d, row, out)
	files := compressed(t, out)
	instances := instancesIn(t, out)
	for _, file := range files {
		tried.files.Add(1)
		code, report, messages := run(cli.Env{}, "verify", file)
		if lie := w.lie(); (code != 0) != (lie != "") || !strings.Contains(report, lie) {
			t.Errorf("verify %s: exit code %d, want %q\n%s%s", filepath.Base(file), code, lie, report, messages)
		}
		if diff := cmp.Diff(instances, instancesIn(t, file)); diff != "" {
			t.Errorf("%s: images (-plain +compressed):\n%s", filepath.Base(file), diff)
		}
		var got []string
		for _, i := range instances {
			tried.images.Add(1)
			got = append(got, strings.Join(s.of(t, exportOf(t, file, i.flags()...)), "\n"))
		}
		tried.trees.Add(int64(len(got)))
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: files of its images (-engine +imgtool):\n%s", filepath.Base(file), diff)
		}
	}
	w.checkIDs(t, d, instances)
	if w.kind != noLayers { // of which podman makes an image without a filesystem
		loadAgain(t, out, tried)
	}
}

// lie is the error that verify finds in what an engine says of its layers.
func (w writer) lie() string {
	switch w.kind {
	case plainAsGzip:
		return "IMG-COMPRESSION-MISMATCH"
	case wrongData:
		return "IMG-DATA-MISMATCH"
	case noLayers:
		return "IMG-SCHEMA"
	default:
		return ""
	}
}

// want lists the filesystems that must be found, sorted.
func (w writer) want(t *testing.T, d *desk, row, out string) (all []string, s sight) {
	t.Helper()
	trees := map[string][]byte{}
	for _, name := range strings.Fields(w.trees) {
		tree, seen := d.tree(t, d.words.Replace(strings.NewReplacer("{row}", row, "{out}", out).Replace(name)))
		trees[name] = tree
		if seen.without != nil || s.without == nil {
			s = seen
		}
	}
	for _, name := range strings.Fields(w.trees) {
		all = append(all, strings.Join(s.of(t, bytes.NewReader(trees[name])), "\n"))
	}
	slices.Sort(all)
	return all, s
}

// checkIDs tells of images whose IDs no engine was given.
func (w writer) checkIDs(t *testing.T, d *desk, instances []instance) {
	t.Helper()
	for _, i := range instances {
		if w.kind == sameIDs && !d.ids[i.ImageID] {
			t.Errorf("image %s has the ID %s, want one of %v", i.Digest, i.ImageID, d.ids)
		}
	}
}

// instance is an image of one platform.
type instance struct {
	Number          int
	Names           []string
	Digest, ImageID string
	Platform        string
}

func (i instance) flags() []string {
	flags := []string{"--image", fmt.Sprintf("@%d", i.Number)}
	if i.Platform != "" {
		flags = append(flags, "--platform", i.Platform)
	}
	return flags
}

// instancesIn lists every image of every platform in an archive.
func instancesIn(t *testing.T, path string) []instance {
	t.Helper()
	type node struct {
		Number                int
		Names                 []string
		Kind, Digest, ImageID string
		Platform              struct{ OS, Architecture, Variant string }
		Manifests             []node
	}
	var report struct{ Images []node }
	if err := json.Unmarshal([]byte(imgtool(t, "inspect", "--format", "json", path)), &report); err != nil {
		t.Fatal(err)
	}
	var all []instance
	for _, n := range report.Images {
		if n.Manifests == nil {
			all = append(all, instance{n.Number, n.Names, n.Digest, n.ImageID, ""})
		}
		for _, m := range n.Manifests {
			if m.Kind == "image" {
				platform := strings.Trim(m.Platform.OS+"/"+m.Platform.Architecture+"/"+m.Platform.Variant, "/")
				all = append(all, instance{n.Number, n.Names, m.Digest, m.ImageID, platform})
			}
		}
	}
	return all
}

// compressed gives a file and what the usual tools make of it; a folder, and what
// an engine compressed, is alone.
func compressed(t *testing.T, out string) []string {
	t.Helper()
	files := []string{out}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if info.IsDir() || isGzip(t, out) {
		return files
	}
	for _, name := range outerTools {
		file := out + "." + name
		if err := os.WriteFile(file, enginetest.Run(t, name, "-c", out), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func isGzip(t *testing.T, file string) bool {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.HasPrefix(raw, []byte{0x1f, 0x8b})
}

// checkRootFS wants a root filesystem to be told from an archive.
func checkRootFS(t *testing.T, out string, tried *counts) {
	t.Helper()
	for _, file := range compressed(t, out) {
		tried.files.Add(1)
		code, _, messages := run(cli.Env{}, "inspect", file)
		if code != 2 || !strings.Contains(messages, "a root filesystem tar") {
			t.Errorf("inspect %s: exit code %d, %s; want 2, and that it is a root filesystem", filepath.Base(file), code, messages)
		}
	}
}

// loadAgain converts what an engine wrote, and loads it into a podman that has
// nothing else.
func loadAgain(t *testing.T, out string, tried *counts) {
	t.Helper()
	m := made{form: form{kind: "docker-archive"}, path: filepath.Join(lowerTempDir(t), "again.tar")}
	imgtool(t, "convert", "-q", out, "docker-archive:"+m.path)
	m.images = readImages(t, m.path)
	tried.again.Add(1)
	// Podman makes a whole name of "v1" in its own way.
	load := way{name: "podman load", id: byConfig, sight: diskSight, load: podmanLoadIDs}
	if found := load.compare(t, &bench{podman: enginetest.StartPodman(t)}, m, &tried.trees); found != "" {
		t.Errorf("podman load of what imgtool converted: %s", found)
	}
}
