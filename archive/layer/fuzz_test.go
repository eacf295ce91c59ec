package layer_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
)

// isLayerError reports an error that Merge is documented to give for a bad tar.
// Some of archive/tar's have no name.
func isLayerError(err error) bool {
	for _, kind := range []error{
		layer.ErrUnsafePath, layer.ErrTooLarge, layer.ErrMalformed, layer.ErrUnsupported, layer.ErrLoop,
		fs.ErrNotExist, tar.ErrHeader, tar.ErrFieldTooLong, io.ErrUnexpectedEOF, codec.ErrExpansion,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return strings.Contains(err.Error(), "archive/tar: ")
}

// FuzzMerge merges two plain tars. What can be merged can be exported, merges to
// the same again, and is the same from the first tar and the changes.
func FuzzMerge(f *testing.F) {
	for _, c := range allCases() {
		s := plainStack(f, stackOf(f, c.layers))
		if len(s.Layers) > 3 {
			continue
		}
		for i := range s.Layers {
			lower := []byte(nil)
			if i > 0 {
				lower = storedBytes(f, s.Layers[i-1])
			}
			f.Add(lower, storedBytes(f, s.Layers[i]))
		}
	}
	f.Add([]byte(nil), []byte(rawEntry(gnuMagic, 'S', "a", "data", field(atRealSize, octal(11, 0)))))
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		if len(lower)+len(upper) > 64<<10 {
			return // more bytes find nothing else
		}
		lower, upper = withSums(lower), withSums(upper)
		s := &layer.Stack{Layers: []layer.Layer{plainLayer("lower", lower), plainLayer("upper", upper)}, Temp: newMemory, MaxExpansion: 1}
		tree, err := s.Merge(t.Context(), layer.MergeOptions{})
		if err == nil && contentSize(t, tree) > 1<<20 {
			return // holes
		}
		base, tree, summed := s.MergeBase(t.Context(), 1, layer.MergeOptions{Sums: true})
		if err != nil && summed == nil {
			t.Fatalf("Merge = %v, and nothing with sums", err)
		}
		if err := cmp.Or(err, summed); err != nil {
			if !isLayerError(err) {
				t.Fatalf("Merge = %v, which is none of the documented errors", err)
			}
			return
		}
		raw := export(t, s, tree)
		checkOrder(t, raw)
		flat := merge(t, &layer.Stack{Layers: []layer.Layer{plainLayer("flat", raw)}})
		if err := layer.CheckEqual(tree, flat); err != nil {
			t.Fatal(err)
		}
		var changes bytes.Buffer
		if err := s.WriteChanges(t.Context(), &changes, base, tree); err != nil {
			t.Fatal(err)
		}
	})
}

// withSums mends the check sums of headers, which mutations break.
func withSums(tar []byte) []byte {
	out := slices.Clone(tar)
	for at := 0; at+512 <= len(out); {
		block := out[at : at+512]
		mendSum(block)
		size, err := strconv.ParseInt(strings.Trim(string(block[atSize:atTime]), " \x00"), 8, 64)
		if err != nil || size < 0 || size > int64(len(out)) {
			size = 0
		}
		at += 512 + int(size+511)/512*512
	}
	return out
}

func plainLayer(digest string, stored []byte) layer.Layer {
	l := storedLayer(stored)
	l.Digest, l.Compression = digest, codec.None
	return l
}

// contentSize is how much content a tree has.
func contentSize(t *testing.T, tree *layer.Tree) int64 {
	t.Helper()
	files, err := tree.Walk(".")
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for f := range files {
		if total += f.Size; total > 1<<40 {
			return total
		}
	}
	return total
}
