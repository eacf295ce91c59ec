//go:build linux && !386

package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/faultfs"
)

// faultsImage is small, and has all that makes a command write in several places.
const faultsImage = `
  env PATH=/bin
  layer
    dir etc
    file etc/motd "hello\n" mode=0640
    random opt/big 3000
    file a "a"
  layer
    whiteout opt/big
    symlink etc/link motd
    hardlink etc/hard etc/motd
    file etc/issue "v1\n"
`

// faultsInputs are the files that the commands read, by name.
var faultsInputs = map[string]string{
	"save.tar":     "format docker-save\nimage app:v1" + faultsImage,
	"save.tar.gz":  "format docker-save\nouter gzip\nimage app:v1" + faultsImage,
	"old.tar":      "format docker-save-1.0\nimage app:v1" + faultsImage,
	"listless.tar": "format docker-save\nremove manifest.json\nimage app:v1" + faultsImage,
	"layout":       "format oci\nimage other:v1\n  platform linux/arm64" + faultsImage,
	"dir":          "format dir\nimage" + faultsImage,
	"two.tar":      "format docker-containerd\nimage app:v1" + faultsImage + "image app:v2\n  layer\n    file b \"b\"\n",
}

// faultBench is a disk with the inputs on it, and what a command makes of them there.
type faultBench struct {
	faulted
	*faultfs.FS
	imgtool        string
	backing, mount string
	runs           int
	inputs         tree
	old, new       tree   // what is in OUT before and after
	stdout, stderr string // of a good run
	operations     int
}

// newBench runs the command once without a fault.
func newBench(t *testing.T, imgtool string, c faulted) *faultBench {
	t.Helper()
	b := &faultBench{faulted: c, imgtool: imgtool, backing: t.TempDir(), mount: t.TempDir()}
	in := filepath.Join(b.backing, "in")
	if err := os.Mkdir(in, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, listing := range faultsInputs {
		archivetest.Build(t, filepath.Join(in, name), listing)
	}
	b.inputs = readTree(t, in)
	var err error
	if b.FS, err = faultfs.Mount(b.backing, b.mount); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Unmount(); err != nil {
			t.Error(err)
		}
	})
	b.run(t, faultfs.Fault{}) // so that the system knows the inputs
	clean := b.run(t, faultfs.Fault{})
	if clean.code != c.code || len(clean.temp)+len(clean.spool) > 0 {
		t.Fatalf("%s: exit code %d, left %v %v\n%s", c.command, clean.code, clean.temp, clean.spool, clean.stderr)
	}
	b.new, b.stdout, b.stderr, b.operations = clean.out, clean.stdout, clean.stderr, clean.operations
	t.Logf("%d operations: %s", b.operations, c.name)
	return b
}

// faultRun is what came of one run.
type faultRun struct {
	fault          faultfs.Fault
	hit            *faultfs.Op
	operations     int
	folder         string // below the mount and below what is behind it
	code           int    // -1 after a signal
	stdout, stderr string
	out            tree     // what stands in OUT, without temporary files
	temp           []string // temporary files there and in CACHE
	spool          []string // and in TMPDIR
}

// run starts the command in a new folder, so that the kernel has no name of it in
// its caches, and looks at what is left.
func (b *faultBench) run(t *testing.T, fault faultfs.Fault) faultRun {
	t.Helper()
	b.runs++
	r := faultRun{fault: fault, folder: fmt.Sprint(b.runs)}
	at := filepath.Join(b.backing, r.folder)
	for _, name := range []string{"out", "cache", "tmp"} {
		if err := os.MkdirAll(filepath.Join(at, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	b.putOld(t, filepath.Join(at, "out", "out"))
	if b.old == nil {
		b.old = readTree(t, filepath.Join(at, "out"))
	}
	b.start(t, &r)
	return r
}

// again runs the command in the folder of another run, on a good disk.
func (b *faultBench) again(t *testing.T, before faultRun) faultRun {
	t.Helper()
	r := faultRun{folder: before.folder}
	b.start(t, &r)
	return r
}

// start runs the command in the run's folder, and looks at what is left.
func (b *faultBench) start(t *testing.T, r *faultRun) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := b.at(b.mount, r.folder)
	command.Stdout, command.Stderr = &stdout, &stderr
	result, err := b.Run(command, r.fault)
	if err != nil {
		t.Fatal(err)
	}
	r.hit, r.operations, r.code = result.Hit, len(result.Ops), command.ProcessState.ExitCode()
	r.stdout = stdout.String()
	r.stderr = strings.ReplaceAll(stderr.String(), filepath.Join(b.mount, r.folder)+"/", "RUN/")
	b.look(t, r)
}

// at is the command below a root, the mount or what is behind it.
func (b *faultBench) at(root, folder string) *exec.Cmd {
	places := strings.NewReplacer("IN/", root+"/in/", "OUT/", root+"/"+folder+"/out/", "CACHE", root+"/"+folder+"/cache")
	command := exec.Command(b.imgtool, strings.Fields(places.Replace(b.command))...)
	command.Env = append(os.Environ(), "TMPDIR="+root+"/"+folder+"/tmp")
	return command
}

// putOld puts what was there before where the output goes.
func (b *faultBench) putOld(t *testing.T, out string) {
	t.Helper()
	var err error
	in := filepath.Join(b.backing, "in", b.faulted.old)
	switch info, statErr := os.Stat(in); {
	case b.faulted.old == "":
	case b.faulted.old == "empty":
		err = os.Mkdir(out, 0o777)
	case statErr != nil:
		err = statErr
	case info.IsDir():
		err = os.CopyFS(out, os.DirFS(in))
	default:
		err = os.Link(in, out)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// look finds what a run left.
func (b *faultBench) look(t *testing.T, r *faultRun) {
	t.Helper()
	at := filepath.Join(b.backing, r.folder)
	r.out = readTree(t, filepath.Join(at, "out"))
	r.temp = append(r.out.takeTemporary(), readTree(t, filepath.Join(at, "cache")).takeTemporary()...)
	r.spool = names(t, filepath.Join(at, "tmp"))
}

// tree is a folder: what stands at each path.
type tree map[string]string

// readTree reads modes and content of all below a folder.
func readTree(t *testing.T, folder string) tree {
	t.Helper()
	found := tree{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			what += " " + string(content)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " " + target
		}
		found[strings.TrimPrefix(path, folder+"/")] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// takeTemporary takes out what is temporary by its name, with all below it.
func (f tree) takeTemporary() []string {
	var temp []string
	for path := range f {
		for _, name := range strings.Split(path, "/") {
			if strings.HasPrefix(name, ".") && strings.Contains(name, ".imgtool-") || strings.HasPrefix(name, ".tmp-") {
				temp = append(temp, path)
				delete(f, path)
				break
			}
		}
	}
	return temp
}
