//go:build linux && !386

package faultfs_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/archive/faultfs"
)

// copyVariable makes this program the one that runs on the mount.
const copyVariable = "FAULTFS_TEST_COPY"

func TestMain(m *testing.M) {
	if folder := os.Getenv(copyVariable); folder != "" {
		if err := copyWhole(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// copyWhole copies a file of a folder to another in it, block by block, and gives
// it its name at the end.
func copyWhole(folder string) (err error) {
	in, err := os.Open(filepath.Join(folder, "in"))
	if err != nil {
		return err
	}
	defer in.Close() // it was read
	out, err := os.Create(filepath.Join(folder, "temp"))
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 4096))
	if err == nil {
		err = out.Sync()
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(out.Name(), filepath.Join(folder, "out"))
}

// disk is a mounted folder.
type disk struct {
	*faultfs.FS
	backing, place string
	content        []byte // of the file that is copied
}

func newDisk(t *testing.T) disk {
	t.Helper()
	enginetest.RequireFUSE(t)
	d := disk{backing: t.TempDir(), place: t.TempDir(), content: bytes.Repeat([]byte("faultfs\n"), 2000)}
	var err error
	if d.FS, err = faultfs.Mount(d.backing, d.place); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// run is what came of one copying.
type run struct {
	ops    []string // with paths below the folder
	hit    string   // empty where nothing was
	code   int      // -1 after a signal
	stderr string
	left   string // files that are there then
	out    []byte // content of the copy, if it is there
}

// run copies a file in a new folder, so that the kernel has no name of it in its
// caches.
func (d disk) run(t *testing.T, fault faultfs.Fault) run {
	t.Helper()
	folder, err := os.MkdirTemp(d.backing, "run")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "in"), d.content, 0o666); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(folder)
	var stderr bytes.Buffer
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), copyVariable+"="+filepath.Join(d.place, name))
	c.Stderr = &stderr
	result, err := d.Run(c, fault)
	if err != nil {
		t.Fatal(err)
	}
	brief := func(op faultfs.Op) string {
		return string(op.Kind) + " " + strings.TrimPrefix(strings.TrimPrefix(op.Path, name), "/")
	}
	r := run{code: c.ProcessState.ExitCode(), stderr: strings.ReplaceAll(stderr.String(), filepath.Join(d.place, name)+"/", "")}
	for _, op := range result.Ops {
		r.ops = append(r.ops, brief(op))
	}
	if result.Hit != nil {
		r.hit = brief(*result.Hit)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		r.left += " " + entry.Name()
	}
	if r.out, err = os.ReadFile(filepath.Join(folder, "out")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return r
}

func TestEffects(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	clean := d.run(t, faultfs.Fault{})
	if clean.code != 0 || clean.hit != "" || !bytes.Equal(clean.out, d.content) {
		t.Fatalf("without a fault: %+v", clean)
	}
	for _, tt := range []struct {
		effect faultfs.Effect
		at     string
		hit    string // where it is another one than at
		code   int
		stderr string
		left   string
	}{
		{faultfs.EIO, "open in", "", 2, "open in: input/output error\n", " in"},
		{faultfs.EIO, "read in", "", 2, "read in: input/output error\n", " in temp"},
		{faultfs.EIO, "sync temp", "", 2, "sync temp: input/output error\n", " in temp"},
		{faultfs.EIO, "close temp", "", 2, "close temp: input/output error\n", " in temp"},
		{faultfs.EIO, "rename temp", "", 2, "rename temp out: input/output error\n", " in temp"},
		{faultfs.ENOSPC, "open in", "create temp", 2, "open temp: no space left on device\n", " in"}, // reading needs none
		{faultfs.ENOSPC, "write temp", "", 2, "write temp: no space left on device\n", " in temp"},
		{faultfs.Full, "write temp", "", 2, "write temp: no space left on device\n", " in temp"},
		{faultfs.EINTR, "read in", "", 0, "", " in out"},
		{faultfs.EINTR, "write temp", "", 0, "", " in out"},
		{faultfs.Short, "lookup in", "read in", 0, "", " in out"},
		{faultfs.Short, "write temp", "", 0, "", " in out"},
		{faultfs.Interrupt, "read in", "", -1, "", " in temp"},
		{faultfs.Terminate, "sync temp", "", -1, "", " in temp"},
		{faultfs.Kill, "create temp", "", -1, "", " in"},
		{faultfs.Kill, "rename temp", "", -1, "", " in temp"},
	} {
		at := slices.Index(clean.ops, tt.at) + 1
		if at == 0 {
			t.Fatalf("no %q among %q", tt.at, clean.ops)
		}
		got := d.run(t, faultfs.Fault{At: at, Effect: tt.effect})
		want := run{got.ops, cmp.Or(tt.hit, tt.at), tt.code, tt.stderr, tt.left, got.out}
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(run{})); diff != "" {
			t.Errorf("%s at %s (-want +got):\n%s", tt.effect, tt.at, diff)
		}
		if got.out != nil && !bytes.Equal(got.out, d.content) {
			t.Errorf("%s at %s: another content came out", tt.effect, tt.at)
		}
	}
}

// TestInheritsNothing: a program that is started has no part of the file system.
func TestInheritsNothing(t *testing.T) {
	t.Parallel()
	newDisk(t)
	out, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
	if err != nil || strings.Contains(string(out), "/dev/fuse") {
		t.Errorf("open in a program that was started: %v\n%s", err, out)
	}
}

// TestCounts: two runs of the same program take the same operations, and a fault
// past the last one does not come.
func TestCounts(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	one, two := d.run(t, faultfs.Fault{}), d.run(t, faultfs.Fault{})
	if diff := gocmp.Diff(one.ops, two.ops); diff != "" {
		t.Errorf("operations of two runs (-one +two):\n%s", diff)
	}
	blocks := (len(d.content) + 4095) / 4096
	for op, want := range map[string]int{"write temp": blocks, "read in": blocks + 1, "sync temp": 1, "rename temp": 1} {
		n := 0
		for _, o := range one.ops {
			if o == op {
				n++
			}
		}
		if n != want {
			t.Errorf("%d × %s, want %d, in\n%q", n, op, want, one.ops)
		}
	}
	past := d.run(t, faultfs.Fault{At: len(one.ops) + 1, Effect: faultfs.EIO})
	if past.hit != "" || past.code != 0 {
		t.Errorf("a fault past the end: %+v", past)
	}
}

// TestEveryOperation: each operation can be hit.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	clean := d.run(t, faultfs.Fault{})
	for at, op := range clean.ops {
		if got := d.run(t, faultfs.Fault{At: at + 1, Effect: faultfs.EIO}); got.hit != op {
			t.Errorf("EIO at %d: hit %q, want %q", at+1, got.hit, op)
		}
		if got := d.run(t, faultfs.Fault{At: at + 1, Effect: faultfs.Kill}); got.hit != op || got.code != -1 {
			t.Errorf("SIGKILL at %d: hit %q, exit code %d, want %q and -1", at+1, got.hit, got.code, op)
		}
	}
}
