package convert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// planFlatten plans to flatten archives to an OCI layout.
func planFlatten(t testing.TB, opts convert.FlattenOptions, archives ...*archive.Archive) (*convert.FlattenPlan, error) {
	t.Helper()
	var sources []convert.Source
	for _, a := range archives {
		sources = append(sources, convert.Source{Archive: a})
	}
	return convert.NewFlatten(sources, ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}, opts)
}

// flatten flattens archives to an OCI layout and gives that, and all notes.
func flatten(t testing.TB, opts convert.FlattenOptions, archives ...*archive.Archive) (*archive.Archive, []string) {
	t.Helper()
	p, err := planFlatten(t, opts, archives...)
	if err != nil {
		t.Fatalf("NewFlatten(%+v): %v", opts, err)
	}
	notes := p.Plan.Notes
	temp := t.TempDir()
	err = p.Run(context.Background(), convert.RunOptions{
		WriteOptions: archive.WriteOptions{Warn: func(m string) { notes = append(notes, m) }},
		Stack:        archive.StackOptions{TempDir: temp},
	})
	if err != nil {
		t.Fatalf("Run(%+v): %v", opts, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left in the folder of temporary files: %v, %v", left, err)
	}
	return open(t, p.Plan.To.Path), notes
}

// TestFlatten: from every form, whatever is merged, the filesystem stays, and the
// layers below stay what they are.
func TestFlatten(t *testing.T) {
	t.Parallel()
	const more = `  layer
    dir etc mode=0755
    file etc/gone "back\n"
    hardlink linked etc/gone
    whiteout big
  layer
    whiteout etc/gone
    opaque usr
`
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			a := open(t, build(t, "format "+format+"\nimage fx:v1"+files+more))
			before := instance(t, a)
			want := exportTar(t, a, before)
			for last := range 5 {
				got, notes := flatten(t, convert.FlattenOptions{Last: last}, a)
				n := instance(t, got)
				if !bytes.Equal(exportTar(t, got, n), want) {
					t.Errorf("--last %d: the filesystem changed", last)
				}
				base := 0
				if last > 0 {
					base = 4 - last
				}
				if last == 1 {
					if len(notes) != 1 || n.Descriptor.Digest != before.Descriptor.Digest {
						t.Errorf("--last 1: notes %q, digest %s", notes, n.Descriptor.Digest)
					}
					continue
				}
				if len(n.Layers) != base+1 || len(n.Config.RootFS.DiffIDs) != base+1 {
					t.Errorf("--last %d: %d layers, %d diffIDs", last, len(n.Layers), len(n.Config.RootFS.DiffIDs))
					continue
				}
				for i, l := range n.Layers[:base] {
					old := before.Layers[i]
					if diff := cmp.Diff(old, l); diff != "" {
						t.Errorf("--last %d: layer %d of the base (-before +after):\n%s", last, i, diff)
					}
				}
			}
		})
	}
}

// TestFlattenFixtures: what real tools wrote is flattened to the filesystems that
// are known.
func TestFlattenFixtures(t *testing.T) {
	t.Parallel()
	for _, f := range fixtureTrees {
		t.Run(f.archive+" "+strings.ReplaceAll(f.image, "/", "_"), func(t *testing.T) {
			t.Parallel()
			a := open(t, filepath.Join(fixtures, f.archive))
			for _, last := range []int{0, 2} {
				got, _ := flatten(t, convert.FlattenOptions{Last: last, Options: convert.Options{Images: []string{f.image}}}, a)
				have := exportTar(t, got, instance(t, got))
				if diff := cmp.Diff(sortedLines(knownTree(t, f.tree, f.lacks)), sortedLines(treeOf(t, have))); diff != "" {
					t.Errorf("--last %d (-known +got):\n%s", last, diff)
				}
			}
		})
	}
}

// TestFindLayer: which layer --from and --last mean.
func TestFindLayer(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, `
format oci
image fx:v1
  layer
    file a a
  layer
    file b b
  layer
    file a a
  layer
    file c c
  layer
    file d d
`))
	layers := instance(t, a).Layers
	digest := func(i int) string { return layers[i].Descriptor.Digest.String() }
	diffID := func(i int) string { return layers[i].DiffID.String() }
	hex := func(s string) string { return strings.TrimPrefix(s, "sha256:") }
	none, ambiguous := archive.ErrNotFound, archive.ErrUnsupported
	for _, tt := range []struct {
		name string
		opts convert.FlattenOptions
		want int // the lowest layer that is merged
		err  error
	}{
		{"all", convert.FlattenOptions{}, 0, nil},
		{"number 0", convert.FlattenOptions{From: "0"}, 0, nil},
		{"number", convert.FlattenOptions{From: "3"}, 3, nil},
		{"number with zeros", convert.FlattenOptions{From: "003"}, 3, nil},
		{"number too high", convert.FlattenOptions{From: "5"}, 0, none},
		{"negative number", convert.FlattenOptions{From: "-1"}, 0, none},
		{"digest", convert.FlattenOptions{From: digest(1)}, 1, nil},
		{"diffID", convert.FlattenOptions{From: diffID(1)}, 1, nil},
		{"digest without algorithm", convert.FlattenOptions{From: hex(digest(3))}, 3, nil},
		{"twelve digits", convert.FlattenOptions{From: hex(digest(3))[:12]}, 3, nil},
		{"twelve digits of a diffID", convert.FlattenOptions{From: hex(diffID(3))[:12]}, 3, nil},
		{"algorithm and twelve digits", convert.FlattenOptions{From: digest(3)[:19]}, 3, nil},
		{"eleven digits", convert.FlattenOptions{From: "x" + hex(digest(3))[:11]}, 0, none},
		{"algorithm and eleven digits", convert.FlattenOptions{From: digest(3)[:18]}, 0, none},
		{"more than a digest", convert.FlattenOptions{From: digest(3) + "0"}, 0, none},
		{"upper case", convert.FlattenOptions{From: strings.ToUpper(hex(digest(3)))}, 0, none},
		{"digest of two layers", convert.FlattenOptions{From: digest(0)}, 0, ambiguous},
		{"diffID of two layers", convert.FlattenOptions{From: diffID(2)}, 0, ambiguous},
		{"algorithm", convert.FlattenOptions{From: "sha256:"}, 0, none},
		{"word", convert.FlattenOptions{From: "base"}, 0, none},
		{"last 2", convert.FlattenOptions{Last: 2}, 3, nil},
		{"last all", convert.FlattenOptions{Last: 5}, 0, nil},
		{"last too many", convert.FlattenOptions{Last: 6}, 0, none},
		{"last negative", convert.FlattenOptions{Last: -1}, 0, archive.ErrUnsupported},
		{"both", convert.FlattenOptions{Last: 2, From: "3"}, 0, archive.ErrUnsupported},
		{"unknown history", convert.FlattenOptions{History: "all"}, 0, archive.ErrUnsupported},
	} {
		p, err := planFlatten(t, tt.opts, a)
		if tt.err != nil {
			if !errors.Is(err, tt.err) {
				t.Errorf("%s: NewFlatten = %v, want %v", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || len(p.Merges) != 1 || p.Merges[0].Base != tt.want {
			t.Errorf("%s: NewFlatten = %+v, %v, want the base %d", tt.name, p, err, tt.want)
		}
	}
}

// TestFindLayerDigits: twelve decimal digits are a digest, fewer a number.
func TestFindLayerDigits(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	for s, want := range map[string]string{
		"123456789012": `no layer "123456789012"`,
		"12345678901":  `no layer 12345678901`,
		"1e1":          `no layer "1e1"`,
	} {
		if _, err := planFlatten(t, convert.FlattenOptions{From: s}, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--from %s: %v, want %s", s, err, want)
		}
	}
}

// TestFlattenCompression: what the new layer is compressed with.
func TestFlattenCompression(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		layers string // the lowest first
		opts   convert.FlattenOptions
		want   codec.Setting
	}{
		{"gzip gzip", convert.FlattenOptions{}, codec.Setting{Compression: codec.Gzip}},
		{"gzip-members gzip", convert.FlattenOptions{}, codec.Setting{Compression: codec.Gzip}},
		{"plain plain", convert.FlattenOptions{}, codec.Setting{Compression: codec.None}},
		{"zstd zstd", convert.FlattenOptions{}, codec.Setting{Compression: codec.Zstd}},
		{"zstd zstd-frames", convert.FlattenOptions{}, codec.Setting{Compression: codec.Zstd}},
		{"xz xz", convert.FlattenOptions{}, codec.Setting{Compression: codec.Gzip}},
		{"plain gzip", convert.FlattenOptions{}, codec.Setting{Compression: codec.Gzip}},
		{"zstd plain", convert.FlattenOptions{}, codec.Setting{Compression: codec.Gzip}},
		{"plain zstd zstd", convert.FlattenOptions{Last: 2}, codec.Setting{Compression: codec.Zstd}},
		{"zstd plain plain", convert.FlattenOptions{From: "1"}, codec.Setting{Compression: codec.None}},
		{"zstd zstd", convert.FlattenOptions{Compress: codec.Setting{Compression: codec.None}}, codec.Setting{Compression: codec.None}},
		{"plain plain", convert.FlattenOptions{Compress: codec.Setting{Compression: codec.Zstd, Level: 7}}, codec.Setting{Compression: codec.Zstd, Level: 7}},
	} {
		listing := "format oci\nimage fx:v1\n"
		for i, compression := range strings.Fields(tt.layers) {
			listing += fmt.Sprintf("  layer %s\n    file f%d %d\n", compression, i, i)
		}
		p, err := planFlatten(t, tt.opts, open(t, build(t, listing)))
		if err != nil || len(p.Merges) != 1 {
			t.Errorf("%s: %+v, %v", tt.layers, p, err)
			continue
		}
		if got := p.Merges[0].Compress; got != tt.want {
			t.Errorf("%s, %+v: %v, want %v", tt.layers, tt.opts, got, tt.want)
		}
	}
}

// TestFlattenPlanIsPure: a plan reads no layer, and what cannot be written is an
// error before there is any work.
func TestFlattenPlanIsPure(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format docker-hybrid\nflip blob:layer:0:0 512"+listings["two images"]))
	dir := t.TempDir()
	p, err := convert.NewFlatten([]convert.Source{{Archive: a}}, ref.Ref{Transport: ref.OCI, Path: filepath.Join(dir, "out")}, convert.FlattenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("a plan writes %v", entries)
	}
	if len(p.Merges) != 1 || p.Merges[0].Size() <= 0 {
		t.Errorf("merges %+v, want one of two layers", p.Merges)
	}
	_, err = convert.NewFlatten([]convert.Source{{Archive: a}}, ref.Ref{Transport: ref.Dir, Path: filepath.Join(dir, "out")}, convert.FlattenOptions{})
	if !errors.Is(err, archive.ErrUnsupported) {
		t.Errorf("two images to a dir: folder: %v", err)
	}
	err = p.Run(context.Background(), convert.RunOptions{Stack: archive.StackOptions{TempDir: dir}})
	var wrong *archive.DigestError
	if !errors.As(err, &wrong) {
		t.Errorf("Run over a broken layer = %v, want a digest error", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("a run that fails leaves %v", entries)
	}
}

// TestFlattenSameBytes: the number of processors and of jobs does not show.
func TestFlattenSameBytes(t *testing.T) { // sets GOMAXPROCS: not parallel
	a := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    random big 3MiB\n  layer zstd\n    random other 2MiB\n    random small 10\n"))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, compression := range []codec.Compression{codec.None, codec.Gzip, codec.Zstd} {
		var first map[string]string
		for _, n := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(n)
			p, err := planFlatten(t, convert.FlattenOptions{Compress: codec.Setting{Compression: compression}}, a)
			if err != nil {
				t.Fatal(err)
			}
			err = p.Run(context.Background(), convert.RunOptions{
				WriteOptions: archive.WriteOptions{Jobs: n},
				Stack:        archive.StackOptions{Jobs: n, TempDir: t.TempDir()},
			})
			if err != nil {
				t.Fatal(err)
			}
			got := tree(t, p.Plan.To.Path)
			if first == nil {
				first = got
			} else if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%s: 1 and %d jobs give other bytes", compression, n)
			}
		}
	}
}

// TestFlattenCancelled leaves nothing.
func TestFlattenCancelled(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1"+files))
	p, err := planFlatten(t, convert.FlattenOptions{}, a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	read := 0
	err = p.Run(ctx, convert.RunOptions{Stack: archive.StackOptions{TempDir: dir, Progress: func(int64) {
		if read++; read == 3 {
			cancel()
		}
	}, Jobs: 1}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
	if _, err := os.Lstat(p.Plan.To.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("output: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	cancel()
}

// TestFlattenDiffIDs: a config that does not name each layer cannot keep
// some of them.
func TestFlattenDiffIDs(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1\n  config-field rootfs {\"type\":\"layers\",\"diff_ids\":[]}"+files+"  layer\n    file x x\n"))
	if _, err := planFlatten(t, convert.FlattenOptions{Last: 2}, a); !errors.Is(err, archive.ErrMalformed) {
		t.Errorf("--last 2 = %v, want %v", err, archive.ErrMalformed)
	}
	got, _ := flatten(t, convert.FlattenOptions{}, a)
	if n := instance(t, got); len(n.Config.RootFS.DiffIDs) != 1 || n.Layers[0].DiffID == "" {
		t.Errorf("diffIDs %v", n.Config.RootFS.DiffIDs)
	}
}
