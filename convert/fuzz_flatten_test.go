package convert_test

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/imgtool/imgtool/inspect/verify"
)

// FuzzFlatten flattens an image whose layers are any bytes. The filesystem stays
// what it is and so do the layers below, verify finds nothing in the result that it
// does not find before, and two runs give the same bytes. How chooses which layers
// are merged and what with.
func FuzzFlatten(f *testing.F) {
	f.Add(flattenSeed(f, "  layer plain\n    file a a\n"), flattenSeed(f, "  layer plain\n    whiteout a\n    hardlink b c\n"), flattenSeed(f, "  layer plain\n    dir d\n    file d/a 1\n"), uint8(0))
	f.Add(flattenSeed(f, "  layer plain\n    dir d\n    file d/a 1\n    symlink l d\n"), flattenSeed(f, "  layer plain\n    opaque d\n    file l/b 2\n"), []byte(nil), uint8(2))
	f.Add(flattenSeed(f, "  layer gzip\n    file a 1\n    hardlink b a\n    char c 1 3\n"), flattenSeed(f, "  layer zstd\n    whiteout b\n    file a 2 mode=4755 xattr.user.k=v\n"), flattenSeed(f, "  layer xz\n    fifo f\n    symlink a b\n"), uint8(7))
	f.Fuzz(func(t *testing.T, lower, middle, upper []byte, how uint8) {
		if len(lower)+len(middle)+len(upper) > 64<<10 {
			return // more bytes find nothing else
		}
		checkFlattened(t, openLayers(t, lower, middle, upper), how)
	})
}

// FuzzFlattenImage flattens archives that are legal and odd.
func FuzzFlattenImage(f *testing.F) {
	for _, seed := range strangeSeeds {
		f.Add([]byte(seed), uint8(len(seed)))
	}
	f.Fuzz(func(t *testing.T, data []byte, how uint8) {
		if a, ok := openStrange(t, data); ok {
			checkFlattened(t, a, how)
		}
	})
}

// flattenSeed gives the stored bytes of a layer.
func flattenSeed(f *testing.F, layer string) []byte {
	f.Helper()
	a := open(f, build(f, "format oci\nimage fx:v1\n"+layer))
	d := instance(f, a).Layers[0].Descriptor.Digest
	raw, err := os.ReadFile(a.Path + "/blobs/sha256/" + d.Encoded())
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

// openLayers opens an image of layers that are those bytes, stored as they are.
func openLayers(t *testing.T, layers ...[]byte) *archive.Archive {
	t.Helper()
	listing := "format oci-archive\nimage fx:v1\n"
	for _, raw := range layers {
		listing += "  layer plain no-end\n    raw " + strconv.Quote(string(raw)) + "\n"
	}
	return open(t, build(t, listing))
}

// checkFlattened flattens a as how says.
func checkFlattened(t *testing.T, a *archive.Archive, how uint8) {
	t.Helper()
	opts := convert.FlattenOptions{
		Compress: codec.Setting{Compression: []codec.Compression{"", codec.None, codec.Zstd, codec.Gzip}[how/8%4]},
		History:  []convert.HistoryPolicy{convert.HistoryMerge, convert.HistoryDrop}[how/32%2],
	}
	if how%8 < 5 {
		opts.Last = int(how % 8)
	} else {
		opts.From = strconv.Itoa(int(how%8) - 5)
	}
	first, raw, err := flattened(t, a, opts, 1)
	if err != nil {
		checkTyped(t, err)
		return
	}
	_, again, err := flattened(t, a, opts, 4)
	if err != nil {
		t.Fatalf("flattened once and not again: %v", err)
	}
	if diff := cmp.Diff(raw, again); diff != "" {
		t.Errorf("two runs give other bytes (-first +second):\n%s", diff)
	}
	checkTrees(t, a, first)
	checkNothingNew(t, a, first)
}

func flattened(t *testing.T, a *archive.Archive, opts convert.FlattenOptions, jobs int) (*archive.Archive, map[string]string, error) {
	t.Helper()
	p, err := convert.NewFlatten([]convert.Source{{Archive: a}}, place(t, ref.OCIArchive), opts)
	if err != nil {
		return nil, nil, err
	}
	return wrote(t, p.Plan.To, func(w archive.WriteOptions) error {
		w.Jobs = jobs
		return p.Run(t.Context(), convert.RunOptions{WriteOptions: w, Stack: archive.StackOptions{MaxExpansion: 1, TempDir: t.TempDir(), Jobs: jobs}})
	})
}

// checkTrees compares the filesystems of the images of a with those of b, in order.
func checkTrees(t *testing.T, a, b *archive.Archive) {
	t.Helper()
	before, after := instances(a), instances(b)
	if len(before) != len(after) {
		t.Fatalf("%d images become %d", len(before), len(after))
	}
	for i := range before {
		want, err := exported(t, a, before[i])
		if err != nil {
			continue // it lacks a layer and stays as it is
		}
		got, err := exported(t, b, after[i])
		if err != nil {
			t.Errorf("image %d has no filesystem any more: %v", i, err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("image %d has another filesystem", i)
		}
	}
}

func instances(a *archive.Archive) []*archive.Node {
	var all []*archive.Node
	for _, image := range distinct(a) {
		all = append(all, archive.Instances(image.Node)...)
	}
	return all
}

func exported(t *testing.T, a *archive.Archive, n *archive.Node) ([]byte, error) {
	t.Helper()
	rootfs, err := convert.NewRootfs(a, n, archive.StackOptions{MaxExpansion: 1, TempDir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = rootfs.Export(t.Context(), ref.Stdio, archive.WriteOptions{Stdout: &out})
	return out.Bytes(), err
}

// checkNothingNew: verify finds no kind of error or warning in b that is not in a,
// but for zstd, which was asked for.
func checkNothingNew(t *testing.T, a, b *archive.Archive) {
	t.Helper()
	before := rulesBroken(t, a)
	for rule, finding := range rulesBroken(t, b) {
		if _, known := before[rule]; !known && rule != verify.LoadZstd {
			t.Errorf("verify finds %s: %s, and not before: %v", rule, finding, before)
		}
	}
}

// rulesBroken gives a finding of each rule that a breaks.
func rulesBroken(t *testing.T, a *archive.Archive) map[string]string {
	t.Helper()
	report, err := verify.Archive(t.Context(), a, a.Images, verify.Options{Jobs: 1, MaxExpansion: 1})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	broken := map[string]string{}
	for _, f := range slices.Backward(report.Findings) {
		if f.Severity >= verify.Warning {
			broken[f.Rule] = f.String()
		}
	}
	return broken
}
