package cli_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgtool/imgtool/cli"
	"github.com/klauspost/compress/zstd"
)

// layerHeader is the beginning of a layer tar with one file of size bytes.
func layerHeader(t *testing.T, size int64) []byte {
	t.Helper()
	var layer bytes.Buffer
	if err := tar.NewWriter(&layer).WriteHeader(&tar.Header{Name: "big", Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	return layer.Bytes()
}

// writeHoleyArchive writes a docker-save archive of one layer, which begins with
// layer and has hole zero bytes behind, as a sparse file. Nothing is hashed: the
// diffID is a lie that listing does not look at.
func writeHoleyArchive(t *testing.T, path string, layer []byte, hole int64) {
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
	w := tar.NewWriter(file)
	for _, member := range []struct {
		name string
		data []byte
		hole int64
	}{
		{"config.json", config, 0}, {"manifest.json", manifest, 0}, {"layer.tar", layer, hole},
	} {
		if err := w.WriteHeader(&tar.Header{Name: member.name, Size: int64(len(member.data)) + member.hole, Mode: 0o644}); err != nil {
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
	if err := file.Truncate((end+hole+511)/512*512 + 1024); err != nil {
		t.Fatal(err)
	}
}

// TestBigPlainLayer: ls of a layer of 100 GiB is done at once, and cat of a file of
// 1 GiB takes no more memory than one of no size.
func TestBigPlainLayer(t *testing.T) {
	const memory = 64 << 20
	imgtool, dir := buildImgtool(t), t.TempDir()
	huge := filepath.Join(dir, "huge.tar")
	writeHoleyArchive(t, huge, layerHeader(t, 100<<30), 100<<30)
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
	writeHoleyArchive(t, big, layerHeader(t, size), size)
	counted := &countingWriter{}
	code, peak := measureTo(t, counted, imgtool, "cat", big, "/big")
	if code != 0 || counted.n != size {
		t.Errorf("cat of %d bytes: %d, exit code %d", int64(size), counted.n, code)
	}
	if peak > memory {
		t.Errorf("cat: %d MiB resident, want at most %d", peak>>20, memory>>20)
	}
}

type countingWriter struct{ n int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}

// TestLayerBomb: a layer that expands beyond all measure stops, and the message
// names the flag that lets it go on.
func TestLayerBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("expands a GiB")
	}
	const size = 1200 << 20
	var layer bytes.Buffer
	z, err := zstd.NewWriter(&layer)
	if err != nil {
		t.Fatal(err)
	}
	_, errHeader := z.Write(layerHeader(t, size))
	_, errContent := io.Copy(z, zeros(size+1024))
	if err := errors.Join(errHeader, errContent, z.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bomb.tar")
	writeHoleyArchive(t, path, layer.Bytes(), 0)
	for _, args := range [][]string{{"ls", path}, {"cat", path, "/big"}, {"ls", path, "--layer", "0", "-R"}} {
		code, _, stderr := run(cli.Env{}, args...)
		if code != 2 || !strings.Contains(stderr, "expands more than allowed") || !strings.HasSuffix(stderr, "raise --max-expansion\n") {
			t.Errorf("%v: code %d, stderr %q", args, code, stderr)
		}
	}
	code, stdout, stderr := run(cli.Env{}, "ls", path, "--max-expansion", "100000")
	if code != 0 || stdout != "big\n" || stderr != "" {
		t.Errorf("ls --max-expansion: code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
