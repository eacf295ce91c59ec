package diff

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fixtures = "../../testdata/archives"

// fixture is an image that a real tool wrote, by file and name.
type fixture struct{ file, name string }

func (f fixture) String() string { return f.file }

func (f fixture) open(t *testing.T) Input {
	t.Helper()
	a := openFile(t, filepath.Join(fixtures, f.file))
	var selectors []string
	if f.name != "" {
		selectors = append(selectors, f.name)
	}
	images, err := a.Find(selectors...)
	if err != nil || len(images) != 1 {
		t.Fatalf("%d images %q in %s: %v", len(images), f.name, f.file, err)
	}
	return Input{Archive: a, Images: images}
}

const v1, v2 = "example.com/fx/app:v1", "example.com/fx/app:v2"

// firsts are the same Dockerfile: those of Docker 20.10 were built by its own
// builder, which makes no /dev, /proc and /sys, the others by one run of BuildKit.
var firsts = []fixture{
	{"docker20-legacy-multi.tar", v1}, {"docker20-v1.tar.bz2", ""},
	{"docker29-containerd.tar", v1}, {"podman-docker-multi.tar", v1}, {"buildkit-oci-attest.tar", ""}, {"skopeo-dir", ""},
}

func (f fixture) byDocker20() bool { return strings.HasPrefix(f.file, "docker20") }

func compareFixtures(t *testing.T, a, b fixture, opts Options) *Report {
	t.Helper()
	r, err := Archives(t.Context(), a.open(t), b.open(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFixturesSemantic: an image that several tools saved is the same image.
func TestFixturesSemantic(t *testing.T) {
	t.Parallel()
	for _, a := range firsts {
		for _, b := range firsts {
			t.Run(a.file+" "+b.file, func(t *testing.T) {
				t.Parallel()
				var want []string
				if a.byDocker20() != b.byDocker20() {
					sign := "-"
					if a.byDocker20() {
						sign = "+"
					}
					want = []string{"files " + sign + " dev", "files " + sign + " proc", "files " + sign + " sys"}
				}
				if d := cmp.Diff(want, lines(compareFixtures(t, a, b, Options{Ignore: Semantic()}))); d != "" {
					t.Errorf("semantic diff (-want +got):\n%s", d)
				}
			})
		}
	}
}

// TestFixturesStrict: without it each difference shows.
func TestFixturesStrict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b fixture
		want []string // levels that differ
	}{
		{firsts[0], firsts[1], nil},
		{firsts[0], firsts[2], []string{"annotations", "config", "files", "history", "layers"}},
		{firsts[3], firsts[2], []string{"annotations", "layers"}},
		{firsts[3], firsts[5], []string{"layers", "names"}},
		{firsts[4], firsts[2], []string{"annotations", "index", "manifests"}},
		{firsts[2], firsts[5], []string{"annotations", "names"}},
	} {
		var got []string
		for _, s := range lines(compareFixtures(t, tt.a, tt.b, Options{})) {
			level, _, _ := strings.Cut(s, " ")
			got = append(got, level)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, tt.want) {
			t.Errorf("%s and %s differ in %q, want %q", tt.a, tt.b, got, tt.want)
		}
	}
}

// TestFixturesVersions: from v1 to v2 is what the Dockerfile does, whatever tool
// wrote either of them.
func TestFixturesVersions(t *testing.T) {
	t.Parallel()
	seconds := []fixture{{"docker20-legacy-multi.tar", v2}, {"docker29-containerd.tar", v2}, {"podman-docker-multi.tar", v2}}
	for _, a := range firsts {
		for _, b := range seconds {
			t.Run(a.file+" "+b.file, func(t *testing.T) {
				t.Parallel()
				r := compareFixtures(t, a, b, Options{Ignore: Semantic()})
				want := []string{`config ~ config.Labels."org.opencontainers.image.version"`}
				if d := cmp.Diff(append(want, wantedChanges(t, a, b)...), lines(r)); d != "" {
					t.Errorf("semantic diff (-want +got):\n%s", d)
				}
			})
		}
	}
}

// treeEntry is a line of the listings of what is in the fixtures.
type treeEntry struct {
	Path, Type, Mode, Link, SHA256 string
	UID, GID                       int
	Size                           int64
}

// wantedChanges compares the listings that were made beside the archives.
func wantedChanges(t *testing.T, a, b fixture) []string {
	t.Helper()
	before, after := readTree(t, "rootfs-v1.jsonl", a), readTree(t, "rootfs-v2.jsonl", b)
	var out []string
	for p, e := range before {
		other, ok := after[p]
		switch {
		case !ok:
			out = append(out, "files - "+p)
		case e.Type != other.Type:
			out = append(out, fmt.Sprintf("files ~ %s type", p))
		case e != other:
			out = append(out, fmt.Sprintf("files ~ %s %s", p, wantedAspects(e, other)))
		}
	}
	for p := range after {
		if _, ok := before[p]; !ok {
			out = append(out, "files + "+p)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return comparePaths(strings.Fields(a)[2], strings.Fields(b)[2])
	})
	if len(out) < 3 {
		t.Fatalf("the listings differ in %q, which cannot be all", out)
	}
	return out
}

func wantedAspects(a, b treeEntry) string {
	var words []string
	for _, aspect := range []struct {
		word    string
		differs bool
	}{
		{"content", a.SHA256 != b.SHA256 || a.Size != b.Size && a.Type == "file"}, {"link", a.Link != b.Link},
		{"mode", a.Mode != b.Mode}, {"owner", a.UID != b.UID || a.GID != b.GID},
	} {
		if aspect.differs {
			words = append(words, aspect.word)
		}
	}
	return strings.Join(words, ",")
}

func readTree(t *testing.T, name string, of fixture) map[string]treeEntry {
	t.Helper()
	file, err := os.Open(filepath.Join(fixtures, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	entries := map[string]treeEntry{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e treeEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		e.Path = strings.Trim(e.Path, "/")
		if of.byDocker20() && slices.Contains([]string{"dev", "proc", "sys"}, e.Path) || e.Path == "" || e.Path == "." {
			continue
		}
		entries[e.Path] = e
	}
	return entries
}
