//go:build linux && !386

package cli_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/archive/faultfs"
)

// faultsAtLeast is how many faults each command that writes is put through.
const faultsAtLeast = 500

// faulted is a command whose every operation on its disk goes wrong once. IN, OUT,
// CACHE stand for folders on that disk.
type faulted struct {
	name, command string
	// old is what stands at OUT/out before: "" for nothing, else a name in the
	// folder of inputs, or `empty` for a folder.
	old string
	// code is what the command ends with on a good disk.
	code int
}

// faultedWriters write an archive, a folder or a file at OUT/out.
var faultedWriters = []faulted{
	{name: "docker-archive", command: "convert IN/save.tar docker-archive:OUT/out"},
	{name: "docker-archive, replaced", command: "convert oci:IN/layout OUT/out", old: "save.tar"},
	{name: "oci-archive", command: "convert IN/save.tar oci-archive:OUT/out"},
	{name: "oci", command: "convert IN/save.tar oci:OUT/out"},
	{name: "oci in an empty folder", command: "convert IN/save.tar oci:OUT/out", old: "empty"},
	{name: "oci, added to", command: "convert IN/save.tar oci:OUT/out", old: "layout"},
	{name: "dir", command: "convert dir:IN/dir dir:OUT/out"},
	{name: "outer gzip", command: "convert IN/save.tar.gz OUT/out --outer gzip"},
	{name: "outer zstd", command: "convert oci:IN/layout OUT/out --outer zstd"},
	{name: "outer xz", command: "convert dir:IN/dir OUT/out --outer xz"},
	{name: "compress with a cache", command: "convert IN/save.tar OUT/out --compress zstd --cache CACHE"},
	{name: "join", command: "convert IN/save.tar oci:IN/layout OUT/out --as example.com/both:v1"},
	{name: "recompress", command: "recompress oci:IN/layout oci:OUT/out --compress zstd"},
	{name: "flatten", command: "flatten IN/save.tar OUT/out"},
	{name: "export", command: "export IN/save.tar -o OUT/out"},
	{name: "unpack", command: "unpack oci:IN/layout OUT/out"},
	{name: "unpack to an empty folder", command: "unpack IN/save.tar OUT/out", old: "empty"},
	{name: "repair", command: "repair IN/listless.tar OUT/out"},
	{name: "split", command: "split IN/two.tar OUT/out"},
	{name: "verify --report", command: "verify IN/save.tar --report json=OUT/out"},
	{name: "diff -o", command: "diff IN/save.tar oci:IN/layout -o OUT/out", code: 1},
}

// faultedReaders write to standard output alone.
var faultedReaders = []faulted{
	{name: "inspect", command: "inspect IN/save.tar"},
	{name: "inspect a layout", command: "inspect oci:IN/layout"},
	{name: "inspect a hybrid", command: "inspect IN/two.tar"},
	{name: "inspect gzip", command: "inspect IN/save.tar.gz"},
	{name: "inspect docker-save 1.0", command: "inspect IN/old.tar"},
	{name: "verify", command: "verify IN/save.tar"},
	{name: "verify a layout", command: "verify oci:IN/layout"},
	{name: "verify a hybrid, quickly", command: "verify --fast IN/two.tar"},
	{name: "ls", command: "ls IN/save.tar --recursive --long"},
	{name: "cat", command: "cat oci:IN/layout /etc/motd"},
	{name: "diff", command: "diff IN/save.tar oci:IN/layout", code: 1},
	{name: "history", command: "history dir:IN/dir"},
}

// TestFaults has each operation of each command fail once, and kills the process at
// each; the other effects come at them by turns.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("runs some ten thousand processes")
	}
	enginetest.RequireFUSE(t)
	imgtool, tried := buildImgtool(t), &tally{}
	t.Run("writers", func(t *testing.T) {
		for _, c := range faultedWriters {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				tried.add(newBench(t, imgtool, c).sweep(t, faultsAtLeast))
			})
		}
	})
	t.Run("readers", func(t *testing.T) {
		for _, c := range faultedReaders {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				newBench(t, imgtool, c).sweep(t, 0)
			})
		}
	})
	t.Logf("tried: %v", tried)
}

// turns are the effects that come at each operation by turns.
var turns = []faultfs.Effect{faultfs.ENOSPC, faultfs.Interrupt, faultfs.EINTR, faultfs.Full, faultfs.Short, faultfs.Terminate}

// faultsEach bounds at how many operations of one command each kind of fault comes;
// of more, every second or third is hit.
const faultsEach = 200

// plan gives the faults for a command of n operations: EIO and a kill at each, and
// the others by turns, until there are enough and each was hit by one.
func plan(n, least int) []faultfs.Fault {
	var faults []faultfs.Fault
	step := (n + faultsEach - 1) / faultsEach
	for at := 1; at <= n; at += step {
		faults = append(faults, faultfs.Fault{At: at, Effect: faultfs.EIO}, faultfs.Fault{At: min(at+step/2, n), Effect: faultfs.Kill})
	}
	for i := 0; i < n/step || len(faults) < least; i++ {
		round, at := i*step/n, i*step%n+1
		faults = append(faults, faultfs.Fault{At: at, Effect: turns[(i+round)%len(turns)]})
	}
	return faults
}

// sweep puts the command through its faults and gives how many came, by effect.
func (b *faultBench) sweep(t *testing.T, least int) map[faultfs.Effect]int {
	counts := map[faultfs.Effect]int{}
	told, came := 0, 0
	for i, fault := range plan(b.operations, 2*least) {
		if came >= least && i >= len(plan(b.operations, 0)) {
			break
		}
		r := b.run(t, fault)
		if r.hit == nil {
			continue // it ended before: what needs room on the disk comes early
		}
		counts[fault.Effect]++
		came++
		wrong := b.judge(t, r)
		if len(wrong) == 0 {
			continue
		}
		if told++; told > 20 {
			t.Fatalf("and more")
		}
		t.Errorf("%s at %d of %d, %v: %s\nexit code %d, stderr:\n%s", fault.Effect, fault.At, b.operations, r.hit, strings.Join(wrong, "; "), r.code, r.stderr)
	}
	return counts
}

// tally counts faults over all commands that write.
type tally struct {
	mu              sync.Mutex
	commands, least int
	counts          map[faultfs.Effect]int
}

func (y *tally) add(counts map[faultfs.Effect]int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.counts == nil {
		y.counts = map[faultfs.Effect]int{}
	}
	sum := 0
	for effect, n := range counts {
		y.counts[effect] += n
		sum += n
	}
	if y.commands++; y.least == 0 || sum < y.least {
		y.least = sum
	}
}

func (y *tally) String() string {
	var parts []string
	total := 0
	for _, effect := range append([]faultfs.Effect{faultfs.EIO, faultfs.Kill}, turns...) {
		parts = append(parts, fmt.Sprintf("%s %d", effect, y.counts[effect]))
		total += y.counts[effect]
	}
	return fmt.Sprintf("%d faults in %d writers, at least %d each: %s", total, y.commands, y.least, strings.Join(parts, ", "))
}
