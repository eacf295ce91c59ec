package layer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layerCase is an image and what its layers merge to.
type layerCase struct {
	name   string
	layers string // of a listing of archivetest
	// want has the lines of the tree, as item says; wantErr is for layers that
	// cannot be merged.
	want    string
	wantErr error
	// differs says for each tool that shows another tree, or an error, why it is
	// not followed, with the sentence that settles it. A tool that accepts what
	// is an error here differs too.
	differs map[tool]string
}

// tool is what else merges the layers of a case.
type tool string

const (
	umoci  tool = "umoci"  // layers one over the other; with --rootless, and as root without
	podman tool = "podman" // its vfs driver: layers one over the other
	docker tool = "docker" // its overlay2 driver: layers apart
)

// allCases are the cases of all files.
func allCases() []layerCase {
	return slices.Concat(whiteoutCases, opaqueCases, typeCases, symlinkCases, hardlinkCases, pathCases, metadataCases,
		dialectCases, sparseCases, stackCases())
}

var unsafeInTag = regexp.MustCompile(`[^a-z0-9]+`)

// image is the name of the case's image.
func (c layerCase) image() string {
	return "case:" + strings.Trim(unsafeInTag.ReplaceAllString(strings.ToLower(c.name), "-"), "-")
}

// listing describes an archive of the images of cases.
func listing(format string, cases ...layerCase) string {
	var b strings.Builder
	fmt.Fprintf(&b, "format %s\n", format)
	for _, c := range cases {
		fmt.Fprintf(&b, "image %s\n", c.image())
		for line := range strings.Lines(c.layers) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return b.String()
}

// stackOf gives the layers of a listing, gzip unless it says otherwise.
func stackOf(t testing.TB, layers string) *layer.Stack {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	archivetest.Build(t, dir, listing("dir", layerCase{name: "image", layers: layers}))
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	s := &layer.Stack{Temp: newMemory}
	for _, d := range m.Layers {
		stored, err := os.ReadFile(filepath.Join(dir, d.Digest.Encoded()))
		if err != nil {
			t.Fatal(err)
		}
		s.Layers = append(s.Layers, storedLayer(stored))
	}
	return s
}

// storedLayer is a layer of stored bytes, of whatever compression.
func storedLayer(stored []byte) layer.Layer {
	return layer.Layer{
		Digest:      digest.FromBytes(stored).String(),
		Compression: codec.Detect(stored),
		Open:        func() (layer.Blob, error) { return blob{bytes.NewReader(stored)}, nil },
	}
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

// memory is a temporary file in memory.
type memory struct {
	mu   sync.Mutex
	data []byte
}

func newMemory() (layer.TempFile, error) { return &memory{}, nil }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.NewReader(m.data).ReadAt(p, off)
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if grow := int(off) + len(p) - len(m.data); grow > 0 {
		m.data = append(m.data, make([]byte, grow)...)
	}
	return copy(m.data[off:], p), nil
}

func (m *memory) Close() error { return nil }

// plainStack is s with its layers not compressed.
func plainStack(t testing.TB, s *layer.Stack) *layer.Stack {
	t.Helper()
	plain := &layer.Stack{Temp: newMemory}
	for _, l := range s.Layers {
		b, err := l.Open()
		if err != nil {
			t.Fatal(err)
		}
		r, err := codec.NewReader(io.NewSectionReader(b, 0, b.Size()), l.Compression, codec.ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		plain.Layers = append(plain.Layers, layer.Layer{
			Digest:      digest.FromBytes(content).String(),
			Compression: codec.None,
			Open:        func() (layer.Blob, error) { return blob{bytes.NewReader(content)}, nil },
		})
	}
	return plain
}

func merge(t testing.TB, s *layer.Stack) *layer.Tree {
	t.Helper()
	tree, err := s.Merge(context.Background(), layer.MergeOptions{Sums: true})
	if err != nil {
		t.Fatalf("Merge: %v", err)
	}
	return tree
}

func export(t testing.TB, s *layer.Stack, tree *layer.Tree) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := s.Export(context.Background(), &out, tree); err != nil {
		t.Fatalf("Export: %v", err)
	}
	return out.Bytes()
}

// TestCases merges, exports and splits the layers of every case.
func TestCases(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range allCases() {
		if names[c.image()] {
			t.Errorf("two cases have the image %s", c.image())
		}
		names[c.image()] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := stackOf(t, c.layers)
			if c.wantErr != nil {
				if _, err := s.Merge(t.Context(), layer.MergeOptions{}); !errors.Is(err, c.wantErr) {
					t.Errorf("Merge = %v, want %v", err, c.wantErr)
				}
				return
			}
			checkStack(t, s, wantLines(c.want), splitsOf(s)...)
			checkStack(t, plainStack(t, s), wantLines(c.want), splitsOf(s)...)
		})
	}
}

// splitsOf are the numbers of lower layers that changes are written over: all of
// them, but for images of very many layers.
func splitsOf(s *layer.Stack) []int {
	var splits []int
	for n := range len(s.Layers) + 1 {
		if n < 8 || n >= len(s.Layers)-1 {
			splits = append(splits, n)
		}
	}
	return splits
}

// checkStack compares the merged tree with its expectation: as Merge gives it,
// as Export writes it, and as lower layers and changes give it.
func checkStack(t *testing.T, s *layer.Stack, want []string, splits ...int) {
	t.Helper()
	tree := merge(t, s)
	tar := export(t, s, tree)
	items := tarItems(t, bytes.NewReader(tar))
	if diff := cmp.Diff(want, view{}.lines(items)); diff != "" {
		t.Errorf("Export (-want +got):\n%s", diff)
	}
	sizes := view{sizes: true}
	if diff := cmp.Diff(sizes.lines(items), sizes.lines(treeItems(t, tree))); diff != "" {
		t.Errorf("tree of Merge (-exported +merged):\n%s", diff)
	}
	checkOrder(t, tar)
	flat := &layer.Stack{Layers: []layer.Layer{storedLayer(tar)}}
	again := merge(t, flat)
	if err := layer.CheckEqual(tree, again); err != nil {
		t.Errorf("the exported tar as a layer: %v", err)
	}
	if !bytes.Equal(tar, export(t, flat, again)) {
		t.Error("export of the exported tar has other bytes")
	}
	for _, n := range splits {
		checkSplit(t, s, n, tar)
	}
}

// checkSplit puts the changes from the n lowest layers to the whole over these,
// which then must be exported as the same tar.
func checkSplit(t *testing.T, s *layer.Stack, n int, tar []byte) {
	t.Helper()
	base, whole, err := s.MergeBase(context.Background(), n, layer.MergeOptions{Sums: true})
	if err != nil {
		t.Fatalf("MergeBase of %d: %v", n, err)
	}
	lower := &layer.Stack{Layers: slices.Clone(s.Layers[:n]), Temp: s.Temp}
	if err := layer.CheckEqual(base, merge(t, lower)); err != nil {
		t.Errorf("the base of %d layers is not what they merge to: %v", n, err)
	}
	var changes bytes.Buffer
	if err := s.WriteChanges(context.Background(), &changes, base, whole); err != nil {
		t.Fatalf("WriteChanges over %d layers: %v", n, err)
	}
	checkParents(t, changes.Bytes())
	lower.Layers = append(lower.Layers, storedLayer(changes.Bytes()))
	again := merge(t, lower)
	if err := layer.CheckEqual(whole, again); err != nil {
		t.Errorf("changes over %d layers: %v\n%s", n, err, strings.Join(view{}.lines(tarItems(t, &changes)), "\n"))
	}
	if !bytes.Equal(tar, export(t, lower, again)) {
		t.Errorf("changes over %d layers: the export has other bytes", n)
	}
}

// checkParents holds what WriteChanges promises of the folders on the way.
func checkParents(t *testing.T, raw []byte) {
	t.Helper()
	folders := map[string]bool{".": true}
	for r := layer.NewReader(bytes.NewReader(raw)); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !folders[path.Dir(e.Path)] {
			t.Errorf("changes: %s %s without an entry of its folder before it", e.Type, e.Path)
		}
		folders[e.Path] = e.Type == layer.Dir
	}
}

// checkOrder holds what Export promises of its order and its paths.
func checkOrder(t *testing.T, raw []byte) {
	t.Helper()
	kinds := map[string]layer.Type{}
	last := ""
	r := layer.NewReader(bytes.NewReader(raw))
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		_, twice := kinds[e.Path]
		parent, hasParent := kinds[path.Dir(e.Path)]
		target, hasTarget := kinds[e.Link]
		switch {
		case e.Type.IsMarker():
			t.Errorf("%s: a %s", e.Path, e.Type)
		case twice:
			t.Errorf("%s: twice", e.Path)
		case strings.Contains(e.Path, "/") && (!hasParent || parent != layer.Dir):
			t.Errorf("%s: no folder before it", e.Path)
		case e.Type == layer.Hardlink && (!hasTarget || target == layer.Hardlink):
			t.Errorf("%s: link to %s, which is not before it", e.Path, e.Link)
		case last != "" && last != "." && comparePaths(last, e.Path) >= 0:
			t.Errorf("%s: behind %s", e.Path, last)
		}
		kinds[e.Path], last = e.Type, e.Path
	}
}
