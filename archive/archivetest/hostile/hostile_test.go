package hostile_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest/hostile"
)

// TestCases: each case has a name of its own and tells what is wrong with it.
func TestCases(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, c := range hostile.Cases() {
		if seen[c.Name] || !name.MatchString(c.Name) {
			t.Errorf("name %q", c.Name)
		}
		seen[c.Name] = true
		if !strings.HasSuffix(c.About, ".") || strings.Contains(c.About, "\n") {
			t.Errorf("%s: %q is no sentence", c.Name, c.About)
		}
	}
	if len(seen) < 1000 {
		t.Errorf("%d cases, which cannot be all", len(seen))
	}
	t.Logf("tried: %d hostile archives made", len(seen))
}

// TestWrite: each case can be made, and has the same bytes every time.
func TestWrite(t *testing.T) {
	t.Parallel()
	for _, c := range hostile.Cases() {
		if c.Heavy || c.Memory > 0 && testing.Short() || runtime.GOOS == "windows" && strings.HasPrefix(c.Name, "folder-") {
			continue
		}
		dir := t.TempDir()
		var made []map[string]string
		for _, name := range []string{"a", "b"} {
			if err := c.Write(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			made = append(made, contents(t, filepath.Join(dir, name)))
		}
		if diff := cmp.Diff(made[0], made[1]); diff != "" {
			t.Errorf("%s: two writes differ:\n%.1000s", c.Name, diff)
		}
	}
}

// contents gives all files below path with their content, or type.
func contents(t *testing.T, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			out[strings.TrimPrefix(at, path)] = entry.Type().String()
			return err
		}
		data, err := os.ReadFile(at)
		out[strings.TrimPrefix(at, path)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
