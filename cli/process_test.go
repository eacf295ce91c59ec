//go:build linux

package cli_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/enginetest"
)

// These tests run imgtool as a process of its own, for what cannot be seen from
// inside: peak memory, kills, full disks.

// memoryBudget is DESIGN's promise for any size of layer, in bytes.
const memoryBudget = 256 << 20

// bigLayer is the size of the layer that the tests make on the fly.
const bigLayer = 2 << 30

// buildImgtool builds the command and gives its path.
func buildImgtool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "imgtool")
	build := exec.Command("go", "build", "-o", path, "./imgtool")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// zeros gives size zero bytes.
func zeros(size int64) io.Reader {
	return io.LimitReader(zeroReader{}, size)
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// writeBigArchive writes a docker-save archive of one layer of size zero bytes,
// as a sparse file, so that it costs no disk.
func writeBigArchive(t *testing.T, path string, size int64) {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, zeros(size)); err != nil {
		t.Fatal(err)
	}
	config := mustJSON(t, map[string]any{
		"architecture": "amd64", "os": "linux",
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sum.Sum(nil))}},
	})
	manifest := mustJSON(t, []map[string]any{{"Config": "config.json", "RepoTags": []string{"big:latest"}, "Layers": []string{"layer.tar"}}})
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := tar.NewWriter(file)
	for name, data := range map[string][]byte{"config.json": config, "manifest.json": manifest} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: "layer.tar", Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	end, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(end + size + 1024); err != nil {
		t.Fatal(err)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// peakMemory runs imgtool to its good end and gives its peak resident size in
// bytes.
func peakMemory(t *testing.T, imgtool string, args ...string) int64 {
	t.Helper()
	command := exec.Command(imgtool, args...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("imgtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return int64(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) << 10
}

func TestMemoryOfBigLayer(t *testing.T) {
	if testing.Short() {
		t.Skip("writes some GiB")
	}
	imgtool, dir := buildImgtool(t), t.TempDir()
	source := filepath.Join(dir, "big.tar")
	writeBigArchive(t, source, bigLayer)
	for _, form := range []string{"oci", "docker-archive", "oci-archive", "dir"} {
		out := filepath.Join(dir, form)
		peak := peakMemory(t, imgtool, "convert", source, form+":"+out)
		t.Logf("convert to %s: %d MiB resident", form, peak>>20)
		if peak > memoryBudget {
			t.Errorf("convert of a %d MiB layer to %s: %d MiB resident, want at most %d", bigLayer>>20, form, peak>>20, memoryBudget>>20)
		}
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
	if peak := peakMemory(t, imgtool, "inspect", source); peak > memoryBudget/4 {
		t.Errorf("inspect: %d MiB resident, want at most %d", peak>>20, memoryBudget/4>>20)
	}
}

// TestKilled ends convert at several moments with each signal. Nothing may stand
// under the output's name, and after a signal that can be caught nothing beside
// it either.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("writes some GiB")
	}
	imgtool, dir := buildImgtool(t), t.TempDir()
	source := filepath.Join(dir, "big.tar")
	writeBigArchive(t, source, bigLayer)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		for _, form := range []string{"oci", "docker-archive", "oci-archive", "dir"} {
			for _, after := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
				t.Run(fmt.Sprintf("%v %s %v", signal, form, after), func(t *testing.T) {
					killConvert(t, imgtool, source, form, signal, after)
				})
			}
		}
	}
}

func killConvert(t *testing.T, imgtool, source, form string, signal syscall.Signal, after time.Duration) {
	place := t.TempDir()
	out := filepath.Join(place, "out")
	command := exec.Command(imgtool, "convert", source, form+":"+out)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil {
		t.Fatal("convert ended well before the signal")
	}
	if _, err := os.Lstat(out); err == nil {
		t.Errorf("something stands under the name of the output")
	}
	left, err := os.ReadDir(place)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 && signal != syscall.SIGKILL && command.ProcessState.ExitCode() == 2 {
		t.Errorf("left behind: %v", left)
	}
	if code := command.ProcessState.ExitCode(); code == 2 && !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("stderr does not say that it was interrupted: %s", &stderr)
	}
}

// TestFullDisk writes to a file system that is too small.
func TestFullDisk(t *testing.T) {
	enginetest.Require(t, "unshare")
	imgtool, dir := buildImgtool(t), t.TempDir()
	source := filepath.Join(dir, "big.tar")
	writeBigArchive(t, source, 8<<20)
	for _, form := range []string{"oci", "docker-archive", "oci-archive", "dir"} {
		t.Run(form, func(t *testing.T) {
			place := t.TempDir()
			script := `exec 2>&1; mount -t tmpfs -o size=1m tmpfs "$1" && cd "$1" && "$2" convert "$3" "$4:out"; echo "exit $?"; ls -A`
			out := enginetest.Run(t, "unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", place, imgtool, source, form)
			text := string(out)
			if !strings.Contains(text, "no space left on device") || !strings.HasSuffix(text, "exit 2\n") {
				t.Errorf("want a message, exit 2 and an empty folder, got:\n%s", text)
			}
		})
	}
	t.Run("stdout", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		command := exec.Command(imgtool, "convert", source, "-")
		command.Stdout = full
		if _ = command.Run(); command.ProcessState.ExitCode() != 2 {
			t.Errorf("convert to a full device: exit %d, want 2", command.ProcessState.ExitCode())
		}
	})
}
