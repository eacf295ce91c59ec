package cli_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// writeHoleyArchive writes a docker-save archive of one plain layer with one file
// of size zero bytes, as a sparse file, without hashing anything: the diffID is a
// lie that listing does not look at.
func writeHoleyArchive(t *testing.T, path string, size int64) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	config := mustJSON(t, map[string]any{
		"architecture": "amd64", "os": "linux",
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + strings.Repeat("0", 64)}},
	})
	manifest := mustJSON(t, []map[string]any{{"Config": "config.json", "RepoTags": []string{"big:latest"}, "Layers": []string{"layer.tar"}}})
	var layer bytes.Buffer
	if err := tar.NewWriter(&layer).WriteHeader(&tar.Header{Name: "big", Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	for _, member := range []struct {
		name string
		data []byte
		size int64
	}{
		{"config.json", config, int64(len(config))}, {"manifest.json", manifest, int64(len(manifest))},
		{"layer.tar", layer.Bytes(), int64(layer.Len()) + size + 1024},
	} {
		if err := w.WriteHeader(&tar.Header{Name: member.name, Size: member.size, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(member.data); err != nil {
			t.Fatal(err)
		}
	}
	end, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(end + size + 2048); err != nil {
		t.Fatal(err)
	}
}

// TestBigPlainLayer: ls of a layer of 100 GiB is done at once, and cat of a file of
// 1 GiB takes no more memory than one of no size.
func TestBigPlainLayer(t *testing.T) {
	const memory = 64 << 20
	imgtool, dir := buildImgtool(t), t.TempDir()
	huge := filepath.Join(dir, "huge.tar")
	writeHoleyArchive(t, huge, 100<<30)
	begin := time.Now()
	if peak := peakMemory(t, imgtool, "ls", "-l", huge); peak > memory {
		t.Errorf("ls: %d MiB resident, want at most %d", peak>>20, memory>>20)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("ls of a plain layer of 100 GiB took %v", took)
	}
	if testing.Short() {
		return
	}
	const size = 1 << 30
	big := filepath.Join(dir, "big.tar")
	writeHoleyArchive(t, big, size)
	command := exec.Command(imgtool, "cat", big, "/big")
	counted := &countingWriter{}
	command.Stdout = counted
	if err := command.Run(); err != nil || counted.n != size {
		t.Errorf("cat of %d bytes: %d, %v", int64(size), counted.n, err)
	}
	if peak := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10; int64(peak) > memory {
		t.Errorf("cat: %d MiB resident, want at most %d", peak>>20, memory>>20)
	}
}

type countingWriter struct{ n int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}
