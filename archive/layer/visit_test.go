package layer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
)

const visitLayers = `
layer
  file b "b0"
  file a "a0"
  file gone "gone"
  file twice "first"
layer
  file twice "second"
  hardlink c a
  whiteout gone
  symlink link a
  dir d
layer
  file d/e "e2"
`

// visited gives what Visit tells of all files that want is true for, a word each.
func visited(t *testing.T, s *layer.Stack, want func(layer.File) bool) []string {
	t.Helper()
	var got []string
	err := s.Visit(t.Context(), mergeHeaders(t, s), want, func(f layer.File, content io.Reader) error {
		raw, err := io.ReadAll(content)
		_, random := content.(io.ReaderAt)
		got = append(got, fmt.Sprintf("%s=%s:%d:%t", f.Path, raw, f.Layer, random))
		return err
	})
	if err != nil {
		t.Fatalf("Visit: %v", err)
	}
	return got
}

// TestVisit: each file once, in the order of layers and their tars, of hardlinks
// the first that is wanted; what a layer above took away does not come.
func TestVisit(t *testing.T) {
	t.Parallel()
	everything := func(layer.File) bool { return true }
	gzipped := stackOf(t, visitLayers)
	plain := plainStack(t, gzipped)
	for _, c := range []struct {
		name  string
		stack *layer.Stack
		want  func(layer.File) bool
		words string
	}{
		{"everything", gzipped, everything, "b=b0:0:false a=a0:0:false twice=second:1:false d/e=e2:2:false"},
		{"everything, plain", plain, everything, "b=b0:0:true a=a0:0:true twice=second:1:true d/e=e2:2:true"},
		{"a link", gzipped, func(f layer.File) bool { return f.Path == "c" }, "c=a0:1:false"},
		{"nothing", gzipped, func(layer.File) bool { return false }, ""},
	} {
		if got := visited(t, c.stack, c.want); !slices.Equal(got, strings.Fields(c.words)) {
			t.Errorf("Visit of %s: %q, want %q", c.name, got, c.words)
		}
	}
}

// TestVisitReadsLittle: a layer is read to the last file that is wanted, a plain
// one for its headers; one without such a file is not opened.
func TestVisitReadsLittle(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	for compression, most := range map[codec.Compression]int64{codec.None: size + 1<<20, codec.Gzip: 3 * size} {
		s, blob, contents := contentStack(t, compression, size, "a", "b", "c", "d", "e", "f", "g", "h")
		tree := mergeHeaders(t, s)
		for name, limit := range map[string]int64{"b": most, "": 0} {
			blob.read.Store(0)
			err := s.Visit(t.Context(), tree, func(f layer.File) bool { return f.Path == name }, func(f layer.File, r io.Reader) error {
				if raw, err := io.ReadAll(r); err != nil || string(raw) != contents[name] {
					t.Errorf("Visit, %s: %d bytes of %q, %v", compression, len(raw), name, err)
				}
				return nil
			})
			if read := blob.read.Load(); err != nil || read > limit {
				t.Errorf("Visit of %q, %s, reads %d bytes, %v; want at most %d", name, compression, read, err, limit)
			}
		}
	}
}

// TestVisitFails: with what visit says, with a layer that is cut or another one,
// when it is cancelled.
func TestVisitFails(t *testing.T) {
	t.Parallel()
	everything := func(layer.File) bool { return true }
	read := func(_ layer.File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }
	for _, compression := range []codec.Compression{codec.None, codec.Gzip} {
		s, blob, _ := contentStack(t, compression, 700_000, "a", "b")
		tree := mergeHeaders(t, s)
		stop := errors.New("stop")
		if err := s.Visit(t.Context(), tree, everything, func(layer.File, io.Reader) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("Visit, %s, which stops: %v", compression, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Visit(ctx, tree, everything, read); !errors.Is(err, context.Canceled) {
			t.Errorf("Visit, %s, cancelled: %v", compression, err)
		}
		s.Layers[0].Open = func() (layer.Blob, error) { return cutBlob{blob}, nil }
		if err := s.Visit(t.Context(), tree, everything, read); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Visit, %s, of a cut layer: %v", compression, err)
		}
		other, _, _ := contentStack(t, compression, 10, "a")
		if err := other.Visit(t.Context(), tree, everything, read); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Visit, %s, of a layer that changed: %v", compression, err)
		}
	}
}

// cutBlob ends in the middle.
type cutBlob struct{ *countedBlob }

func (b cutBlob) Size() int64 { return b.countedBlob.Size() / 2 }

func (b cutBlob) ReadAt(p []byte, off int64) (int, error) {
	return io.NewSectionReader(b.countedBlob, 0, b.Size()).ReadAt(p, off)
}
