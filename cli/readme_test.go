//go:build linux

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/enginetest"
)

// TestReadme runs the commands of the README's sessions, in a folder that holds
// the archives of testdata, and compares what they print.
func TestReadme(t *testing.T) {
	enginetest.Require(t, "skopeo")
	imgtool, place := buildImgtool(t), t.TempDir()
	if err := os.CopyFS(place, os.DirFS(filepath.Join("..", "testdata", "archives"))); err != nil {
		t.Fatal(err)
	}
	archivetest.Build(t, filepath.Join(place, "root.tar"), "format tar\ndir etc\ndir usr\nfile etc/motd \"hello\\n\"\n")
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	sessions := strings.Split(string(readme), "```console\n")[1:]
	if len(sessions) == 0 {
		t.Fatal("the README shows no session")
	}
	for _, session := range sessions {
		session, _, _ = strings.Cut(session, "```")
		var got bytes.Buffer
		for line := range strings.Lines(session) {
			shown, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				continue
			}
			got.WriteString(line)
			got.Write(runShown(t, filepath.Dir(imgtool), place, shown))
		}
		if diff := cmp.Diff(session, got.String()); diff != "" {
			t.Errorf("README session (-README +run):\n%s", diff)
		}
	}
}

// runShown runs one command line with imgtool on PATH and gives all that it
// prints, whatever its exit code.
func runShown(t *testing.T, bin, place, line string) []byte {
	t.Helper()
	command := exec.Command("sh", "-c", line)
	command.Dir = place
	command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out
}
