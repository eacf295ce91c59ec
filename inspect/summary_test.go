package inspect_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect"
)

var update = flag.Bool("update", false, "write the golden files anew")

func summarize(t testing.TB, listing string, platforms ...string) *inspect.Summary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	archivetest.Build(t, path, listing)
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	var matchers []archive.PlatformMatcher
	for _, p := range platforms {
		m, err := archive.ParsePlatform(p)
		if err != nil {
			t.Fatal(err)
		}
		matchers = append(matchers, m)
	}
	return inspect.Summarize(a, a.Images, matchers...)
}

// TestSteps pairs history with layers, in order.
func TestSteps(t *testing.T) {
	t.Parallel()
	const layer = "  layer plain\n    file %d x\n"
	for _, tt := range []struct {
		name   string
		layers int
		lines  string
		want   string // layer number of each step, - for none
	}{
		{"one each", 2, "", "0 1"},
		{"nothing", 0, "", ""},
		{"empty at the end", 2, "  empty CMD\n", "0 1 -"},
		{"no history", 2, "  history none\n", ""},
		{"only empty", 0, "  empty ENV\n  empty CMD\n", "- -"},
		{"shorter than layers", 3, "  config-field history [{\"created_by\":\"a\"}]\n", "0"},
		{"longer than layers", 1, "  config-field history [{\"created_by\":\"a\"},{\"created_by\":\"b\"},{\"created_by\":\"c\"}]\n", "0 - -"},
		{"empty between", 2, "  config-field history [{},{\"empty_layer\":true},{}]\n", "0 - 1"},
		{"null", 1, "  config-field history null\n", ""},
	} {
		var b strings.Builder
		b.WriteString("format oci\nimage fx:v1\n")
		for i := range tt.layers {
			fmt.Fprintf(&b, layer, i)
		}
		s := summarize(t, b.String()+tt.lines)
		var got []string
		for _, step := range s.Images[0].Manifests[0].History {
			number := "-"
			if step.Layer != nil {
				number = fmt.Sprint(*step.Layer)
			}
			got = append(got, number)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: layers of the steps = %q, want %q", tt.name, got, tt.want)
		}
		if n := len(s.Images[0].Manifests[0].Layers); n != tt.layers {
			t.Errorf("%s: %d layers, want %d", tt.name, n, tt.layers)
		}
	}
}

// TestTotals counts each layer once, whoever has it.
func TestTotals(t *testing.T) {
	t.Parallel()
	const (
		one   = "  layer plain\n    file a one\n" // 3 blocks and the end: 2,048 bytes
		two   = "  layer plain\n    random b 2000\n"
		three = "  layer plain\n    file c three\n"
		size1 = 2048
		size2 = 3584
	)
	for _, tt := range []struct {
		name, listing string
		want          inspect.Totals
		usedBy        string
	}{
		{"nothing shared", "format oci\nimage fx:v1\n" + one + two,
			inspect.Totals{Images: 1, Manifests: 1, Layers: 2, LayerSize: size1 + size2}, "1 1"},
		{"shared by two", "format oci\nimage fx:v1\n" + one + two + "image fx:v2\n" + one + three,
			inspect.Totals{Images: 2, Manifests: 2, Layers: 3, SharedLayers: 1, LayerSize: 2*size1 + size2, SavedSize: size1}, "2 1 2 1"},
		{"shared by three", "format oci\nimage fx:v1\n" + two + "image fx:v2\n" + two + one + "image fx:v3\n" + two + three,
			inspect.Totals{Images: 3, Manifests: 3, Layers: 3, SharedLayers: 1, LayerSize: 2*size1 + size2, SavedSize: 2 * size2}, "3 3 1 3 1"},
		{"twice in one image", "format oci\nimage fx:v1\n" + one + one,
			inspect.Totals{Images: 1, Manifests: 1, Layers: 1, LayerSize: size1}, "1 1"},
		{"one image, two names", "format oci\nimage fx:v1 fx:v2\n" + one,
			inspect.Totals{Images: 1, Manifests: 1, Layers: 1, LayerSize: size1}, "1"},
		{"platforms share", "format oci\nindex fx:v1\n" + indent("image\n"+one+"image\n  platform linux/arm64\n"+one+"image absent\n  platform linux/s390x\n"+two),
			inspect.Totals{Images: 1, Manifests: 2, Layers: 1, SharedLayers: 1, LayerSize: size1, SavedSize: size1}, "2 2"},
		{"attestations do not count", "format oci\nindex fx:v1\n" + indent("image\n"+one+"attestation\nreferrer application/x\n"),
			inspect.Totals{Images: 1, Manifests: 1, Layers: 1, LayerSize: size1}, "1 0 0"},
		{"nothing", "format oci\n", inspect.Totals{}, ""},
	} {
		s := summarize(t, tt.listing)
		if diff := cmp.Diff(tt.want, s.Totals); diff != "" {
			t.Errorf("%s: totals (-want +got):\n%s", tt.name, diff)
		}
		var used []string
		for _, image := range s.Images {
			for _, m := range image.Manifests {
				for _, l := range m.Layers {
					used = append(used, fmt.Sprint(l.UsedBy))
				}
			}
		}
		if got := strings.Join(used, " "); got != tt.usedBy {
			t.Errorf("%s: UsedBy = %q, want %q", tt.name, got, tt.usedBy)
		}
	}
}

func indent(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}

// TestAbsentAndFaulty: what lacks is no fault, what is broken is one.
func TestAbsentAndFaulty(t *testing.T) {
	t.Parallel()
	const image = "image fx:v1\n  layer\n    file a one\n"
	for _, tt := range []struct {
		name, listing string
		absent        bool // of the manifest or its layer
		faults        []string
	}{
		{"whole", "format oci\n" + image, false, nil},
		{"manifest absent", "format oci\nindex fx:v1\n  image absent\n    platform linux/arm64\n", true, nil},
		{"layer absent", "format oci\nimage fx:v1\n  layer absent\n    file a one\n", true, nil},
		{"manifest broken", "format oci\n" + image + "replace blob:manifest:0 {\n", false, []string{"malformed"}},
		{"config broken", "format oci\n" + image + "replace blob:config:0 {\n", false, []string{"config: ", "malformed"}},
		{"config absent", "format oci\n" + image + "remove blob:config:0\n", false, []string{"config: ", "not in the archive"}},
		{"manifest that is an index", "format oci\n" + image + "replace blob:manifest:0 `{\"manifests\":[],\"layers\":[]}`\n", false, []string{"manifest with manifests"}},
	} {
		s := summarize(t, tt.listing)
		m := s.Images[0].Manifests[0]
		absent := m.Absent || len(m.Layers) > 0 && m.Layers[0].Absent
		if absent != tt.absent {
			t.Errorf("%s: absent = %v, want %v", tt.name, absent, tt.absent)
		}
		if (len(s.Faults) == 1) != (len(tt.faults) > 0) || len(s.Faults) > 1 {
			t.Errorf("%s: faults = %q, want parts %q", tt.name, s.Faults, tt.faults)
			continue
		}
		for _, part := range tt.faults {
			if !strings.Contains(s.Faults[0], part) || !strings.Contains(s.Faults[0], m.Digest.String()) || !strings.Contains(m.Fault, part) {
				t.Errorf("%s: faults = %q, want %q in it", tt.name, s.Faults, part)
			}
		}
	}
}

// TestManifests: kinds, subjects and the filter by platform.
func TestManifests(t *testing.T) {
	t.Parallel()
	const listing = `format oci
index fx:v1
  image
    platform linux/amd64
    layer
      file a amd64
  attestation
  image
    platform linux/arm64/v8
    layer
      file a arm64
  attestation
  referrer application/vnd.example.sbom
  image absent
    platform linux/s390x
`
	for _, tt := range []struct {
		platforms []string
		want      []string
	}{
		{nil, []string{"image linux/amd64", "attestation unknown", "image linux/arm64/v8", "attestation unknown", "artifact unknown", "unknown linux/s390x"}},
		{[]string{"linux/arm64"}, []string{"image linux/arm64/v8", "attestation unknown", "artifact unknown"}},
		{[]string{"linux/amd64"}, []string{"image linux/amd64", "attestation unknown"}},
		{[]string{"linux/amd64", "linux/s390x"}, []string{"image linux/amd64", "attestation unknown", "unknown linux/s390x"}},
		{[]string{"windows/amd64"}, nil},
	} {
		s := summarize(t, listing, tt.platforms...)
		var got []string
		digests := []string{}
		for _, m := range s.Images[0].Manifests {
			got = append(got, fmt.Sprint(m.Kind, " ", archive.FormatPlatform(m.Platform)))
			if m.Subject != "" && !slices.Contains(digests, m.Subject.String()) {
				t.Errorf("%q: subject %s is not among the manifests before it", tt.platforms, m.Subject)
			}
			digests = append(digests, m.Digest.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: manifests (-want +got):\n%s", tt.platforms, diff)
		}
	}
}

// TestLayers: compression is what the bytes are, and the tar size is told where
// it is known.
func TestLayers(t *testing.T) {
	t.Parallel()
	m := summarize(t, "format oci\nimage fx:v1\n  layer plain\n    file a a\n  layer gzip\n    file b b\n  layer zstd\n    file c c\n").Images[0].Manifests[0]
	var size int64
	for i, want := range []codec.Compression{codec.None, codec.Gzip, codec.Zstd} {
		l := m.Layers[i]
		size += l.Size
		if l.Compression != want || l.DiffID == "" || (l.TarSize != nil) != (want == codec.None) || l.TarSize != nil && *l.TarSize != l.Size {
			t.Errorf("layer %d = %+v, want %s", i, l, want)
		}
	}
	if m.LayerSize != size {
		t.Errorf("LayerSize = %d, want %d", m.LayerSize, size)
	}
}

// TestImages: some images of an archive keep their numbers, and a folder has no
// size.
func TestImages(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	archivetest.Build(t, path, "format oci\nimage fx:v1\n  layer\n    file a a\nimage fx:v2\n  layer\n    file b b\n")
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s := inspect.Summarize(a, a.Images[1:])
	if len(s.Images) != 1 || s.Images[0].Number != 1 || !slices.Equal(s.Images[0].Names, []string{"fx:v2"}) || s.Size != nil {
		t.Errorf("summary = %+v", s)
	}
	raw, err := json.Marshal(inspect.Summarize(a, nil))
	if err != nil || !strings.Contains(string(raw), `"images":[]`) {
		t.Errorf("JSON of no images = %s, %v, want an empty list", raw, err)
	}
}

// TestJSON holds the JSON form of one listing. Digests and sizes that depend on
// a compressor do not come in, since its layers are plain.
func TestJSON(t *testing.T) {
	t.Parallel()
	s := summarize(t, `format oci-archive
index example.com/fx/multi:latest
  annotation note index
  image
    platform linux/arm64/v8
    env PATH=/bin
    user 1000
    workdir /srv
    entrypoint /bin/sh -c
    cmd true
    label k v
    annotation note manifest
    layer plain
      file a one
    history "COPY a"
    empty "CMD true"
  attestation
  image absent
    platform linux/amd64
    layer plain
      file a two
image fx:v1
  created none
  layer plain
    file a one
image fx:v2
  layer plain
    file a two
replace blob:manifest:3 {
`)
	s.Path = "archive.tar"
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	golden := filepath.Join("testdata", "summary.json")
	if *update {
		if err := os.WriteFile(golden, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(raw)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^\{\n  "schemaVersion": 1,\n`).Match(raw) {
		t.Error("schemaVersion does not come first")
	}
}

func ExampleSummarize() {
	a, err := archive.Open(context.Background(), ref.Ref{Path: "../testdata/archives/docker20-legacy-multi.tar"}, archive.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	s := inspect.Summarize(a, a.Images)
	fmt.Printf("%d images, %d layers, %d of them shared\n", s.Totals.Images, s.Totals.Layers, s.Totals.SharedLayers)
	for _, image := range s.Images {
		fmt.Println(image.Number, image.Names, len(image.Manifests[0].Layers))
	}
	// Output:
	// 2 images, 6 layers, 5 of them shared
	// 0 [example.com/fx/app:v1] 5
	// 1 [example.com/fx/app:v2 fx:latest] 6
}

// BenchmarkSummarize: a byte is a stored one of the archive, none of which is
// read again.
func BenchmarkSummarize(b *testing.B) {
	var listing strings.Builder
	listing.WriteString("format docker-hybrid\n")
	for i := range 30 {
		fmt.Fprintf(&listing, "image fx:v%d\n", i)
		for j := range 20 {
			fmt.Fprintf(&listing, "  layer\n    file a %d-%d\n", i%10, j)
		}
	}
	path := filepath.Join(b.TempDir(), "archive")
	archivetest.Build(b, path, listing.String())
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	b.SetBytes(a.Size)
	b.ReportAllocs()
	for b.Loop() {
		inspect.Summarize(a, a.Images)
	}
}
