package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/klauspost/compress/zstd"
)

// TestRandomStacks merges and exports random layers, and compares with what the
// model makes of them. The first 500 stacks are split everywhere, the others once.
func TestRandomStacks(t *testing.T) {
	t.Parallel()
	const thorough = 500
	stacks := 2000
	if testing.Short() {
		stacks = 150
	}
	const perTest = 50
	for first := 0; first < stacks; first += perTest {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			t.Parallel()
			g := newGenerator(t)
			for seed := first; seed < first+perTest; seed++ {
				g.reset(uint64(seed))
				s := g.stack()
				want := view{}.lines(g.tree.items())
				if seed < thorough {
					checkStack(t, s, want, splitsOf(s)...)
					checkRefusal(t, g)
				} else {
					checkOnce(t, s, want, g.IntN(len(s.Layers)+1))
				}
				if t.Failed() {
					t.Fatalf("seed %d:\n%s", seed, g.log.String())
				}
			}
		})
	}
}

// checkOnce is a quick [checkStack], with one split over n layers.
func checkOnce(t *testing.T, s *layer.Stack, want []string, n int) {
	t.Helper()
	base, whole, err := s.MergeBase(t.Context(), n, layer.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, view{}.lines(tarItems(t, bytes.NewReader(export(t, s, whole))))); diff != "" {
		t.Errorf("Export (-want +got):\n%s", diff)
	}
	var changes bytes.Buffer
	if err := s.WriteChanges(t.Context(), &changes, base, whole); err != nil {
		t.Fatal(err)
	}
	lower := &layer.Stack{Layers: append(slices.Clone(s.Layers[:n]), storedLayer(changes.Bytes())), Temp: s.Temp}
	if diff := cmp.Diff(want, view{}.lines(tarItems(t, bytes.NewReader(export(t, lower, merge(t, lower)))))); diff != "" {
		t.Errorf("changes over %d layers (-want +got):\n%s", n, diff)
	}
}

// checkRefusal merges layers that the model refuses.
func checkRefusal(t *testing.T, g *generator) {
	t.Helper()
	if g.refusal == nil {
		return
	}
	_, err := g.stackOf(g.refused).Merge(t.Context(), layer.MergeOptions{})
	for _, kind := range []error{layer.ErrMalformed, layer.ErrLoop} {
		if errors.Is(g.refusal, kind) != errors.Is(err, kind) {
			t.Errorf("Merge of %v = %v, want %v", g.refused, err, g.refusal)
		}
	}
}

// generator makes random layers that can be applied, and the model of them.
type generator struct {
	*rand.Rand
	tree   model
	layers [][]modelEntry
	log    strings.Builder
	// refused are layers of which the last entry cannot be applied, and why.
	refused [][]modelEntry
	refusal error
	gzip    *gzip.Writer
	zstd    *zstd.Encoder
}

func newGenerator(t *testing.T) *generator {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	return &generator{gzip: gzip.NewWriter(nil), zstd: encoder}
}

// reset begins again.
func (g *generator) reset(seed uint64) {
	*g = generator{Rand: rand.New(rand.NewPCG(seed, 1)), tree: model{}, gzip: g.gzip, zstd: g.zstd}
}

// stack makes one to six layers.
func (g *generator) stack() *layer.Stack {
	for range 1 + g.IntN(6) {
		entries := g.layer()
		g.layers = append(g.layers, entries)
		fmt.Fprintln(&g.log, "layer")
		for _, e := range entries {
			fmt.Fprintf(&g.log, "  %s %q %q\n", e.kind, e.spell, e.target)
		}
	}
	return g.stackOf(g.layers)
}

func (g *generator) stackOf(layers [][]modelEntry) *layer.Stack {
	s := &layer.Stack{Temp: newMemory}
	for _, entries := range layers {
		s.Layers = append(s.Layers, storedLayer(g.compress(tarOf(entries))))
	}
	return s
}

// layer makes a layer over the tree and puts it there. Now and then it is one
// that stood before.
func (g *generator) layer() []modelEntry {
	if len(g.layers) > 0 && g.IntN(4) == 0 {
		again := g.layers[g.IntN(len(g.layers))]
		if tree := g.tree.clone(); tree.apply(again) == nil {
			g.tree = tree
			return again
		}
	}
	var entries []modelEntry
	for range max(0, g.IntN(6)-2) {
		entries = append(entries, g.marker())
	}
	_ = g.tree.apply(entries) // markers do not fail
	for range g.IntN(12) {
		e := g.entry()
		tree := g.tree.clone()
		if err := tree.add(e); err != nil {
			g.refused, g.refusal = append(slices.Clone(g.layers), append(slices.Clone(entries), e)), err
			continue
		}
		g.tree = tree
		entries = append(entries, e)
	}
	return g.mixMarkers(entries)
}

// mixMarkers moves markers among the other entries.
func (g *generator) mixMarkers(entries []modelEntry) []modelEntry {
	var markers, mixed []modelEntry
	for _, e := range entries {
		if e.kind == "whiteout" || e.kind == "opaque" {
			markers = append(markers, e)
		}
	}
	for _, e := range entries[len(markers):] {
		for len(markers) > 0 && g.IntN(3) == 0 {
			mixed, markers = append(mixed, markers[0]), markers[1:]
		}
		mixed = append(mixed, e)
	}
	return append(mixed, markers...)
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

// path is one to three short names, or what is there, or a name below that.
func (g *generator) path() string {
	switch g.IntN(4) {
	case 0:
		return g.existing(func(*modelInode) bool { return true })
	case 1:
		return path.Join(g.existing(func(n *modelInode) bool { return n.kind == "dir" || n.kind == "symlink" }), pick(g, "a", "b"))
	}
	names := []string{pick(g, "a", "b", "c", "d")}
	for len(names) < 3 && g.IntN(2) == 0 {
		names = append(names, pick(g, "a", "b", "c"))
	}
	return strings.Join(names, "/")
}

// existing is a path of the tree, if there is one.
func (g *generator) existing(good func(*modelInode) bool) string {
	var paths []string
	for p, n := range g.tree {
		if p != "" && good(n) {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return "a"
	}
	slices.Sort(paths)
	return paths[g.IntN(len(paths))]
}

func (g *generator) marker() modelEntry {
	e := modelEntry{kind: pick(g, "whiteout", "whiteout", "opaque"), path: g.path()}
	if g.IntN(2) == 0 {
		e.path = g.existing(func(*modelInode) bool { return true })
	}
	dir, name := path.Split(e.path)
	e.spell = g.spell(dir + ".wh." + name)
	if e.kind == "opaque" {
		if g.IntN(40) == 0 {
			e.path = "."
		}
		e.spell = g.spell(path.Join(e.path, ".wh..wh..opq"))
	}
	return e
}

func (g *generator) entry() modelEntry {
	kinds := []string{"dir", "dir", "dir", "file", "file", "file", "hardlink", "hardlink", "hardlink", "hardlink", "symlink", "char", "fifo"}
	e := modelEntry{kind: kinds[g.IntN(len(kinds))], path: g.path(), attr: g.attributes()}
	switch e.kind {
	case "dir":
		if g.IntN(10) == 0 {
			e.path = "."
		}
	case "file":
		e.attr.content = strings.Repeat(pick(g, "x", "y", "z"), max(0, g.IntN(700)-50))
		e.attr.size = int64(len(e.attr.content))
	case "hardlink":
		e.target = g.path()
		if g.IntN(4) > 0 {
			e.target = g.existing(func(n *modelInode) bool { return n.kind != "dir" })
		}
	case "symlink":
		e.target = pick(g, "a", "b", "c", "a/b", "../a", "/", "/b", "/b/c", ".", "..", "../../c", "nope", "nope/../b", "nope/x/../../c", "a/./..//b", ".wh.x", "./")
	case "char":
		e.attr.major, e.attr.minor = int64(g.IntN(2)), int64(g.IntN(2))
	}
	e.spell = g.spell(e.path)
	if e.kind == "dir" {
		e.spell += "/"
	}
	return e
}

// attributes are the default ones, or others.
func (g *generator) attributes() item {
	i := item{mode: 0o644, mtime: listingTime}
	if g.IntN(2) == 0 {
		return i
	}
	i.mode = int64(g.IntN(0o10000))
	i.uid, i.gid = g.IntN(3), pick(g, 0, 1, 3_000_000)
	i.mtime = time.Unix(int64(g.IntN(2000)-1000), int64(pick(g, 0, 1, 999_999_999)))
	if g.IntN(2) == 0 {
		i.extra = map[string]string{"xattr.user." + pick(g, "x", "y"): pick(g, "1", "\x00", "")}
	}
	return i
}

// spell writes a path in one of many ways.
func (g *generator) spell(p string) string {
	switch g.IntN(8) {
	case 0:
		return "./" + p
	case 1:
		return "/" + p
	case 2:
		return strings.ReplaceAll(p, "/", "//")
	case 3:
		return "q/../" + p
	}
	return p
}

var typeflags = map[string]byte{
	"file": tar.TypeReg, "dir": tar.TypeDir, "symlink": tar.TypeSymlink, "hardlink": tar.TypeLink,
	"char": tar.TypeChar, "fifo": tar.TypeFifo, "whiteout": tar.TypeReg, "opaque": tar.TypeReg,
}

// tarOf writes a layer. Writing to memory does not fail.
func tarOf(entries []modelEntry) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{
			Typeflag: typeflags[e.kind], Name: e.spell, Linkname: e.target, Size: int64(len(e.attr.content)), Mode: e.attr.mode,
			Uid: e.attr.uid, Gid: e.attr.gid, ModTime: e.attr.mtime, Devmajor: e.attr.major, Devminor: e.attr.minor,
			Format: tar.FormatPAX, PAXRecords: map[string]string{},
		}
		for key, value := range e.attr.extra {
			h.PAXRecords["SCHILY."+key] = value
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write([]byte(e.attr.content)); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// compress stores a layer in one of three ways, always the same one.
func (g *generator) compress(plain []byte) []byte {
	switch crc32.ChecksumIEEE(plain) % 3 {
	case 0:
		var buf bytes.Buffer
		g.gzip.Reset(&buf)
		_, _ = g.gzip.Write(plain) // to memory, which does not fail
		_ = g.gzip.Close()
		return buf.Bytes()
	case 1:
		return g.zstd.EncodeAll(plain, nil)
	}
	return plain
}
