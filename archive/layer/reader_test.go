package layer_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/klauspost/compress/zstd"
)

// smallLayer has an entry of each kind, and content of several sizes.
const smallLayer = `
layer %s
  dir d mode=0700
  file d/a "hello"
  random d/r 700
  hardlink d/b d/a
  symlink s d/a
  whiteout gone
  file z "" xattr.user.x=1 mtime=1.5
`

// entriesOf reads a tar to its end, content too.
func entriesOf(r io.Reader) ([]string, error) {
	var entries []string
	lr := layer.NewReader(r)
	for {
		e, err := lr.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		content, err := io.ReadAll(lr)
		if err != nil {
			return entries, err
		}
		entries = append(entries, strings.Join([]string{e.Type.String(), e.Path, e.Link, string(content)}, " "))
	}
}

// TestReaderIO reads a layer through readers that give less than they are asked
// for, or errors early.
func TestReaderIO(t *testing.T) {
	t.Parallel()
	plain := storedBytes(t, plainStack(t, stackOf(t, strings.ReplaceAll(smallLayer, "%s", "gzip"))).Layers[0])
	want, err := entriesOf(bytes.NewReader(plain))
	if err != nil || len(want) != 7 {
		t.Fatalf("%d entries, %v, want 7", len(want), err)
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte":         iotest.OneByteReader,
		"half":             iotest.HalfReader,
		"data with errors": iotest.DataErrReader,
		"no seeker":        func(r io.Reader) io.Reader { return io.MultiReader(r) },
	} {
		got, err := entriesOf(wrap(bytes.NewReader(plain)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: entries (-want +got):\n%s", name, diff)
		}
	}
	broken := errors.New("broken")
	for n := range len(plain) - 1024 { // what comes behind the end marker is not read here
		cut := io.MultiReader(bytes.NewReader(plain[:n]), iotest.ErrReader(broken))
		if _, err := entriesOf(cut); !errors.Is(err, broken) {
			t.Fatalf("error behind %d bytes: %v, want it", n, err)
		}
		if _, err := entriesOf(iotest.TimeoutReader(bytes.NewReader(plain))); !errors.Is(err, iotest.ErrTimeout) {
			t.Fatalf("time-out: %v, want it", err)
		}
	}
}

func storedBytes(t testing.TB, l layer.Layer) []byte {
	t.Helper()
	b, err := l.Open()
	if err != nil {
		t.Fatal(err)
	}
	stored, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// TestTruncated cuts layers at every byte. What is compressed never gives a tree
// then. A plain tar may end at any entry.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for _, compression := range []string{"plain", "gzip", "gzip-members", "zstd", "xz"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			stored := storedBytes(t, stackOf(t, strings.ReplaceAll(smallLayer, "%s", compression)).Layers[0])
			if _, err := mergeCut(stored, len(stored)); err != nil {
				t.Fatal(err)
			}
			first := 0
			if compression == "zstd" {
				first = 1 // a stream of no frames is empty, and found to be plain
			}
			for n := first; n < len(stored); n++ {
				tree, err := mergeCut(stored, n)
				switch {
				case err == nil && compression != "plain":
					t.Errorf("%d bytes of %d: a tree of %d paths", n, len(stored), tree.Len())
				case err != nil && !isReadError(err):
					t.Errorf("%d bytes of %d: %v, which is none of the documented errors", n, len(stored), err)
				}
			}
		})
	}
}

// mergeCut merges the first n bytes of a stored layer.
func mergeCut(stored []byte, n int) (*layer.Tree, error) {
	whole := storedLayer(stored)
	cut := storedLayer(stored[:n])
	cut.Compression = whole.Compression
	s := &layer.Stack{Layers: []layer.Layer{cut}}
	return s.Merge(noContext, layer.MergeOptions{Sums: true})
}

// TestDamaged inverts bits of compressed layers, which their check sums notice.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, compression := range []string{"gzip", "zstd", "xz"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			stored := storedBytes(t, stackOf(t, strings.ReplaceAll(smallLayer, "%s", compression)).Layers[0])
			whole, err := mergeCut(stored, len(stored))
			if err != nil {
				t.Fatal(err)
			}
			for at := range stored {
				damaged := slices.Clone(stored)
				damaged[at] ^= 0x10
				s := &layer.Stack{Layers: []layer.Layer{storedLayer(damaged)}}
				s.Layers[0].Compression = codec.Detect(stored)
				tree, err := s.Merge(noContext, layer.MergeOptions{Sums: true})
				if err == nil && layer.CheckEqual(whole, tree) != nil {
					t.Errorf("byte %d of %d damaged: another tree", at, len(stored))
				}
			}
		})
	}
}

// isReadError reports errors that reading a layer may end with: those of this
// package, of tars, of compressions, and of files.
func isReadError(err error) bool {
	return isLayerError(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, fs.ErrInvalid) ||
		errors.Is(err, zstd.ErrMagicMismatch) || strings.Contains(err.Error(), "read gzip stream") ||
		strings.Contains(err.Error(), "read xz stream") || strings.Contains(err.Error(), "read zstd stream")
}
