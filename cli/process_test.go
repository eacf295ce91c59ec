//go:build linux

package cli_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
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
	return buildCommand(t, "./imgtool")
}

func buildCommand(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(folder))
	build := exec.Command("go", "build", "-o", path, folder)
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

// blockSize is what the compressed layers that the tests make are repeated of.
const blockSize = 16 << 20

// writeGzipLayout writes an OCI layout of a small gzip layer under one with a file
// of size bytes that compress about 60 to 1, less than the guard against bombs
// stops. Each block of it is a member of the gzip file, so that it is compressed
// once.
func writeGzipLayout(t *testing.T, path string, size int64) {
	t.Helper()
	l := newHandLayout(t, path)
	block := make([]byte, blockSize)
	random := rand.NewChaCha8([32]byte{})
	for i := 0; i < len(block); i += 512 {
		_, _ = random.Read(block[i : i+6]) // never fails
	}
	member := gzipMember(t, block)
	big := gzipMember(t, tarHeaderBlock(t, "big", size))
	for range size / blockSize {
		big = append(big, member...)
	}
	big = append(big, gzipMember(t, make([]byte, 1024))...)
	small := gzipMember(t, append(tarHeaderBlock(t, "small", 0), make([]byte, 1024)...))

	zero := "sha256:" + strings.Repeat("0", 64) // nothing here looks at diffIDs
	config := l.put(t, "application/vnd.oci.image.config.v1+json", mustJSON(t, map[string]any{
		"architecture": "amd64", "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": []string{zero, zero}},
	}))
	l.finish(t, l.put(t, "application/vnd.oci.image.manifest.v1+json", mustJSON(t, map[string]any{
		"schemaVersion": 2, "config": config, "layers": []any{l.put(t, gzipLayer, small), l.put(t, gzipLayer, big)},
	})))
}

func gzipMember(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarHeaderBlock(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// peakMemory runs imgtool to its good end and gives its peak resident size in
// bytes.
func peakMemory(t *testing.T, imgtool string, args ...string) int64 {
	t.Helper()
	code, out, peak := measure(t, imgtool, args...)
	if code != 0 {
		t.Fatalf("imgtool %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return peak
}

// measure runs imgtool and gives its exit code, what it printed, and its peak
// resident size in bytes. The kernel tells that while a process runs; what it tells
// of one that has ended counts the memory of the test that started it.
func measure(t *testing.T, imgtool string, args ...string) (code int, out string, peak int64) {
	t.Helper()
	var printed bytes.Buffer
	code, peak = measureTo(t, &printed, imgtool, args...)
	return code, printed.String(), peak
}

// measureTo is measure for what prints much.
func measureTo(t *testing.T, out io.Writer, imgtool string, args ...string) (code int, peak int64) {
	t.Helper()
	command := exec.Command(imgtool, args...)
	command.Stdout, command.Stderr = out, out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	peak = waitForPeak(command)
	return command.ProcessState.ExitCode(), peak
}

// waitForPeak waits for the end of a command, which its state tells of, and gives
// its peak resident size in bytes.
func waitForPeak(command *exec.Cmd) (peak int64) {
	ended := make(chan error)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case <-ended:
			return peak
		case <-time.After(2 * time.Millisecond):
			peak = max(peak, residentPeak(command.Process.Pid))
		}
	}
}

// residentPeak gives the peak resident size of a process so far, in bytes, or 0
// where it has ended (proc_pid_status(5), VmHWM).
func residentPeak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	var kB int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kB); err != nil {
		return 0
	}
	return kB << 10
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

// TestMemoryOfCompressedLayer: what reads layers whole needs no more memory for
// twice the content.
func TestMemoryOfCompressedLayer(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some GiB")
	}
	imgtool, dir := buildImgtool(t), t.TempDir()
	sizes := []int64{bigLayer / 2, bigLayer}
	for i, size := range sizes {
		writeGzipLayout(t, filepath.Join(dir, fmt.Sprint(i)), size)
	}
	out := filepath.Join(dir, "flat")
	for _, command := range []string{
		"export SOURCE -o " + os.DevNull,
		"flatten SOURCE oci:" + out + " --compress gzip:1",
		"flatten SOURCE oci:" + out + " --compress zstd:1",
	} {
		var peaks []int64
		for i := range sizes {
			start := time.Now()
			run := strings.Replace(command, "SOURCE", filepath.Join(dir, fmt.Sprint(i)), 1)
			peaks = append(peaks, peakMemory(t, imgtool, strings.Fields(run)...))
			t.Logf("%.7s of %d MiB: %d MiB resident, %v", command, sizes[i]>>20, peaks[i]>>20, time.Since(start).Round(time.Millisecond))
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
		}
		if peaks[1] > memoryBudget {
			t.Errorf("%s: %d MiB resident for %d MiB, want at most %d", command, peaks[1]>>20, bigLayer>>20, memoryBudget>>20)
		}
		const noise = 32 << 20 // of the collector: far below what a leak would be
		if peaks[1] > peaks[0]*6/5+noise {
			t.Errorf("%s: %d MiB resident, and %d for half the content", command, peaks[1]>>20, peaks[0]>>20)
		}
	}
}

// TestBomb: a layer that grows more than the flag allows ends each command that
// reads it, and the message names the flag.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some GiB")
	}
	imgtool, dir := buildImgtool(t), t.TempDir()
	source := filepath.Join(dir, "source")
	writeGzipLayout(t, source, bigLayer)
	for _, command := range []string{"export SOURCE -o OUT", "unpack SOURCE OUT --rootless", "flatten SOURCE OUT"} {
		place, temp := t.TempDir(), t.TempDir()
		args := strings.Fields(strings.NewReplacer("SOURCE", source, "OUT", filepath.Join(place, "out")).Replace(command) + " --max-expansion 20")
		run := exec.Command(imgtool, args...)
		run.Env = append(os.Environ(), "TMPDIR="+temp)
		out, _ := run.CombinedOutput() // the code is looked at
		if run.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "over 20 to 1") || !strings.Contains(string(out), "raise --max-expansion") {
			t.Errorf("%s: exit %d:\n%s", command, run.ProcessState.ExitCode(), out)
		}
		if left := append(names(t, place), names(t, temp)...); len(left) > 0 {
			t.Errorf("%s: left %q", command, left)
		}
	}
}

// killable are commands that can be ended half-way: SOURCE and OUT stand for where
// they read and write. When something stands at late beside the output, the last
// part of the work has begun.
var killable = []struct{ name, command, late string }{
	{"convert oci", "convert SOURCE oci:OUT", ""},
	{"convert docker-archive", "convert SOURCE docker-archive:OUT", ""},
	{"convert oci-archive", "convert SOURCE oci-archive:OUT", ""},
	{"convert dir", "convert SOURCE dir:OUT", ""},
	{"export", "export GZIP -o OUT", ""},
	{"unpack", "unpack --rootless GZIP OUT", ".out.imgtool-*/big"},
	{"flatten", "flatten GZIP docker-archive:OUT --compress none", ""},
	{"flatten oci", "flatten GZIP oci:OUT --compress none", ".out.imgtool-*"},
	{"flatten gzip", "flatten GZIP oci-archive:OUT --compress gzip:9", ""},
}

// TestKilled ends commands at several moments with each signal. Nothing may stand
// under the output's name, and after a signal that can be caught nothing beside
// it or in TMPDIR either. What is left after a kill the next run removes, and says
// so.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("writes some GiB")
	}
	imgtool, dir := buildImgtool(t), t.TempDir()
	source, compressed := filepath.Join(dir, "big.tar"), filepath.Join(dir, "gzip")
	writeBigArchive(t, source, bigLayer)
	writeGzipLayout(t, compressed, bigLayer)
	small := filepath.Join(dir, "small.tar")
	archivetest.Build(t, small, "format docker-save\nimage small:v1\n  layer\n    file a a\n")
	places, next := strings.NewReplacer("SOURCE", source, "GZIP", compressed), strings.NewReplacer("SOURCE", small, "GZIP", small)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		for _, c := range killable {
			for _, after := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
				t.Run(fmt.Sprintf("%v %s %v", signal, c.name, after), func(t *testing.T) {
					wait := func(string) { time.Sleep(after) }
					place := killCommand(t, imgtool, strings.Fields(places.Replace(c.command)), signal, wait)
					checkNextRun(t, imgtool, strings.Fields(next.Replace(c.command)), place)
				})
			}
			if c.late == "" || signal == syscall.SIGTERM { // which is no other thing than SIGINT
				continue
			}
			t.Run(fmt.Sprintf("%v %s late", signal, c.name), func(t *testing.T) {
				wait := func(place string) { waitForFile(t, filepath.Join(place, c.late)) }
				place := killCommand(t, imgtool, strings.Fields(places.Replace(c.command)), signal, wait)
				checkNextRun(t, imgtool, strings.Fields(next.Replace(c.command)), place)
			})
		}
	}
}

// waitForFile waits until there is a file that pattern fits.
func waitForFile(t *testing.T, pattern string) {
	t.Helper()
	if !comes(pattern, time.Minute) {
		t.Fatalf("%s does not come", pattern)
	}
}

// comes waits for a file that pattern fits, and gives up after a time.
func comes(pattern string, within time.Duration) bool {
	for deadline := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(pattern); len(found) > 0 { // the pattern is a good one
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// killCommand starts imgtool, and sends it the signal when wait, which is told
// where the output will stand, returns. It gives that place.
func killCommand(t *testing.T, imgtool string, args []string, signal syscall.Signal, wait func(place string)) (place string) {
	t.Helper()
	place, temp := t.TempDir(), t.TempDir()
	out := filepath.Join(place, "out")
	for i := range args {
		args[i] = strings.Replace(args[i], "OUT", out, 1)
	}
	command := exec.Command(imgtool, args...)
	command.Env = append(os.Environ(), "TMPDIR="+temp)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	wait(place)
	if err := command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil {
		t.Fatal("it ended well before the signal")
	}
	if _, err := os.Lstat(out); err == nil {
		t.Errorf("something stands under the name of the output")
	}
	left := append(names(t, place), names(t, temp)...)
	if len(left) > 0 && signal != syscall.SIGKILL && command.ProcessState.ExitCode() == 2 {
		t.Errorf("left behind: %q", left)
	}
	if left := names(t, temp); len(left) > 0 {
		t.Errorf("left in TMPDIR: %q", left)
	}
	if code := command.ProcessState.ExitCode(); code == 2 && !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("stderr does not say that it was interrupted: %s", &stderr)
	}
	return place
}

// checkNextRun runs a command that writes to a place where another one was ended:
// it removes what that left, and tells of each.
func checkNextRun(t *testing.T, imgtool string, args []string, place string) {
	t.Helper()
	for i := range args {
		args[i] = strings.Replace(args[i], "OUT", filepath.Join(place, "out"), 1)
	}
	left := names(t, place)
	out, err := exec.Command(imgtool, args...).CombinedOutput()
	if err != nil {
		t.Errorf("the next run: %v\n%s", err, out)
	}
	for _, name := range left {
		if want := "imgtool: removed " + filepath.Join(place, name) + ", which a run that was killed left\n"; !strings.Contains(string(out), want) {
			t.Errorf("want %q in:\n%s", want, out)
		}
	}
	if got := names(t, place); len(got) != 1 || got[0] != "out" {
		t.Errorf("after the next run the place holds %q, want the output alone", got)
	}
}

// TestFullDisk writes to a file system that is too small.
func TestFullDisk(t *testing.T) {
	enginetest.Require(t, "unshare")
	imgtool, dir := buildImgtool(t), t.TempDir()
	source, compressed := filepath.Join(dir, "big.tar"), filepath.Join(dir, "gzip")
	writeBigArchive(t, source, 8<<20)
	writeGzipLayout(t, compressed, 2*blockSize)
	places := strings.NewReplacer("SOURCE", source, "GZIP", compressed, "OUT", "out")
	for _, c := range killable {
		t.Run(c.name, func(t *testing.T) {
			text := onFullDisk(t, t.TempDir(), `cd "$1"; TMPDIR=$2`, imgtool, places.Replace(c.command))
			if !strings.Contains(text, "no space left on device") || !strings.HasSuffix(text, "exit 2\n") {
				t.Errorf("want a message, exit 2 and an empty folder, got:\n%s", text)
			}
		})
	}
	// A layer whose files stand in another order than their names waits in TMPDIR,
	// and so does what flatten makes.
	unsorted := filepath.Join(dir, "unsorted.tar")
	archivetest.Build(t, unsorted, "format docker-containerd\nimage app:v1\n  layer\n    random z 4MiB\n    random a 4MiB\n  layer\n    random b 10\n")
	for _, command := range []string{"export " + unsorted + " -o OUT", "unpack " + unsorted + " OUT --rootless", "flatten " + unsorted + " OUT"} {
		t.Run("TMPDIR "+command[:7], func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			text := onFullDisk(t, t.TempDir(), `export TMPDIR="$1"; cd "$2"`, imgtool, strings.Replace(command, "OUT", out, 1))
			for _, want := range []string{"no space left on device", "imgtool-spool-", "\nimgtool: set TMPDIR to a folder with room\n"} {
				if !strings.Contains(text, want) {
					t.Errorf("want %q in:\n%s", want, text)
				}
			}
			if strings.Count(text, "no space left") > 1 || !strings.HasSuffix(text, "exit 2\n") {
				t.Errorf("want one message, exit 2 and an empty folder, got:\n%s", text)
			}
			if left := names(t, filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left %q", left)
			}
		})
	}
	t.Run("stdout", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		for _, args := range [][]string{{"convert", source, "-"}, {"export", compressed}, {"flatten", compressed, "-"}} {
			command := exec.Command(imgtool, args...)
			command.Stdout = full
			if _ = command.Run(); command.ProcessState.ExitCode() != 2 {
				t.Errorf("%s to a full device: exit %d, want 2", args[0], command.ProcessState.ExitCode())
			}
		}
	})
}

// onFullDisk runs a command with a file system of 256 KiB mounted at place, which
// prepare finds in $1, with another folder in $2, and gives what it prints, its
// exit code, and what is left at place.
func onFullDisk(t *testing.T, place, prepare, imgtool, command string) string {
	t.Helper()
	script := `exec 2>&1; mount -t tmpfs -o size=256k tmpfs "$1" && ` + prepare + `; "$3" $4; echo "exit $?"; ls -A "$1"`
	return string(enginetest.Run(t, "unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", place, t.TempDir(), imgtool, command))
}

// nobody is a user without rights.
const nobody = 65534

// asNobody gives a command of a user without rights, and a folder of theirs.
func asNobody(t *testing.T, imgtool string, args ...string) (command *exec.Cmd, place string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	place = t.TempDir()
	for dir := place; dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) { // TempDir's folders are the user's own
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(place, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(filepath.Dir(place), "imgtool")
	program, err := os.ReadFile(imgtool)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, program, 0o755); err != nil {
		t.Fatal(err)
	}
	command = exec.Command(own, args...)
	command.Dir = place
	command.Env = append(os.Environ(), "TMPDIR="+place, "HOME="+place)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return command, place
}

// closedListing has folders that nobody may write to or enter.
const closedListing = `format docker-save
image app:v1
  layer
    dir ./ mode=0555
    dir closed mode=0000
    dir closed/deeper mode=0000
    file closed/deeper/file "c" mode=0000
    hardlink again closed/deeper/file mode=0000
    dir locked mode=0555
    file locked/file "l" mode=0444
    hardlink etc/linked locked/file mode=0444
    file etc/shadow "s" mode=0640 uid=7 gid=42
    file bin/su "su" mode=04755
    char dev/null 1 3 mode=0666
    fifo run/pipe
`

// TestUnpackAsNobody: a user without rights unpacks an image with folders that
// cannot be written to, and nothing of it is left where that fails half-way.
func TestUnpackAsNobody(t *testing.T) {
	imgtool := buildImgtool(t)
	for _, tt := range []struct {
		name, more, target string
		want               string // part of stderr
		code               int
	}{
		{"new", "", "root", "device nodes become empty files, since only root can make them: 1 of them", 0},
		{"empty", "", "empty", "1 of them", 0},
		{"fails", "    file " + strings.Repeat(strings.Repeat("z", 250)+"/", 16) + strings.Repeat("z", 79) + " x\n", "root", "file name too long", 2},
		{"fails in an empty folder", "    file " + strings.Repeat(strings.Repeat("z", 250)+"/", 16) + strings.Repeat("z", 79) + " x\n", "empty", "file name too long", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command, place := asNobody(t, imgtool, "unpack", "app.tar", tt.target)
			archivetest.Build(t, filepath.Join(place, "app.tar"), closedListing+tt.more)
			empty := filepath.Join(place, "empty")
			if err := os.Mkdir(empty, 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(empty, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			out, err := command.CombinedOutput()
			if command.ProcessState.ExitCode() != tt.code || !strings.Contains(string(out), tt.want) {
				t.Fatalf("unpack = %v:\n%s\nwant code %d and %q", err, out, tt.code, tt.want)
			}
			if tt.code != 0 {
				if left := names(t, place); fmt.Sprint(left) != "[app.tar empty]" {
					t.Errorf("left %q", left)
				}
				if left := names(t, empty); len(left) > 0 {
					t.Errorf("left in the empty folder %q", left)
				}
				if info, err := os.Stat(empty); err != nil || info.Mode().Perm() != 0o750 {
					t.Errorf("the empty folder is %v, %v", info.Mode(), err)
				}
				return
			}
			checkUnpackedByNobody(t, filepath.Join(place, tt.target))
		})
	}
}

func checkUnpackedByNobody(t *testing.T, root string) {
	t.Helper()
	for name, mode := range map[string]os.FileMode{
		".": os.ModeDir | 0o555, "closed": os.ModeDir, "closed/deeper": os.ModeDir, "closed/deeper/file": 0, "locked": os.ModeDir | 0o555,
		"locked/file": 0o444, "etc/shadow": 0o640, "bin/su": os.ModeSetuid | 0o755, "dev/null": 0o666, "run/pipe": os.ModeNamedPipe | 0o644,
	} {
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", name, info, err, mode)
			continue
		}
		if stat := info.Sys().(*syscall.Stat_t); stat.Uid != nobody || stat.Gid != nobody {
			t.Errorf("%s belongs to %d:%d", name, stat.Uid, stat.Gid)
		}
	}
	value := make([]byte, 64)
	n, err := syscall.Getxattr(filepath.Join(root, "etc", "shadow"), "user.rootlesscontainers", value)
	if (err != nil || n == 0) && !errors.Is(err, syscall.ENOTSUP) {
		t.Errorf("owner of etc/shadow: %d bytes, %v", n, err)
	}
}

// TestTarTakesExport: GNU tar of a user without rights unpacks what export
// writes, folders that cannot be written to among it, to the same tree that
// unpack gives.
func TestTarTakesExport(t *testing.T) {
	enginetest.Require(t, "tar")
	imgtool := buildImgtool(t)
	export, place := asNobody(t, imgtool, "export", "app.tar", "-o", "rootfs.tar")
	// Devices need root, and tar cannot link to what it has just closed.
	listing := strings.NewReplacer("    char dev/null 1 3 mode=0666\n", "", "    hardlink again closed/deeper/file mode=0000\n", "").Replace(closedListing)
	archivetest.Build(t, filepath.Join(place, "app.tar"), listing)
	if out, err := export.CombinedOutput(); err != nil {
		t.Fatalf("export: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"mkdir", "taken"}, {"tar", "-x", "-p", "-f", "rootfs.tar", "-C", "taken"}, {export.Path, "unpack", "app.tar", "unpacked"}} {
		command := exec.Command(args[0], args[1:]...)
		command.Dir, command.Env, command.SysProcAttr = export.Dir, export.Env, export.SysProcAttr
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	taken, unpacked := modes(t, filepath.Join(place, "taken")), modes(t, filepath.Join(place, "unpacked"))
	if diff := cmp.Diff(taken, unpacked); diff != "" {
		t.Errorf("trees (-tar +unpack):\n%s", diff)
	}
}

// modes tells mode, owner, size, time, links and path of all below root.
func modes(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size := info.Size()
		if entry.IsDir() {
			size = 0
		}
		stat := info.Sys().(*syscall.Stat_t)
		all = append(all, fmt.Sprint(info.Mode(), stat.Uid, stat.Gid, size, info.ModTime().UTC(), stat.Nlink, strings.TrimPrefix(at, root)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
