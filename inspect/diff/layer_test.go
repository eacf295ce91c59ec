package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stacked is an image whose upper layers cover, delete and repeat.
const stacked = `format oci
image fx:v1
  layer
    file a 12345 mtime=1
    file b 123 mtime=1
    hardlink b2 b
    file c 1234567 mtime=1
    dir d mtime=1
    file d/e 12 mtime=1
  history base
  layer
    file a 1234 mtime=1
    file c 1234567 mtime=1 mode=0600
    file new 1 mtime=1
    whiteout d
    whiteout b
  history step
  empty nothing
  layer
    opaque d
    file d/x 1
    whiteout gone
  history top
`

func TestEffect(t *testing.T) {
	t.Parallel()
	a := openListing(t, stacked)
	for _, tt := range []struct {
		number int
		want   []string
		effect LayerEffect // sizes alone
	}{
		{0, []string{"files + a", "files + b", "files + b2", "files + c", "files + d", "files + d/e"},
			LayerEffect{CreatedBy: "base", AddedBytes: 5 + 3 + 7 + 2}},
		{1, []string{"files ~ a content", "files - b", "files ~ b2 hardlinks", "files ~ c mode", "files - d", "files - d/e", "files + new"},
			LayerEffect{CreatedBy: "step", AddedBytes: 4 + 7 + 1, WastedBytes: 5 + 7 + 2, WastedFiles: 3, SameBytes: 7, SameFiles: 1}},
		{-1, []string{"files + d", "files + d/x"}, LayerEffect{CreatedBy: "top", AddedBytes: 1}},
	} {
		r, err := Effect(t.Context(), a, a.Images[0].Node, tt.number, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, lines(r)); d != "" {
			t.Errorf("layer %d (-want +got):\n%s", tt.number, d)
		}
		got := *r.Layer
		if want := (tt.number + 3) % 3; got.Number != want {
			t.Errorf("layer %d is number %d, want %d", tt.number, got.Number, want)
		}
		got.Layer = Layer{}
		if d := cmp.Diff(tt.effect, got); d != "" {
			t.Errorf("layer %d: effect (-want +got):\n%s", tt.number, d)
		}
	}
	if _, err := Effect(t.Context(), a, a.Images[0].Node, 3, Options{}); err == nil || !strings.Contains(err.Error(), "no layer 3") {
		t.Errorf("layer 3 of 3: %v", err)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	a := openListing(t, stacked)
	for _, tt := range []struct {
		numbers [2]int
		want    []string
	}{
		{[2]int{0, 0}, nil},
		{[2]int{1, -2}, nil},
		{[2]int{0, 1}, []string{"files ~ a content", "files - b", "files + b", "files - b2", "files ~ c mode", "files - d", "files + d", "files - d/e", "files + new"}},
		{[2]int{1, 2}, []string{"files - a", "files - b", "files - c", "files - d", "files + d", "files + d/x", "files + gone", "files - new"}},
	} {
		r, err := Layers(t.Context(), a, a.Images[0].Node, tt.numbers, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, lines(r)); d != "" || r.Same != (tt.want == nil) {
			t.Errorf("layers %v: same %t (-want +got):\n%s", tt.numbers, r.Same, d)
		}
	}
	if _, err := Layers(t.Context(), a, a.Images[0].Node, [2]int{0, 9}, Options{}); err == nil || !strings.Contains(err.Error(), "no layer 9") {
		t.Errorf("layer 9 of 3: %v", err)
	}
}
