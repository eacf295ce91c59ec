//go:build linux && !386

package cli_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/faultfs"
)

// judge tells what is wrong with how a run ended, if anything.
func (b *faultBench) judge(t *testing.T, r faultRun) []string {
	t.Helper()
	var wrong complaints
	if !maps.Equal(b.inputs, readTree(t, filepath.Join(b.backing, "in"))) {
		wrong.add("the input changed")
	}
	if strings.Contains(r.stderr, "panic:") || strings.Contains(r.stderr, "goroutine ") {
		wrong.add("it panics")
	}
	isNew := maps.Equal(r.out, b.new)
	switch {
	case r.code == b.code:
		wrong.when(!isNew || r.stdout != b.stdout, "it ends well with another output: %s", b.differs(r))
		wrong.when(!b.mayPass(r), "it ends well")
	case r.fault.Effect == faultfs.Kill:
	case r.code == -1 && isNew && isSignal(r): // it came when all was done
	case r.code != 2:
		wrong.add("exit code %d", r.code)
	default:
		wrong.when(!isNew && b.isWriter() && strings.Contains(r.stdout, "sha256:"), "stdout has a digest: %q", r.stdout)
		wrong.when(mustPass(r), "it does not end well")
		b.judgeMessage(r, &wrong)
	}
	if whole := isNew || maps.Equal(r.out, b.old) || b.isAdded(r.out) || b.isTold(r); whole && len(r.temp)+len(r.spool) == 0 {
		return wrong
	} else if r.fault.Effect != faultfs.Kill && !isOutOfReach(r) {
		wrong.when(!whole, "neither the old nor the new output: %s", b.differs(r))
		wrong.add("left %q %q", r.temp, r.spool)
		return wrong
	}
	b.judgeNext(t, r, &wrong)
	return wrong
}

// complaints are what is wrong with a run.
type complaints []string

func (c *complaints) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func (c *complaints) when(wrong bool, format string, args ...any) {
	if wrong {
		c.add(format, args...)
	}
}

// judgeNext runs the command once more, on a good disk, after a run that could not
// clean up. It must find all that was left, say so, and do what it would have done;
// only a folder that unpacking began to fill is nobody's to judge, and refused.
func (b *faultBench) judgeNext(t *testing.T, r faultRun, wrong *complaints) {
	t.Helper()
	half := b.faulted.old == "empty" && slices.ContainsFunc(r.temp, func(p string) bool { return strings.Contains(p, "filling.imgtool-") })
	wrong.when(!half && !maps.Equal(r.out, b.old) && !maps.Equal(r.out, b.new) && !b.isAdded(r.out),
		"neither the old nor the new output: %s", b.differs(r))
	next := b.again(t, r)
	switch {
	case half && next.code == 2 && strings.Contains(next.stderr, "a run that was killed left it half filled"):
		return
	case next.code == 2 && maps.Equal(r.out, b.new) && strings.Contains(next.stderr, "is there and not empty"):
	default:
		wrong.when(next.code != b.code || !maps.Equal(next.out, b.new), "the next run ends with %d and %s:\n%s", next.code, b.differs(next), next.stderr)
	}
	wrong.when(len(next.temp) > 0, "the next run leaves %q", next.temp)
	wrong.when(len(r.temp) > 0 && !strings.Contains(next.stderr, "which a run that was killed left"), "the next run does not tell of %q:\n%s", r.temp, next.stderr)
}

func (b *faultBench) isWriter() bool { return strings.Contains(b.command, "OUT/out") }

func isSignal(r faultRun) bool {
	return r.fault.Effect == faultfs.Interrupt || r.fault.Effect == faultfs.Terminate
}

// isOutOfReach reports a run that was not let find what it was to remove.
func isOutOfReach(r faultRun) bool {
	switch r.hit.Kind {
	case faultfs.Lookup, faultfs.Stat, faultfs.Unlink, faultfs.Rmdir:
		return r.fault.Effect == faultfs.EIO && strings.Contains(r.stderr, "input/output error")
	}
	return false
}

// place tells in which folder of a run a fault came, and below what there.
func (r faultRun) place() (folder, below string) {
	folder, below, _ = strings.Cut(strings.TrimPrefix(r.hit.Path, r.folder+"/"), "/")
	return folder, below
}

// mayPass tells whether a run may end well. After an error it may where that was
// about a name that was only asked after or is gone in the end, about a file that
// was read already, about what a killed run may have left beside the output, or
// about the cache, which nothing depends on.
func (b *faultBench) mayPass(r faultRun) bool {
	switch r.fault.Effect {
	case faultfs.EIO, faultfs.ENOSPC, faultfs.Full:
	default:
		return r.fault.Effect != faultfs.Kill
	}
	switch folder, _ := r.place(); r.hit.Kind {
	case faultfs.Lookup, faultfs.Stat, faultfs.Unlink:
		return true
	case faultfs.Close:
		return folder == "out" && !strings.Contains(r.hit.Path, ".imgtool-") || strings.Contains(r.stderr, "imgtool: cache: ")
	case faultfs.OpenDir, faultfs.ReadDir, faultfs.Lock:
		return folder == "out" || folder == "cache"
	}
	return strings.Contains(r.stderr, "imgtool: cache: ")
}

// mustPass tells whether a run has to end well: nothing failed.
func mustPass(r faultRun) bool {
	switch r.hit.Kind {
	case faultfs.Open, faultfs.Create, faultfs.Read, faultfs.Write, faultfs.Sync:
		return r.fault.Effect == faultfs.EINTR || r.fault.Effect == faultfs.Short
	}
	return false
}

// judgeMessage looks for what went wrong, and where. Whether there is something at
// the name of the output is told from what is known then.
func (b *faultBench) judgeMessage(r faultRun, wrong *complaints) {
	cause := map[faultfs.Effect]string{
		faultfs.EIO: "input/output error", faultfs.ENOSPC: "no space left on device", faultfs.Full: "no space left on device",
		faultfs.Interrupt: "interrupted", faultfs.Terminate: "interrupted", faultfs.EINTR: "interrupted system call",
	}[r.fault.Effect]
	folder, below := r.place()
	asked := slices.Contains([]faultfs.Kind{faultfs.Lookup, faultfs.Stat}, r.hit.Kind) && folder != "in"
	wrong.when(!asked && !strings.Contains(r.stderr, cause), "stderr does not say %q", cause)
	if cause == "interrupted" || r.fault.Effect == faultfs.Full { // what ends it comes later
		return
	}
	file, _, _ := strings.Cut(below, "/")
	switch folder {
	case "in":
		wrong.when(!strings.Contains(r.stderr, "/in/"+file), "stderr does not name %q", file)
	case "out":
		wrong.when(!strings.Contains(r.stderr, "RUN/out/out"), "stderr does not name the output")
	case "tmp", "cache":
		wrong.when(!strings.Contains(r.stderr, "RUN/"+folder), "stderr does not name the folder %s", folder)
	}
}

// isAdded reports a layout with all of the old in it, and else nothing but what is
// of the new.
func (b *faultBench) isAdded(out tree) bool {
	if b.faulted.old != "layout" {
		return false
	}
	for path, what := range out {
		if what != b.new[path] && what != b.old[path] {
			return false
		}
	}
	for path, what := range b.old {
		if out[path] != what {
			return false
		}
	}
	return true
}

// isTold reports a whole report that says what could not be read.
func (b *faultBench) isTold(r faultRun) bool {
	return strings.HasPrefix(b.command, "verify") && r.code == 2 && len(r.out) == 1 && strings.Contains(r.out["out"], `"verdict": "not verified"`)
}

// differs tells how an output differs from the new one.
func (b *faultBench) differs(r faultRun) string {
	var all []string
	for path, what := range r.out {
		if b.new[path] != what {
			all = append(all, "+"+path)
		}
	}
	for path := range b.new {
		if _, ok := r.out[path]; !ok {
			all = append(all, "-"+path)
		}
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}
