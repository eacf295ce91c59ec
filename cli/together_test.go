//go:build linux

package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
)

// togetherSeed chooses when runs are killed.
const togetherSeed = 7

// together is a place where many processes work at once.
type together struct {
	imgtool string
	dir     string // where they run
	temp    string // their TMPDIR
	sources []string
}

// newTogether makes archives that share a layer.
func newTogether(t *testing.T, imgtool string, sources int) *together {
	t.Helper()
	g := &together{imgtool: imgtool, dir: t.TempDir(), temp: t.TempDir()}
	for i := range sources {
		name := fmt.Sprintf("src%d.tar", i)
		archivetest.Build(t, filepath.Join(g.dir, name), fmt.Sprintf(
			"format docker-save\nimage src:v%d\n  layer\n    random shared 1MiB\n  layer\n    random own%d 400KiB\n  layer\n    file number %d\n", i, i, i))
		g.sources = append(g.sources, name)
	}
	return g
}

func (g *together) command(args ...string) *exec.Cmd {
	c := exec.Command(g.imgtool, args...)
	c.Dir, c.Env = g.dir, append(os.Environ(), "TMPDIR="+g.temp)
	return c
}

// run runs imgtool and gives what it printed.
func (g *together) run(args ...string) (stdout, stderr string, err error) {
	c := g.command(args...)
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	if err = c.Run(); err != nil {
		err = fmt.Errorf("imgtool %s: %w\n%s%s", strings.Join(args, " "), err, &out, &messages)
	}
	return out.String(), messages.String(), err
}

func (g *together) mustRun(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := g.run(args...)
	if err != nil {
		t.Fatal(err)
	}
	return stdout, stderr
}

// job is one run that adds an image to a layout.
type job struct {
	source, name, compress string
}

func (j job) args(layout string) []string {
	return []string{"convert", j.source, "oci:" + layout + ":" + j.name, "--compress", j.compress, "--cache", "cache"}
}

// jobs gives different images under different names, some of them several times,
// and names that several images want.
func (g *together) jobs(n int) []job {
	var all []job
	for i := range n {
		j := job{g.sources[i%len(g.sources)], fmt.Sprintf("app:v%d", i%(2*len(g.sources))), []string{"gzip", "zstd", "gzip:1"}[i%3]}
		if i%6 == 5 {
			j.name = "app:latest"
		}
		all = append(all, j)
	}
	return all
}

// board tells which runs have ended well.
type board struct {
	mu       sync.Mutex
	finished map[job]string // and the digest that they printed
	killed   int
	removed  int // times that somebody told of what a killed run left
}

func (b *board) done(j job, digest string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finished[j] = strings.TrimSpace(digest)
}

// digests gives the images that stand in the layout from now on.
func (b *board) digests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, digest := range b.finished {
		all = append(all, digest)
	}
	return all
}

// TestTogether: many processes write into one layout and one cache, half of them
// are killed at some moment, and others read all the while. Nothing that was
// reported is lost, nobody sees anything half done, and one more run finds all
// that the killed ones left.
func TestTogether(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	t.Parallel()
	const writers, kills, atOnce = 24, 24, 6
	g := newTogether(t, buildImgtool(t), 8)
	seen := &board{finished: map[job]string{}}
	jobs := g.jobs(writers)
	start := time.Now()
	_, _ = g.mustRun(t, jobs[0].args("alone")...)
	whole := time.Since(start) // what a run takes

	quit, readers := make(chan struct{}), errgroup.Group{}
	var reads [3]int
	for i := range reads {
		readers.Go(func() (err error) {
			reads[i], err = g.readOn(seen, i, quit)
			return err
		})
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, j := range jobs {
		group.Go(func() error { return g.write(seen, j) })
		if i < kills-1 {
			group.Go(func() error { return g.killLater(seen, jobs[(i*5)%len(jobs)], whole, uint64(i)) })
		}
	}
	writeErr := errors.Join(group.Wait(), g.killMidway(seen, jobs[1]))
	close(quit)
	if err := errors.Join(writeErr, readers.Wait()); err != nil {
		t.Fatal(err)
	}
	if seen.killed < kills {
		t.Errorf("%d runs were killed, want %d", seen.killed, kills)
	}
	g.checkLayout(t, seen)
	g.checkLeft(t, seen)
	g.checkCache(t)
	t.Logf("tried: %d processes into one layout, %d of them killed; %d reads meanwhile", writers+kills, seen.killed, reads[0]+reads[1]+reads[2])
	t.Logf("others told %d times of what a killed run left", seen.removed)
}

// write adds an image, which must work.
func (g *together) write(seen *board, j job) error {
	digest, stderr, err := g.run(j.args("layout")...)
	if err != nil {
		return err
	}
	seen.done(j, digest)
	return seen.heard(stderr)
}

// heard counts messages about what killed runs left. There may be others of names
// that move.
func (b *board) heard(stderr string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(stderr) {
		switch {
		case strings.Contains(line, ", which a run that was killed left"):
			b.removed++
		case !strings.HasPrefix(line, "imgtool: name ") || !strings.Contains(line, " moves from "):
			return fmt.Errorf("a run tells %q", line)
		}
	}
	return nil
}

// killLater begins to add an image and ends that at some moment. Where it was done
// before, another one is begun and ended sooner.
func (g *together) killLater(seen *board, j job, whole time.Duration, number uint64) error {
	random := rand.New(rand.NewPCG(togetherSeed, number))
	limit := whole * 2
	return g.kill(seen, j, func() {
		limit = limit*3/4 + 1
		time.Sleep(time.Duration(random.Int64N(int64(limit))))
	})
}

// killMidway ends a run whose mark stands in the layout, and stays there.
func (g *together) killMidway(seen *board, j job) error {
	mark := filepath.Join(g.dir, "layout", ".*.imgtool-*")
	for {
		err := g.kill(seen, j, func() { comes(mark, 5*time.Second) })
		if err != nil || comes(mark, 0) {
			return err
		}
	}
}

// kill begins to add an image, waits, and ends that, again until one was ended.
func (g *together) kill(seen *board, j job, wait func()) error {
	for {
		command := g.command(j.args("layout")...)
		var out bytes.Buffer
		command.Stdout = &out
		if err := command.Start(); err != nil {
			return err
		}
		wait()
		_ = command.Process.Kill() // it may have ended
		switch err := command.Wait(); {
		case err == nil:
			seen.done(j, out.String())
		case command.ProcessState.ExitCode() >= 0:
			return fmt.Errorf("%v, to be killed, ends by itself: %w", j, err)
		default:
			seen.mu.Lock()
			defer seen.mu.Unlock()
			seen.killed++
			return nil
		}
	}
}

// readOn reads the layout until quit is closed, and counts how often.
func (g *together) readOn(seen *board, number int, quit chan struct{}) (reads int, err error) {
	for {
		select {
		case <-quit:
			return reads, nil
		case <-time.After(time.Millisecond):
		}
		want := seen.digests()
		if len(want) == 0 {
			continue // the layout may not be there yet
		}
		if err := g.read(number, want); err != nil {
			return reads, err
		}
		reads++
	}
}

// imageLines is a template of a line for each image: digest and names.
const imageLines = `{{range .Images}}{{println .Digest (join .Names " ")}}{{end}}`

// read looks at the layout in one of several ways, and for the images that must
// be there.
func (g *together) read(number int, want []string) error {
	var out string
	var err error
	switch number {
	case 0:
		out, _, err = g.run("inspect", "layout", "--format", imageLines)
	case 1:
		_, _, err = g.run("verify", "layout")
		return err
	default:
		out, _, err = g.run("convert", "-q", "oci:layout", "oci-archive:read.tar")
	}
	for _, digest := range want {
		if err == nil && !strings.Contains(out, digest) {
			err = fmt.Errorf("reader %d does not see %s, which was reported before it began:\n%s", number, digest, out)
		}
	}
	return err
}

// checkLayout checks that each image is there that was reported, under its name
// unless several wanted it, and that one converted alone is the same.
func (g *together) checkLayout(t *testing.T, seen *board) {
	t.Helper()
	g.mustRun(t, "verify", "layout")
	out, _ := g.mustRun(t, "inspect", "layout", "--format", imageLines)
	named := map[string]string{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		for _, name := range fields[1:] {
			named[name] = fields[0]
		}
	}
	wanted := map[string][]string{} // digests that a name may have, for it
	for j, digest := range seen.finished {
		wanted[j.name] = append(wanted[j.name], digest)
		if !strings.Contains(out, digest) {
			t.Errorf("%v is lost: %s is not in\n%s", j, digest, out)
		}
	}
	for name, digests := range wanted {
		if !slices.Contains(digests, named[name]) {
			t.Errorf("%s is %s, want one of %q", name, named[name], digests)
		}
	}
	for j, digest := range seen.finished {
		alone, _ := g.mustRun(t, "convert", "-q", j.source, "oci:single:"+j.name, "--compress", j.compress)
		if strings.TrimSpace(alone) != digest {
			t.Errorf("%v is %s, and %s where it is written alone", j, digest, alone)
		}
	}
}

// checkLeft runs once more, which finds what the last killed run left, and then
// nothing is left of any.
func (g *together) checkLeft(t *testing.T, seen *board) {
	t.Helper()
	before := seen.removed
	_, stderr := g.mustRun(t, "convert", g.sources[0], "oci:layout:app:last", "--compress", "gzip", "--cache", "cache")
	if err := seen.heard(stderr); err != nil || seen.removed == before {
		t.Errorf("one more run tells %q, %v, want what it removed", stderr, err)
	}
	g.mustRun(t, "verify", "layout")
	if left := append(leftovers(t, g.dir), names(t, g.temp)...); len(left) > 0 {
		t.Errorf("after one more run there are %q", left)
	}
}

// leftovers gives all temporary files below a folder.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(at string, _ fs.DirEntry, err error) error {
		if strings.Contains(filepath.Base(at), ".imgtool-") {
			all = append(all, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checkCache checks that each entry is what its name and its folder say.
func (g *together) checkCache(t *testing.T) {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(g.dir, "cache", "v1", "*", "*"))
	if err != nil || len(entries) == 0 {
		t.Fatalf("the cache has %d entries, %v", len(entries), err)
	}
	for _, path := range entries {
		if err := checkEntry(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func checkEntry(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	setting, stored, _ := strings.Cut(filepath.Base(path), "-")
	if got := digest.FromBytes(raw).Encoded(); !strings.HasSuffix(stored, "-"+got) {
		return fmt.Errorf("it holds %s", got)
	}
	plain, err := codec.NewReader(bytes.NewReader(raw), codec.Compression(setting), codec.ReaderOptions{})
	if err != nil {
		return err
	}
	defer plain.Close()
	sum := digest.Canonical.Digester()
	if _, err := io.Copy(sum.Hash(), plain); err != nil {
		return err
	}
	if got, want := sum.Digest().Encoded(), filepath.Base(filepath.Dir(path)); got != want {
		return fmt.Errorf("its diffID is %s", got)
	}
	return nil
}
