//go:build linux

package cli_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// TestTwoTogether: two processes that write to one place at once leave the output
// of one of them there, whole, or that of both where it can hold both.
func TestTwoTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	t.Parallel()
	const rounds = 6
	g := newTogether(t, buildImgtool(t), 2)
	for _, tt := range []struct {
		name, command string
		empty         bool // the folder is there before
		loses         bool // one of both may find the place taken
	}{
		{"file", "convert SOURCE docker-archive:OUT", false, false},
		{"export", "export SOURCE -o OUT", false, false},
		{"new dir:", "convert SOURCE dir:OUT", false, true},
		{"new folder", "unpack SOURCE OUT --rootless", false, true},
		{"empty folder", "unpack SOURCE OUT --rootless", true, true},
		{"empty dir:", "convert SOURCE dir:OUT", true, true},
		{"split", "split SOURCE OUT", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			place := t.TempDir()
			command := func(source, out string) []string {
				return strings.Fields(strings.NewReplacer("SOURCE", source, "OUT", filepath.Join(place, out)).Replace(tt.command))
			}
			for _, source := range g.sources {
				g.mustRun(t, command(source, "want-"+source)...)
			}
			for range rounds {
				out := filepath.Join(place, "out")
				if tt.empty {
					if err := os.Mkdir(out, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				errs := g.bothRun(command(g.sources[0], "out"), command(g.sources[1], "out"))
				if bad := errors.Join(errs...); bad != nil && (!tt.loses || errs[0] != nil && errs[1] != nil) {
					t.Fatal(bad)
				}
				got := filesBelow(t, out)
				if got != filesBelow(t, filepath.Join(place, "want-"+g.sources[0])) && got != filesBelow(t, filepath.Join(place, "want-"+g.sources[1])) {
					t.Errorf("the output is that of neither:\n%s", got)
				}
				if left := leftovers(t, place); len(left) > 0 {
					t.Errorf("left %q", left)
				}
				if err := os.RemoveAll(out); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	for _, empty := range []bool{false, true} {
		t.Run(fmt.Sprintf("oci, empty %v", empty), func(t *testing.T) {
			t.Parallel()
			for range rounds {
				g.bothIntoLayout(t, empty)
			}
		})
	}
	t.Logf("tried: %d rounds of two processes that write to one place, 9 ways", rounds*9)
}

// bothIntoLayout lets two processes make one layout: both images are in it.
func (g *together) bothIntoLayout(t *testing.T, empty bool) {
	t.Helper()
	place := t.TempDir()
	out := filepath.Join(place, "out")
	if empty {
		if err := os.Mkdir(out, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(g.bothRun([]string{"convert", g.sources[0], "oci:" + out}, []string{"convert", g.sources[1], "oci:" + out})...); err != nil {
		t.Fatal(err)
	}
	g.mustRun(t, "verify", out)
	lines, _ := g.mustRun(t, "inspect", out, "--format", imageLines)
	for i := range g.sources {
		if !strings.Contains(lines, fmt.Sprintf("src:v%d", i)) {
			t.Errorf("src:v%d is lost:\n%s", i, lines)
		}
	}
	if left := leftovers(t, place); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// bothRun runs two commands at once.
func (g *together) bothRun(one, other []string) []error {
	errs := make([]error, 2)
	var group sync.WaitGroup
	for i, args := range [][]string{one, other} {
		group.Go(func() { _, _, errs[i] = g.run(args...) })
	}
	group.Wait()
	return errs
}

// filesBelow gives the content of a file, or of all files of a folder.
func filesBelow(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(at)
		fmt.Fprintln(&out, strings.TrimPrefix(at, root), digest.FromBytes(raw))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestCacheTogether: a cache that holds next to nothing, and is trimmed by each of
// many processes that use it, changes no result, and keeps to its size.
func TestCacheTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("starts dozens of processes")
	}
	t.Parallel()
	const runs, size = 24, 900_000 // less than what two images need
	g := newTogether(t, buildImgtool(t), 3)
	convert := func(i int, out string, more ...string) (string, error) {
		stdout, stderr, err := g.run(append([]string{"recompress", g.sources[i%3], "oci:" + out, "--compress", "gzip:1"}, more...)...)
		for line := range strings.Lines(stderr) { // between making a file and locking it, it may be taken for what was left
			if err == nil && !strings.Contains(line, "which a run that was killed left") {
				err = fmt.Errorf("run %d tells %q", i, line)
			}
		}
		return stdout, err
	}
	var want [3]string
	for i := range want {
		var err error
		if want[i], err = convert(i, fmt.Sprint("want", i)); err != nil {
			t.Fatal(err)
		}
	}
	cached := []string{"--cache", "cache", "--cache-size", fmt.Sprint(size)}
	var group errgroup.Group
	group.SetLimit(6)
	for i := range runs {
		group.Go(func() error {
			got, err := convert(i, fmt.Sprint("out", i), cached...)
			if err == nil && got != want[i%3] {
				err = fmt.Errorf("run %d gives %s, want %s", i, got, want[i%3])
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := convert(0, "last", cached...); err != nil {
		t.Fatal(err)
	}
	g.checkCache(t)
	var total int64
	for _, path := range mustGlob(t, filepath.Join(g.dir, "cache", "v1", "*", "*")) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > size {
		t.Errorf("the cache holds %d bytes, want at most %d", total, size)
	}
	t.Logf("tried: %d processes with a cache of %d bytes, which holds %d of them", runs, size, total)
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
