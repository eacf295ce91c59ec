package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
)

// countedBlob counts the bytes that are read of it.
type countedBlob struct {
	*bytes.Reader
	read atomic.Int64
}

func (b *countedBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Reader.ReadAt(p, off)
	b.read.Add(int64(n))
	return n, err
}

func (b *countedBlob) Close() error { return nil }

// contentStack is a stack of one layer with files of random content of size bytes.
func contentStack(t *testing.T, compression codec.Compression, size int, names ...string) (*layer.Stack, *countedBlob, map[string]string) {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = nopCloser{&out}
	if compression == codec.Gzip {
		w = gzip.NewWriter(&out)
	}
	tw := tar.NewWriter(w)
	contents := map[string]string{}
	random := rand.NewChaCha8([32]byte{})
	for _, name := range names {
		content := make([]byte, size)
		random.Read(content)
		contents[name] = string(content)
		if err := tw.WriteHeader(&tar.Header{Name: name, Size: int64(size), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	blob := &countedBlob{Reader: bytes.NewReader(out.Bytes())}
	s := &layer.Stack{
		Layers: []layer.Layer{{Digest: "one", Compression: compression, Open: func() (layer.Blob, error) { return blob, nil }}},
		Temp:   newMemory,
	}
	return s, blob, contents
}

// mergeHeaders merges without sums of content.
func mergeHeaders(t *testing.T, s *layer.Stack) *layer.Tree {
	t.Helper()
	tree, err := s.Merge(t.Context(), layer.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// TestContent: files come in the order in which they are asked for, again too, out
// of every kind of layer.
func TestContent(t *testing.T) {
	t.Parallel()
	for _, compression := range []codec.Compression{codec.None, codec.Gzip} {
		s, _, contents := contentStack(t, compression, 700_000, "a", "b", "c", "d")
		tree := mergeHeaders(t, s)
		for _, order := range []string{"", "a", "d", "a b c d", "d c b a", "b b", "a c a b c d d", "c a"} {
			var files []layer.File
			want := ""
			for _, name := range strings.Fields(order) {
				f, err := tree.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				files, want = append(files, f), want+contents[name]
			}
			var got strings.Builder
			if err := s.Content(t.Context(), &got, files...); err != nil || got.String() != want {
				t.Errorf("Content of %q, %s: %d bytes, %v; want %d bytes", order, compression, got.Len(), err, len(want))
			}
		}
	}
}

// TestContentReadsLittle: a plain layer is read for its headers and for what is
// asked for, a compressed one to the end of that.
func TestContentReadsLittle(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"}
	s, blob, contents := contentStack(t, codec.None, size, names...)
	tree := mergeHeaders(t, s)
	if read := blob.read.Load(); read > blob.Size()/100 {
		t.Errorf("merging a plain layer of %d bytes reads %d, want less than 1 %%", blob.Size(), read)
	}
	file, err := tree.Stat("n")
	if err != nil {
		t.Fatal(err)
	}
	blob.read.Store(0)
	var got strings.Builder
	if err := s.Content(t.Context(), &got, file); err != nil || got.String() != contents["n"] || blob.read.Load() != size {
		t.Errorf("Content of a plain layer reads %d bytes, %v; want %d", blob.read.Load(), err, size)
	}

	s, blob, contents = contentStack(t, codec.Gzip, size, names[:8]...)
	tree = mergeHeaders(t, s)
	if file, err = tree.Stat("b"); err != nil {
		t.Fatal(err)
	}
	blob.read.Store(0)
	got.Reset()
	if err := s.Content(t.Context(), &got, file); err != nil || got.String() != contents["b"] || blob.read.Load() > blob.Size()/2 {
		t.Errorf("Content of file 2 of 8 in a gzip layer of %d bytes reads %d, %v; want less than half", blob.Size(), blob.read.Load(), err)
	}
}

// TestContentFails: with what is no file, with an output that fails, with a layer
// that is cut, when it is cancelled, and when there is no temporary file.
func TestContentFails(t *testing.T) {
	t.Parallel()
	for _, compression := range []codec.Compression{codec.None, codec.Gzip} {
		s, blob, _ := contentStack(t, compression, 700_000, "a", "b")
		tree := mergeHeaders(t, s)
		root, err := tree.Stat("/")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Content(t.Context(), io.Discard, root); err == nil || !strings.Contains(err.Error(), "it is a dir, not a file") {
			t.Errorf("Content of a folder: %v", err)
		}
		a, errA := tree.Stat("a")
		b, errB := tree.Stat("b")
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Content(ctx, io.Discard, a); !errors.Is(err, context.Canceled) {
			t.Errorf("Content of a %s layer, cancelled: %v", compression, err)
		}
		full := errors.New("full")
		if err := s.Content(t.Context(), failingWriter{full}, a); !errors.Is(err, full) {
			t.Errorf("Content of a %s layer to a writer that fails: %v", compression, err)
		}
		s.Temp = nil
		if err := s.Content(t.Context(), io.Discard, b, a); (err != nil) != (compression == codec.Gzip) {
			t.Errorf("Content of a %s layer in another order without a temporary file: %v", compression, err)
		}
		whole := make([]byte, blob.Size()*2/3)
		if _, err := blob.Reader.ReadAt(whole, 0); err != nil {
			t.Fatal(err)
		}
		blob.Reader = bytes.NewReader(whole)
		if err := s.Content(t.Context(), io.Discard, b); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), `"b": `) {
			t.Errorf("Content of a %s layer that was cut: %v", compression, err)
		}
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
