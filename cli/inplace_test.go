//go:build linux

package cli_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/archivetest"
)

// TestKilledInPlace: a folder that was empty, and was being filled by a run that
// was killed, is no output to anybody. The next run completes a layout or a dir:
// folder, and of a filesystem it says what to do.
func TestKilledInPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("writes some hundred MiB")
	}
	t.Parallel()
	imgtool, dir := buildImgtool(t), t.TempDir()
	big, small := filepath.Join(dir, "big.tar"), filepath.Join(dir, "small.tar")
	writeBigArchive(t, big, 128<<20)
	archivetest.Build(t, small, "format docker-save\nimage small:v1\n  layer\n    file a a\n")
	compressed := filepath.Join(dir, "gzip")
	writeGzipLayout(t, compressed, 4*blockSize)
	for _, tt := range []struct {
		name, command, source string
		completes             bool
		want                  string // what the next run says
	}{
		{"oci", "convert SOURCE oci:OUT", big, true, "completes OUT, which a run that was killed left half filled\n"},
		{"dir", "convert SOURCE dir:OUT", big, true, "completes OUT, which a run that was killed left half filled\n"},
		{"unpack", "unpack SOURCE OUT --rootless", compressed, false, "a run that was killed left it half filled: file already exists\nimgtool: remove all that is in it, ."},
		{"split", "split SOURCE OUT", big, false, "a run that was killed left it half filled: file already exists\nimgtool: remove all that is in it, ."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := t.TempDir()
			run := func(source string) *exec.Cmd {
				return exec.Command(imgtool, strings.Fields(strings.NewReplacer("SOURCE", source, "OUT", out).Replace(tt.command))...)
			}
			killFilling(t, run, tt.source, out)
			if code, text := exitCode(exec.Command(imgtool, "inspect", out)); code != 2 {
				t.Errorf("inspect of what is half filled: exit %d\n%s", code, text)
			}
			code, text := exitCode(run(small))
			if (code == 0) != tt.completes || !strings.Contains(text, strings.ReplaceAll(tt.want, "OUT", out)) {
				t.Errorf("the next run: exit %d\n%s\nwant %q", code, text, tt.want)
			}
			if !tt.completes {
				emptyFolder(t, out)
				code, text = exitCode(run(small))
			}
			if left := leftovers(t, out); code != 0 || len(left) > 0 {
				t.Errorf("at last: exit %d\n%s\nleft %q", code, text, left)
			}
			if tt.completes {
				if code, text := exitCode(exec.Command(imgtool, "verify", out)); code != 0 {
					t.Errorf("verify: exit %d\n%s", code, text)
				}
			}
		})
	}
}

// killFilling kills a run when its mark stands in the empty folder that it fills,
// again where it was done before.
func killFilling(t *testing.T, run func(source string) *exec.Cmd, source, out string) {
	t.Helper()
	for range 10 {
		command := run(source)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		comes(filepath.Join(out, ".*filling.imgtool-*"), 5*time.Second)
		_ = command.Process.Kill() // it may have ended
		if err := command.Wait(); err != nil && len(leftovers(t, out)) > 0 {
			return
		}
		emptyFolder(t, out)
	}
	t.Fatalf("%v cannot be caught at work", run(source).Args)
}

func emptyFolder(t *testing.T, dir string) {
	t.Helper()
	for _, name := range names(t, dir) {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// exitCode runs a command to its end.
func exitCode(command *exec.Cmd) (code int, text string) {
	out, _ := command.CombinedOutput() // the code is looked at
	return command.ProcessState.ExitCode(), string(out)
}

// TestLeftoversAsNobody: what a user's unpacking left is removed by that user, with
// folders that nobody may enter.
func TestLeftoversAsNobody(t *testing.T) {
	t.Parallel()
	command, place := asNobody(t, buildImgtool(t), "unpack", "app.tar", "root")
	archivetest.Build(t, filepath.Join(place, "app.tar"), closedListing)
	left := filepath.Join(place, ".root.imgtool-0123abcd")
	deep := filepath.Join(left, "closed", "deeper")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(deep, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{deep, filepath.Dir(deep), left} {
		mode := os.FileMode(0)
		if dir == left {
			mode = 0o555
		}
		if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
	}
	code, text := exitCode(command)
	if code != 0 || !strings.Contains(text, "imgtool: removed .root.imgtool-0123abcd, which a run that was killed left\n") {
		t.Errorf("unpack: exit %d\n%s", code, text)
	}
	if got := names(t, place); strings.Join(got, " ") != "app.tar root" {
		t.Errorf("left %q", got)
	}
}
