package cli_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/enginetest"
)

// TestVersionOfBuild: a binary tells the commit of the clone that it was built in,
// and that there was none where there was none.
func TestVersionOfBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program three times")
	}
	enginetest.Require(t, "git")
	t.Parallel()
	place := t.TempDir()
	copySource(t, place)
	checkVersion(t, place, "", false)

	git(t, place, "init", "--quiet")
	git(t, place, "add", ".")
	git(t, place, "commit", "--quiet", "--message", "all")
	commit := git(t, place, "rev-parse", "HEAD")
	checkVersion(t, place, commit, false)

	if err := os.WriteFile(filepath.Join(place, "added"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	checkVersion(t, place, commit, true)
	t.Log("tried: 3 builds, without a clone, in one, and in one with changes")
}

// copySource copies what the build needs.
func copySource(t *testing.T, to string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum", "archive", "cli", "convert", "inspect"} {
		from := filepath.Join("..", name)
		err := filepath.WalkDir(from, func(at string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return fs.SkipDir
			case entry.IsDir():
				return os.MkdirAll(filepath.Join(to, strings.TrimPrefix(at, "..")), 0o777)
			}
			content, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(to, strings.TrimPrefix(at, "..")), content, 0o666)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// git runs git without anybody's settings and gives what it prints.
func git(t *testing.T, place string, args ...string) string {
	t.Helper()
	command := exec.Command("git", append([]string{"-C", place, "-c", "user.name=test", "-c", "user.email=test@example.com"}, args...)...)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_DATE=2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// checkVersion builds imgtool in place and compares what it tells of that.
func checkVersion(t *testing.T, place, commit string, dirty bool) {
	t.Helper()
	imgtool := filepath.Join(t.TempDir(), "imgtool.exe") // the suffix is for Windows
	build := exec.Command("go", "build", "-buildvcs=true", "-trimpath", "-ldflags=-X github.com/imgtool/imgtool/cli.release=1.2.3", "-o", imgtool, "./cli/imgtool")
	build.Dir, build.Env = place, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	want := map[string]any{
		"schemaVersion": 1.0, "version": "1.2.3", "dirty": dirty, "goVersion": runtime.Version(),
		"platform": map[string]any{"os": runtime.GOOS, "architecture": runtime.GOARCH},
	}
	told := "commit unknown\n"
	if commit != "" {
		want["commit"], want["commitTime"] = commit, "2026-01-02T03:04:05Z"
		told = "commit " + commit + "\n"
	}
	if dirty {
		told = "commit " + commit + "+dirty\n"
	}
	var got map[string]any
	if err := json.Unmarshal(enginetest.Run(t, imgtool, "version", "--format", "json"), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("version --format json (-want +got):\n%s", diff)
	}
	if text := string(enginetest.Run(t, imgtool, "version")); !strings.Contains(text, told) {
		t.Errorf("version: %q, want %q in it", text, told)
	}
}
