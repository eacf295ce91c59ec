package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// testRoot makes a root from "CONTENT IMAGE-NAME REF-NAME [EXTRA]", where - is
// nothing.
func testRoot(t *testing.T, spec string) root {
	t.Helper()
	words := strings.Fields(spec)
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString(words[0]), Size: 1}
	d.Annotations = map[string]string{}
	for i, key := range []string{AnnotationImageName, ocispec.AnnotationRefName, "extra"} {
		if i+1 < len(words) && words[i+1] != "-" {
			d.Annotations[key] = words[i+1]
		}
	}
	r, err := parseRoot(mustMarshal(d))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func testRoots(t *testing.T, specs []string) []root {
	t.Helper()
	var roots []root
	for _, spec := range specs {
		roots = append(roots, testRoot(t, spec))
	}
	return roots
}

// outlineRoots spells roots as [testRoot] reads them.
func outlineRoots(t *testing.T, roots []root, contents ...string) []string {
	t.Helper()
	or := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	var out []string
	for _, r := range roots {
		stored, err := parseRoot(r.raw)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(contents, func(c string) bool { return digest.FromString(c) == stored.Digest })
		if i < 0 {
			t.Fatalf("root of unknown digest %s", stored.Digest)
		}
		line := fmt.Sprintf("%s %s %s %s", contents[i], or(stored.imageName()), or(stored.refName()), stored.Annotations["extra"])
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// TestJoinRoots: adding leaves what is there, and moves names alone.
func TestJoinRoots(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		old, added, want []string
		warnings         int
	}{
		{"nothing there", nil, []string{"A docker.io/library/a:v1 a:v1"}, []string{"A docker.io/library/a:v1 a:v1"}, 0},
		{"the same again", []string{"A docker.io/library/a:v1 v1 x"}, []string{"A docker.io/library/a:v1 v1"}, []string{"A docker.io/library/a:v1 v1 x"}, 0},
		{"a second name", []string{"A docker.io/library/a:v1 a:v1"}, []string{"A docker.io/library/a:v2 a:v2"},
			[]string{"A docker.io/library/a:v1 a:v1", "A docker.io/library/a:v2 a:v2"}, 0},
		{"a name moves", []string{"A docker.io/library/a:v1 a:v1 x"}, []string{"B docker.io/library/a:v1 a:v1"},
			[]string{"A - - x", "B docker.io/library/a:v1 a:v1"}, 1},
		{"one of two names moves", []string{"A docker.io/library/a:v1 a:v1", "A docker.io/library/a:v2 a:v2"}, []string{"B docker.io/library/a:v1 a:v1"},
			[]string{"A docker.io/library/a:v2 a:v2", "B docker.io/library/a:v1 a:v1"}, 1},
		{"one of two in one descriptor moves", []string{"A docker.io/library/a:v1 other/b:v2"}, []string{"B docker.io/library/a:v1 a:v1"},
			[]string{"A - other/b:v2", "B docker.io/library/a:v1 a:v1"}, 1},
		{"a nameless one gets a name", []string{"A - - x"}, []string{"A docker.io/library/a:v1 a:v1"}, []string{"A docker.io/library/a:v1 a:v1 x"}, 0},
		{"a false name gives way", []string{"A - <none>:<none> x"}, []string{"A - v1"}, []string{"A - v1 x"}, 0},
		{"a nameless one stays", []string{"A - - x"}, []string{"B docker.io/library/b:v1 b:v1"}, []string{"A - - x", "B docker.io/library/b:v1 b:v1"}, 0},
		{"a nameless one again", []string{"A - - x"}, []string{"A - -"}, []string{"A - - x"}, 0},
		{"a tag asked for to the letter", []string{"A docker.io/library/a:v1 v1"}, []string{"B - v1"}, []string{"A docker.io/library/a:v1 a:v1", "B - v1"}, 0},
		{"a tag that is taken", []string{"A docker.io/library/a:v1 v1"}, []string{"B docker.io/library/b:v1 v1"},
			[]string{"A docker.io/library/a:v1 v1", "B docker.io/library/b:v1 b:v1"}, 0},
		{"no reference name is none to clash", []string{"A docker.io/library/a:v1 -"}, []string{"B docker.io/library/b:v1 -"},
			[]string{"A docker.io/library/a:v1 -", "B docker.io/library/b:v1 -"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			warnings := 0
			got := joinRoots(testRoots(t, tt.old), testRoots(t, tt.added), func(string, ...any) { warnings++ })
			if diff := cmp.Diff(tt.want, outlineRoots(t, got, "A", "B")); diff != "" {
				t.Errorf("joinRoots(%q, %q) (-want +got):\n%s", tt.old, tt.added, diff)
			}
			if warnings != tt.warnings {
				t.Errorf("joinRoots(%q, %q) warns %d times, want %d", tt.old, tt.added, warnings, tt.warnings)
			}
		})
	}
}

// TestDistinctRefs: each of several images can be reached by its reference name.
func TestDistinctRefs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ roots, want []string }{
		{[]string{"A docker.io/library/a:v1 v1", "B docker.io/library/b:v1 v1"}, []string{"A docker.io/library/a:v1 v1", "B docker.io/library/b:v1 b:v1"}},
		{[]string{"A docker.io/library/a:v1 v1", "B - v1"}, []string{"A docker.io/library/a:v1 a:v1", "B - v1"}},
		{[]string{"A docker.io/library/a:v1 v1", "A docker.io/library/c:v1 v1"}, []string{"A docker.io/library/a:v1 v1", "A docker.io/library/c:v1 v1"}},
		{[]string{"A docker.io/library/a:v1 -", "B docker.io/library/b:v1 -"}, []string{"A docker.io/library/a:v1 -", "B docker.io/library/b:v1 -"}},
	} {
		got := outlineRoots(t, distinctRefs(testRoots(t, tt.roots)), "A", "B")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("distinctRefs(%q) (-want +got):\n%s", tt.roots, diff)
		}
	}
}

// TestCheckIndex: nothing is written that could not be read again.
func TestCheckIndex(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		size, n int
		want    error
	}{
		{MaxDocument, MaxDescriptors, nil},
		{MaxDocument + 1, 1, ErrTooLarge},
		{1, MaxDescriptors + 1, ErrTooLarge},
	} {
		if err := checkIndex(make([]byte, tt.size), tt.n); !errors.Is(err, tt.want) {
			t.Errorf("checkIndex(%d bytes, %d) = %v, want %v", tt.size, tt.n, err, tt.want)
		}
	}
}
