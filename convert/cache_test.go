package convert_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/claim"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

const cached = `
format docker-save
image example.com/a:v1
  layer
    random one 300KiB
  layer
    random two 100KiB
image example.com/b:v1
  layer
    random one 300KiB
  layer
    random three 100KiB
`

// messages collects what a cache says.
type messages struct {
	mu  sync.Mutex
	all []string
}

func (m *messages) warn(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, s)
}

func openCache(t *testing.T, dir string, limit int64) (*convert.Cache, *messages) {
	t.Helper()
	m := &messages{}
	c, err := convert.OpenCache(dir, limit, m.warn)
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

// recompressWith recompresses an archive to a layout and gives the files of it.
func recompressWith(t *testing.T, path string, s codec.Setting, cache *convert.Cache) (map[string]string, error) {
	t.Helper()
	a := open(t, path)
	to := ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}
	plan, err := convert.NewRecompress([]convert.Source{{Archive: a}}, to, convert.RecompressOptions{Compress: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Run(t.Context(), convert.RunOptions{Cache: cache}); err != nil {
		return nil, err
	}
	return tree(t, to.Path), nil
}

func mustRecompress(t *testing.T, path string, s codec.Setting, cache *convert.Cache) map[string]string {
	t.Helper()
	files, err := recompressWith(t, path, s, cache)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func cacheFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "v1", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCache: the result is the same without a cache, with an empty one, with a
// full one, and with one whose entries are damaged, which are found and made anew.
func TestCache(t *testing.T) {
	t.Parallel()
	for _, s := range []codec.Setting{{Compression: codec.Gzip}, {Compression: codec.Gzip, Level: 1}, {Compression: codec.Zstd}} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := build(t, cached)
			want := mustRecompress(t, path, s, nil)
			check := func(when string, wantTold int) {
				t.Helper()
				cache, told := openCache(t, dir, 1<<30)
				if diff := cmp.Diff(want, mustRecompress(t, path, s, cache)); diff != "" {
					t.Errorf("%s: files differ (-without +with cache)", when)
				}
				if n := len(cacheFiles(t, dir)); n != 3 {
					t.Errorf("%s: %d entries, want 3", when, n)
				}
				if len(told.all) != wantTold {
					t.Errorf("%s: told %q, want %d lines", when, told.all, wantTold)
				}
			}
			check("empty", 0)
			check("full", 0)
			files := cacheFiles(t, dir)
			flipByte(t, files[0])
			if err := os.Truncate(files[1], 10); err != nil {
				t.Fatal(err)
			}
			check("damaged", 2)
			check("mended", 0)
		})
	}
}

func flipByte(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCacheIsUsed: where all layers are in the cache, the source's are not read.
func TestCacheIsUsed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := codec.Setting{Compression: codec.Gzip}
	cache, _ := openCache(t, dir, 1<<30)
	mustRecompress(t, build(t, cached), s, cache)
	damaged := build(t, cached+"flip blob:layer:0:0 2000\n")
	if _, err := recompressWith(t, damaged, s, nil); err == nil {
		t.Fatal("a damaged layer is recompressed")
	}
	if _, err := recompressWith(t, damaged, s, cache); err != nil {
		t.Errorf("with a cache: %v", err)
	}
	if _, err := recompressWith(t, damaged, codec.Setting{Compression: codec.Gzip, Level: 9}, cache); err == nil {
		t.Error("the cache has a layer of another level")
	}
}

// TestCacheTrim: what was not used for longest goes first, and what a writer left
// that was killed; what one writes that lives stays.
func TestCacheTrim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cache, _ := openCache(t, dir, 1<<30)
	mustRecompress(t, build(t, cached), codec.Setting{Compression: codec.Gzip}, cache)
	files := cacheFiles(t, dir)
	var sizes int64
	for i, file := range files {
		at := time.Now().Add(-time.Duration(i) * time.Hour)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			sizes += info.Size()
		}
	}
	folder := filepath.Dir(files[0])
	old := filepath.Join(folder, ".entry.imgtool-0123abcd")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	held, file, err := claim.File(root, "entry")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { held.Release(); file.Close() }()
	small, told := openCache(t, dir, sizes)
	if err := small.Trim(); err != nil {
		t.Fatal(err)
	}
	want := append([]string{filepath.Join(folder, held.Name)}, files[:2]...)
	if !claim.Locks { // then what is left stays for a day
		want = append(want, old)
	} else if diff := cmp.Diff([]string{"cache: removed " + old + ", which a run that was killed left"}, told.all); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	got := cacheFiles(t, dir)
	for _, file := range want {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%v is gone, want it kept", file)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files are left, want %d", len(got), len(want))
	}
}

// TestCacheTogether: many runs that share one cache give what one alone gives,
// while others trim it to nothing.
func TestCacheTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := build(t, cached)
	s := codec.Setting{Compression: codec.Zstd}
	want := mustRecompress(t, path, s, nil)
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			cache, told := openCache(t, dir, int64(i%3)*1<<20)
			for range 3 {
				files, err := recompressWith(t, path, s, cache)
				if err != nil {
					t.Error(err)
					return
				}
				if diff := cmp.Diff(want, files); diff != "" {
					t.Error("files differ (-alone +together)")
				}
				if err := cache.Trim(); err != nil {
					t.Error(err)
				}
			}
			for _, line := range told.all {
				if !strings.Contains(line, "run that was killed") { // between making a file and locking it
					t.Error(line)
				}
			}
		})
	}
	group.Wait()
}

// TestCacheFails: a cache that cannot be written is told and does not end the run;
// one that cannot be made is an error.
func TestCacheFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cache, told := openCache(t, dir, 1<<30)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRecompress(t, build(t, cached), codec.Setting{Compression: codec.Gzip}, cache)
	if len(told.all) != 3 || !strings.Contains(told.all[0], "is not kept") {
		t.Errorf("told %q", told.all)
	}
	if _, err := convert.OpenCache(filepath.Join(dir, "x"), 1, nil); err == nil {
		t.Error("a cache below a file opens")
	}
	if _, err := convert.OpenCache(t.TempDir(), -1, nil); err == nil {
		t.Error("a cache of a negative size opens")
	}
	var none *convert.Cache
	if err := none.Trim(); err != nil {
		t.Error(err)
	}
}
