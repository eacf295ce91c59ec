package layer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
)

var noContext = context.Background()

// watched counts what a stack has open.
type watched struct {
	*layer.Stack
	blobs, mostBlobs, temps, allTemps atomic.Int32
}

// watch makes s count.
func watch(s *layer.Stack) *watched {
	w := &watched{Stack: s}
	for i, l := range s.Layers {
		open := l.Open
		s.Layers[i].Open = func() (layer.Blob, error) {
			b, err := open()
			if err != nil {
				return nil, err
			}
			w.mostBlobs.Store(max(w.mostBlobs.Load(), w.blobs.Add(1)))
			return watchedBlob{b, &w.blobs}, nil
		}
	}
	s.Temp = func() (layer.TempFile, error) {
		w.temps.Add(1)
		w.allTemps.Add(1)
		return watchedTemp{&memory{}, &w.temps}, nil
	}
	return w
}

type watchedBlob struct {
	layer.Blob
	n *atomic.Int32
}

func (b watchedBlob) Close() error {
	b.n.Add(-1)
	return b.Blob.Close()
}

type watchedTemp struct {
	*memory
	n *atomic.Int32
}

func (m watchedTemp) Close() error {
	m.n.Add(-1)
	return nil
}

// checkClosed fails where something is open.
func (w *watched) checkClosed(t *testing.T, after string) {
	t.Helper()
	if blobs, temps := w.blobs.Load(), w.temps.Load(); blobs != 0 || temps != 0 {
		t.Errorf("after %s: %d blobs and %d temporary files are open", after, blobs, temps)
	}
}

// TestSpill exports a layer whose order is not that of paths.
func TestSpill(t *testing.T) {
	t.Parallel()
	const sorted = "layer\n  file a 1\n  file b 2\n  file c 3\n"
	const reversed = "layer\n  file c 3\n  file b 2\n  file a 1\n"
	want := []string{`file a "1"`, `file b "2"`, `file c "3"`}
	tests := []struct {
		name, layers string
		temp         bool // needs a temporary file
	}{
		{"in order", sorted, false},
		{"in order, others in between", "layer\n  file a 1\n  file x 0\n  file b 2\n  file c 3\nlayer\n  whiteout x\n", false},
		{"reversed", reversed, true},
		{"reversed and plain", strings.ReplaceAll(reversed, "layer", "layer plain"), false},
		{"reversed without content", "layer\n  file c \"\"\n  file b \"\"\n  file a \"\"\n", false},
		{"reversed, but for what is gone", "layer\n  file b x\n  file a 1\nlayer\n  file b 2\n  file c 3\n", false},
		{"under the name of a hardlink", "layer\n  file b 2\n  file c 3\n  hardlink a b\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := watch(stackOf(t, tt.layers))
			tree := merge(t, w.Stack)
			tar := export(t, w.Stack, tree)
			if tt.layers == reversed {
				if diff := strings.Join(view{}.lines(tarItems(t, bytes.NewReader(tar))), "\n"); diff != strings.Join(want, "\n") {
					t.Errorf("exported:\n%s", diff)
				}
			}
			if used := w.allTemps.Load() > 0; used != tt.temp {
				t.Errorf("a temporary file was used: %v, want %v", used, tt.temp)
			}
			w.checkClosed(t, "Export")
			w.Temp = nil
			err := w.Export(noContext, io.Discard, tree)
			if (err != nil) != tt.temp || err != nil && !strings.Contains(err.Error(), "temporary file") {
				t.Errorf("Export without a temporary file = %v", err)
			}
			w.checkClosed(t, "an Export that fails")
		})
	}
}

// TestManyCursors exports images that need more layers at once than are read side
// by side.
func TestManyCursors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		compression  string
		layers, most int
	}{
		{"gzip", 64, 64},
		{"gzip", 70, 64},
		{"zstd", 8, 8},
		{"zstd", 12, 8},
		{"xz", 10, 8},
		{"plain", 100, 100},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.layers, " ", tt.compression), func(t *testing.T) {
			t.Parallel()
			var layers strings.Builder
			var want []string
			for _, name := range []string{"a", "b", "c"} {
				for i := range tt.layers {
					want = append(want, fmt.Sprintf(`file %s%03d "%s%d"`, name, i, name, i))
				}
			}
			for i := range tt.layers {
				fmt.Fprintf(&layers, "layer %s\n  file a%03d a%d\n  file b%03d b%d\n  file c%03d c%d\n", tt.compression, i, i, i, i, i, i)
			}
			w := watch(stackOf(t, layers.String()))
			tree := merge(t, w.Stack)
			w.mostBlobs.Store(0)
			got := view{}.lines(tarItems(t, bytes.NewReader(export(t, w.Stack, tree))))
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("exported:\n%s", strings.Join(got, "\n"))
			}
			if most := int(w.mostBlobs.Load()); most != tt.most {
				t.Errorf("%d layers were open at once, want %d", most, tt.most)
			}
			if used := w.allTemps.Load() > 0; used != (tt.layers > tt.most) {
				t.Errorf("a temporary file was used: %v", used)
			}
			w.checkClosed(t, "Export")
		})
	}
}

// TestChangedBetween lets a layer change between Merge and Export.
func TestChangedBetween(t *testing.T) {
	t.Parallel()
	const before = "layer %s\n  file a hello\n  random b 600\n  file c world\n"
	tests := []struct{ name, after string }{
		{"shorter", "layer %s\n  file a hello\n"},
		{"without entries", "layer %s\n"},
		{"a file is longer", "layer %s\n  file a hello!\n  random b 600\n  file c world\n"},
		{"a file is shorter", "layer %s\n  file a hell\n  random b 600\n  file c world\n"},
		{"a file is a folder", "layer %s\n  dir a\n  random b 600\n  file c world\n"},
		{"no tar", "layer %s no-end\n  raw \"" + strings.Repeat("x", 4096) + "\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := watch(stackOf(t, strings.ReplaceAll(before, "%s", "gzip")))
			tree := merge(t, w.Stack)
			w.Layers[0].Open = stackOf(t, strings.ReplaceAll(tt.after, "%s", "gzip")).Layers[0].Open
			if err := w.Export(noContext, io.Discard, tree); err == nil {
				t.Error("Export succeeds")
			}
			w.checkClosed(t, "an Export that fails")
		})
	}
	plain := stackOf(t, strings.ReplaceAll(before, "%s", "plain"))
	tree := merge(t, plain)
	stored := storedBytes(t, plain.Layers[0])
	plain.Layers[0].Open = storedLayer(stored[:1000]).Open
	if err := plain.Export(noContext, io.Discard, tree); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Export of a plain layer that became shorter = %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

// stoppingBlob does something at one reading.
type stoppingBlob struct {
	layer.Blob
	left *atomic.Int32
	act  func() error
}

func (b stoppingBlob) ReadAt(p []byte, off int64) (int, error) {
	if b.left.Add(-1) == 0 {
		if err := b.act(); err != nil {
			return 0, err
		}
	}
	return b.Blob.ReadAt(p, off)
}

// bigStack has content that takes many reads, some of it spilled.
func bigStack(t *testing.T) *layer.Stack {
	t.Helper()
	return stackOf(t, `
layer
  random a 1MiB
  random z 1MiB
  random y 1MiB
layer zstd
  random c 1MiB
  random x 1MiB
layer plain
  random b 1MiB
  random d 1MiB
`)
}

// stoppingStack is s, but for what act does at reading n.
func stoppingStack(s *layer.Stack, n int32, act func() error) *layer.Stack {
	left := &atomic.Int32{}
	left.Store(n)
	out := &layer.Stack{}
	for _, l := range s.Layers {
		open := l.Open
		l.Open = func() (layer.Blob, error) {
			b, err := open()
			return stoppingBlob{b, left, act}, err
		}
		out.Layers = append(out.Layers, l)
	}
	return out
}

// TestStops: whatever ends a merge or an export, by cancellation or by an error of
// a blob, of the output or of a temporary file, it says so, closes everything and
// leaves no goroutine. It counts goroutines, so it is not parallel.
func TestStops(t *testing.T) {
	broken := errors.New("broken")
	whole := bigStack(t)
	tree := merge(t, whole)
	before := runtime.NumGoroutine()
	check := func(name string, w *watched, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		w.checkClosed(t, name)
		for range 200 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatalf("%s: %d goroutines, %d before", name, runtime.NumGoroutine(), before)
	}
	for n := int32(1); n < 30; n += 3 {
		for _, cancelled := range []bool{true, false} {
			for name, run := range map[string]func(context.Context, *layer.Stack) error{
				"Merge": func(ctx context.Context, s *layer.Stack) error {
					_, err := s.Merge(ctx, layer.MergeOptions{Sums: true})
					return err
				},
				"Export": func(ctx context.Context, s *layer.Stack) error { return s.Export(ctx, io.Discard, tree) },
			} {
				ctx, cancel := context.WithCancel(t.Context())
				want, act := broken, func() error { return broken }
				if cancelled {
					want, act = context.Canceled, func() error { cancel(); return nil }
				}
				w := watch(stoppingStack(whole, n, act))
				check(fmt.Sprintf("%s, cancelled %v at read %d", name, cancelled, n), w, run(ctx, w.Stack), want)
				cancel()
			}
		}
	}
	for n := 0; n < 7<<20; n += 300_001 {
		w := watch(&layer.Stack{Layers: slices.Clone(whole.Layers)})
		err := w.Export(t.Context(), &failAfter{n, broken}, tree)
		check(fmt.Sprintf("Export to a writer that fails at byte %d", n), w, err, broken)
	}
	w := watch(&layer.Stack{Layers: slices.Clone(whole.Layers)})
	w.Temp = func() (layer.TempFile, error) { return nil, broken }
	check("Export without room", w, w.Export(t.Context(), io.Discard, tree), broken)
	w.Temp = func() (layer.TempFile, error) { return &brokenTemp{}, nil }
	check("Export to a full disk", w, w.Export(t.Context(), io.Discard, tree), errTemp)
	w.Layers[1].Open = func() (layer.Blob, error) { return nil, broken }
	_, err := w.Merge(t.Context(), layer.MergeOptions{})
	check("Merge of a layer that does not open", w, err, broken)
	w.Layers[1] = whole.Layers[1]
	w.Layers[1].Check = func(context.Context) error { return broken }
	_, err = w.Merge(t.Context(), layer.MergeOptions{})
	check("Merge of a layer that is not what it should be", w, err, broken)
}

// failAfter fails once it has taken n bytes.
type failAfter struct {
	n   int
	err error
}

func (f *failAfter) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, f.err
	}
	return len(p), nil
}

var errTemp = errors.New("no space")

type brokenTemp struct{ memory }

func (*brokenTemp) WriteAt([]byte, int64) (int, error) { return 0, errTemp }

// TestReadOnce: a layer that stands twice is read once, in a merge and in an
// export, and applied twice.
func TestReadOnce(t *testing.T) {
	t.Parallel()
	s := stackOf(t, "layer\n  file a 1\n  file b 1\nlayer\n  file a 2\nlayer\n  file a 1\n  file b 1\n")
	opened := map[string]*atomic.Int32{}
	for i, l := range s.Layers {
		if opened[l.Digest] == nil {
			opened[l.Digest] = &atomic.Int32{}
		}
		open := l.Open
		s.Layers[i].Open = func() (layer.Blob, error) {
			opened[l.Digest].Add(1)
			return open()
		}
	}
	tree := merge(t, s)
	for digest, n := range opened {
		if n.Swap(0) != 1 {
			t.Errorf("Merge opens layer %s %d times, want once", digest, n.Load())
		}
	}
	export(t, s, tree)
	for digest, n := range opened {
		if n.Load() > 1 {
			t.Errorf("Export opens layer %s %d times, want once at most", digest, n.Load())
		}
	}
	if f, err := tree.Stat("a"); err != nil || f.Layer != 2 || f.Origin.Layer != 0 {
		t.Errorf("a is of layer %d, read in layer %d, %v; want 2, 0", f.Layer, f.Origin.Layer, err)
	}
}

// TestOrigin: of plain layers, files can be found again by their offset.
func TestOrigin(t *testing.T) {
	t.Parallel()
	s := stackOf(t, "layer plain\n  file a hello\n  dir d\n  file d/b world\n")
	tree := merge(t, s)
	stored := storedBytes(t, s.Layers[0])
	for name, want := range map[string]string{"a": "hello", "d/b": "world"} {
		f, err := tree.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(stored[f.Origin.Offset:][:f.Size]); got != want || codec.Detect(stored) != codec.None {
			t.Errorf("content of %s at offset %d = %q, want %q", name, f.Origin.Offset, got, want)
		}
	}
}
