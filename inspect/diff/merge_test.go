package diff

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// counting counts the stored bytes that are read of each blob.
type counting struct {
	archive.Source
	mu   sync.Mutex
	read map[digest.Digest]int64
}

func newCounting(from archive.Source) *counting {
	return &counting{Source: from, read: map[digest.Digest]int64{}}
}

func (c *counting) Open(d ocispec.Descriptor) (archive.Blob, error) {
	b, err := c.Source.Open(d)
	return &countedBlob{b, c, d.Digest}, err
}

type countedBlob struct {
	archive.Blob
	of     *counting
	digest digest.Digest
}

func (b *countedBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Blob.ReadAt(p, off)
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.of.read[b.digest] += int64(n)
	return n, err
}

// readLayers are the numbers of the layers of n that were read.
func (c *counting) readLayers(n *archive.Node) string {
	var out []string
	for i, l := range n.Layers {
		if c.read[l.Descriptor.Digest] > 0 {
			out = append(out, fmt.Sprint(i))
		}
	}
	return strings.Join(out, " ")
}

// below are three layers with a symlink to a folder.
const below = `format oci
image fx:v1
  layer
    dir usr/lib
    symlink lib usr/lib
    file usr/lib/a a
    random big 100KiB
    file s1 xx
    file s2 yy
  layer
    dir etc
    file etc/motd one
`

// TestLayersRead: layers that cannot differ in effect are not read.
func TestLayersRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, a, b   string
		readA, readB string
		want         string // paths that differ
	}{
		{"nothing differs", "", "  cmd sh\n", "", "", ""},
		{"recompressed", "  layer gzip\n    file x x\n", "  layer zstd\n    file x x\n", "", "", ""},
		{"content", "  layer\n    file top 1\n", "  layer\n    file top 2\n", "2", "2", "top"},
		{"times in folders", "  layer\n    dir etc mtime=5\n    file etc/motd 1\n", "  layer\n    dir etc mtime=6\n    file etc/motd 1\n", "2", "2", "etc"},
		{"two layers", "  layer\n    file x 1\n    whiteout big\n  layer\n    file y 1 mode=0600\n", "  layer\n    file x 2\n    whiteout big\n  layer\n    file y 1\n", "2 3", "2 3", "x y"},
		{"hidden above", "  layer\n    file x 1\n  layer\n    whiteout x\n    file y y\n", "  layer\n    file x 2\n  layer\n    whiteout x\n    file y y\n", "2 3", "2", ""},
		{"hardlinks", "  layer\n    file x 1\n    hardlink y x\n", "  layer\n    file x 2\n    hardlink y x\n", "2", "2", "x y"},
		// What lies below counts.
		{"a folder without an entry", "  layer\n    file lib/a 1\n", "  layer\n    file lib/a 2\n", "0 1 2", "2", "usr/lib/a"},
		{"a hardlink to what is below", "  layer\n    hardlink y big\n    file z 1\n", "  layer\n    hardlink y big\n    file z 2\n", "0 1 2", "2", "z"},
		{"a whiteout through a folder below", "  layer\n    dir usr\n    dir usr/lib\n    file usr/lib/n 1\n  layer\n    whiteout lib/n\n", "  layer\n    dir usr\n    dir usr/lib\n    file usr/lib/n 2\n  layer\n    whiteout lib/n\n", "0 1 2 3", "2", ""},
		{"another file of those below", "  layer\n    whiteout s2\n", "  layer\n    hardlink s1 s2\n  layer\n    whiteout s2\n", "0 1 2", "0 2 3", "s1"},
		{"a file of those below again", "  layer\n    file s1 xx\n", "", "0 1 2", "0", ""},
		{"a file of the size of one below", "  layer\n    file s1 yy\n", "", "0 1 2", "0", "s1"},
		{"another path", "  layer\n    file x 1\n", "  layer\n    file y 1\n", "0 1 2", "2", "x y"},
		{"another order", "  layer\n    file x 1\n    file y 2\n", "  layer\n    file y 2\n    file x 1\n", "0 1 2", "2", ""},
		{"another type", "  layer\n    file x 1\n", "  layer\n    dir x\n", "0 1 2", "2", "x"},
		{"another target", "  layer\n    symlink x 1\n", "  layer\n    symlink x 2\n", "0 1 2", "2", "x"},
		{"a layer more", "", "  layer\n    file x 1\n", "0 1", "2", "x"},
		{"nothing in common", "  layer\n    file x 1\n", "", "0 1 2", "0 1", "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			other := below
			if tt.name == "nothing in common" {
				other = strings.Replace(below, "100KiB", "100KiB mode=0600", 1)
				tt.want = "big x"
			}
			a, b := openListing(t, below+tt.a), openListing(t, other+tt.b)
			left, right := newCounting(a), newCounting(b)
			p, err := Options{}.comparePlatforms(t.Context(), [2]archive.Source{left, right}, a.Images[0].Node, b.Images[0].Node)
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			if p.Files != nil {
				for _, c := range p.Files.Changes {
					paths = append(paths, c.Path)
				}
			}
			if got := strings.Join(paths, " "); got != tt.want {
				t.Errorf("changed: %q, want %q", got, tt.want)
			}
			if got := left.readLayers(a.Images[0].Node); got != tt.readA {
				t.Errorf("layers read of A: %q, want %q", got, tt.readA)
			}
			if got := right.readLayers(b.Images[0].Node); got != tt.readB {
				t.Errorf("layers read of B: %q, want %q", got, tt.readB)
			}
		})
	}
}

// randomLayer gives the lines of a layer in which paths, types and links collide
// often.
func randomLayer(r *rand.Rand) []string {
	names := []string{"a", "b", "c", "l"}
	path := func() string {
		p := names[r.IntN(4)]
		for r.IntN(3) == 0 {
			p += "/" + names[r.IntN(4)]
		}
		return p
	}
	out := []string{"  layer"}
	made := map[string]bool{}
	for range 1 + r.IntN(6) {
		p := path()
		for i := range p {
			if p[i] == '/' && r.IntN(4) > 0 && !made[p[:i]] {
				made[p[:i]] = true
				out = append(out, fmt.Sprintf("    dir %s mtime=%d", p[:i], r.IntN(2)))
			}
		}
		switch r.IntN(8) {
		case 0:
			out = append(out, "    dir "+p)
		case 1:
			out = append(out, fmt.Sprintf("    symlink %s /%s", p, path()))
		case 2:
			out = append(out, fmt.Sprintf("    hardlink %s %s", p, path()))
		case 3:
			out = append(out, "    whiteout "+p)
		case 4:
			out = append(out, "    opaque "+p)
		default:
			out = append(out, fmt.Sprintf("    file %s %d mode=0%d00", p, r.IntN(3), 4+r.IntN(2)))
		}
	}
	return out
}

// altered gives a layer with other contents, modes and times, and seldom without a
// line.
func altered(r *rand.Rand, lines []string) []string {
	var out []string
	for _, s := range lines {
		switch words := strings.Fields(s); {
		case words[0] == "file" && r.IntN(2) == 0:
			s = fmt.Sprintf("    file %s %d mode=0%d00", words[1], r.IntN(3), 4+r.IntN(2))
		case words[0] == "dir" && r.IntN(3) == 0:
			s = fmt.Sprintf("    dir %s mtime=%d", words[1], r.IntN(3))
		case words[0] != "layer" && r.IntN(30) == 0:
			continue
		}
		out = append(out, s)
	}
	return out
}

// TestMergeLikeAll: however little is read, the changes are those of merging all
// layers with sums.
func TestMergeLikeAll(t *testing.T) {
	t.Parallel()
	rounds := 600
	if testing.Short() {
		rounds = 60
	}
	partial, marked, merged := 0, 0, 0
	for seed := range uint64(rounds) {
		r := rand.New(rand.NewPCG(seed, 1))
		listing := []string{"format oci", "image fx:v1"}
		for range 1 + r.IntN(2) {
			listing = append(listing, randomLayer(r)...)
		}
		a, b := listing[:len(listing):len(listing)], listing[:len(listing):len(listing)]
		for range 1 + r.IntN(2) {
			l := randomLayer(r)
			a, b = append(a, l...), append(b, altered(r, l)...)
		}
		left, right := openListing(t, strings.Join(a, "\n")+"\n"), openListing(t, strings.Join(b, "\n")+"\n")
		got, how, err := changesOf(t.Context(), left, right)
		want, wantErr := allChanges(t.Context(), left, right)
		if wantErr != nil {
			if err == nil && how.a != nil && !how.partial { // else the fault was not read
				t.Errorf("seed %d: no error, want %v", seed, wantErr)
			}
			continue
		}
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		merged++
		if how.partial {
			partial++
		}
		if how.marked > 0 {
			marked++
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("seed %d, partial %t: changes (-all layers +diff):\n%s\nA:\n%s\nB:\n%s", seed, how.partial, d, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
		left.Close()
		right.Close()
	}
	t.Logf("%d pairs compared, %d by the differing layers alone, %d over a common tree", merged, partial, marked)
	if partial < rounds/30 || marked < rounds/30 {
		t.Errorf("of %d pairs %d were compared by the differing layers alone and %d over a common tree: too few to tell", rounds, partial, marked)
	}
}

// changesOf gives the changes that a comparison finds, and how it found them.
func changesOf(ctx context.Context, a, b *archive.Archive) ([]string, *trees, error) {
	var o Options
	c, err := o.compareFiles(ctx, o.filesystem(a, a.Images[0].Layers), o.filesystem(b, b.Images[0].Layers))
	if err != nil {
		return nil, nil, err
	}
	return changeLines(c.changes), c.trees, nil
}

// allChanges reads everything.
func allChanges(ctx context.Context, a, b *archive.Archive) ([]string, error) {
	var sides [2]*layer.Tree
	for i, from := range []*archive.Archive{a, b} {
		s, err := from.Stack(from.Images[0].Node, archive.StackOptions{})
		if err != nil {
			return nil, err
		}
		if sides[i], err = s.Merge(ctx, layer.MergeOptions{Sums: true}); err != nil {
			return nil, err
		}
	}
	c := &comparison{trees: &trees{a: sides[0], b: sides[1]}}
	c.collect()
	return changeLines(c.changes), nil
}

func changeLines(changes []FileChange) []string {
	var out []string
	for i := range changes {
		c := &changes[i]
		out = append(out, fmt.Sprintf("%s %s %s %s", c.Kind.Sign(), c.Path, c.Aspects, c.Describe()))
	}
	return out
}
