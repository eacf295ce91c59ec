package layer_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
)

// memoryVariable names the layer that [TestMemoryChild] merges.
const memoryVariable = "IMGTOOL_TEST_MEMORY_LAYER"

// TestMemory merges layers of many entries in a process of its own and looks at
// the most memory that was resident.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a layer of a million entries; skipped with -short")
	}
	tests := []struct {
		entries int
		limit   int64 // bytes
	}{
		{100_000, 64 << 20},
		{1_000_000, 512 << 20},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.entries), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "layer.tar.gz")
			writeManyEntries(t, file, tt.entries)
			c := exec.Command(os.Args[0], "-test.run=^TestMemoryChild$", "-test.v")
			c.Env = append(os.Environ(), memoryVariable+"="+file, "GOGC=", "GOMEMLIMIT=")
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, after, _ := strings.Cut(string(out), "VmHWM:")
			kib, _, _ := strings.Cut(strings.TrimSpace(after), " ")
			peak, err := strconv.ParseInt(kib, 10, 64)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			peak <<= 10
			t.Logf("%d entries: %d MiB resident at most", tt.entries, peak>>20)
			if !strings.Contains(string(out), fmt.Sprintf("paths: %d\n", tt.entries)) {
				t.Errorf("the tree has not %d paths:\n%s", tt.entries, out)
			}
			if peak > tt.limit {
				t.Errorf("%d entries: %d MiB resident at most, want %d", tt.entries, peak>>20, tt.limit>>20)
			}
		})
	}
}

// TestMemoryChild is what [TestMemory] starts.
func TestMemoryChild(t *testing.T) {
	file := os.Getenv(memoryVariable)
	if file == "" {
		return // it is no test of its own
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s := &layer.Stack{Layers: []layer.Layer{{
		Digest: "layer", Compression: codec.Gzip,
		Open: func() (layer.Blob, error) { return fileBlob{f, info.Size()}, nil },
	}}}
	tree, err := s.Merge(context.Background(), layer.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("paths: %d\n%s", tree.Len(), status)
}

type fileBlob struct {
	*os.File
	size int64
}

func (b fileBlob) Size() int64 { return b.size }
func (fileBlob) Close() error  { return nil }

// writeManyEntries writes a gzip layer of n entries, with names as they are in
// images: a folder and 49 files in it.
func writeManyEntries(t *testing.T, file string, n int) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for i := range n {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("usr-share-package-%05d/file-name-%07d.txt", i/50, i), Mode: 0o644, ModTime: listingTime}
		if i%50 == 0 {
			h.Typeflag, h.Name, h.Mode = tar.TypeDir, fmt.Sprintf("usr-share-package-%05d/", i/50), 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []interface{ Close() error }{w, z} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
