//go:build linux

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest/hostile"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
)

// These tests run every command over every hostile archive, each as a process of
// its own. The verdicts stand in testdata/hostile.txt, to be read like code; what
// must hold for all of them, whatever the verdict, is asserted here.

// hostileCommand is a command line of which SOURCE is the archive, OTHER a good one,
// and OUT where it writes.
type hostileCommand struct {
	name, line string
	// heavy commands are run for heavy cases too.
	heavy bool
	// raw commands write what the archive holds, as it is.
	raw bool
	// archives says that OUT is an archive, or a folder of archives.
	archives bool
}

// hostileCommands begin with verify, whose findings the others' outputs are measured
// by.
var hostileCommands = []hostileCommand{
	{name: "verify", line: "verify SOURCE --severity note", heavy: true},
	{name: "verify-json", line: "verify SOURCE --format json"},
	{name: "inspect", line: "inspect SOURCE", heavy: true},
	{name: "inspect-json", line: "inspect --format json SOURCE"},
	{name: "ls", line: "ls -R SOURCE"},
	{name: "ls-layer", line: "ls --layer -1 -R SOURCE"},
	{name: "cat", line: "cat SOURCE /etc/motd", raw: true},
	{name: "history", line: "history SOURCE"},
	{name: "docker-archive", line: "convert SOURCE docker-archive:OUT", archives: true},
	{name: "oci", line: "convert SOURCE oci:OUT", heavy: true, archives: true},
	{name: "dir", line: "convert SOURCE dir:OUT", archives: true},
	{name: "platform", line: "convert SOURCE OUT --platform linux/amd64", archives: true},
	{name: "compress", line: "convert SOURCE OUT --compress gzip", archives: true},
	{name: "recompress", line: "recompress SOURCE oci:OUT --compress zstd", archives: true},
	{name: "flatten", line: "flatten SOURCE OUT", heavy: true, archives: true},
	{name: "export", line: "export SOURCE -o OUT", heavy: true},
	{name: "unpack", line: "unpack SOURCE OUT --rootless"},
	{name: "diff-itself", line: "diff SOURCE SOURCE"},
	{name: "diff-other", line: "diff SOURCE OTHER", heavy: true},
	{name: "repair", line: "repair SOURCE OUT", archives: true},
	{name: "split", line: "split SOURCE OUT", archives: true},
}

// What a command may take, but for cases that say otherwise. Time on the clock is
// several times that, since other tests run beside.
const (
	hostileCPU    = 10 * time.Second
	heavyCPU      = 60 * time.Second
	hostileMemory = 192 << 20
	hostileClock  = 5 * time.Minute
)

// TestHostile runs everything over all hostile archives.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs some thousand processes")
	}
	imgtool, maker, golden := buildImgtool(t), buildCommand(t, "../scripts/hostile"), readVerdicts(t)
	other := filepath.Join(t.TempDir(), "other")
	writeOther(t, other)
	all := hostile.Cases()
	ran := make([]verdict, len(all))
	var cases, commands atomic.Int64
	t.Run("cases", func(t *testing.T) {
		for i, c := range all {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				run := hostileRun{c: c, imgtool: imgtool, maker: maker, other: other, root: t.TempDir()}
				ran[i] = run.all(t)
				cases.Add(1)
				commands.Add(run.commands)
				if diff := cmp.Diff(golden[c.Name], ran[i].text); diff != "" && !*update {
					t.Errorf("verdicts (-want +got), of %s\n%s", c.About, diff)
				}
			})
		}
	})
	if *update {
		writeVerdicts(t, all, golden, ran)
	}
	t.Logf("tried: %d hostile archives, %d commands", cases.Load(), commands.Load())
}

// hostileRun is what is done with one case, in folders of its own.
type hostileRun struct {
	c              hostile.Case
	imgtool, maker string // commands
	other, root    string
	commands       int64
	// faults are the errors that verify finds in the source.
	faults []string
}

// place is the working folder of all commands: deep enough that what climbs out of
// it ends up in root and is seen.
func (r *hostileRun) place() string { return filepath.Join(r.root, "up", "up", "here") }

func (r *hostileRun) all(t *testing.T) verdict {
	t.Helper()
	for _, dir := range []string{r.place(), r.temp()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.place(), "canary"), []byte("canary"), 0o644); err != nil {
		t.Fatal(err)
	}
	r.make(t, filepath.Join(r.place(), "source"))
	before := snapshot(t, r.root)
	v := verdict{name: r.c.Name, about: r.c.About}
	for _, command := range hostileCommands {
		if r.c.Heavy && !command.heavy {
			continue
		}
		if answer := r.run(t, command); !r.c.Host || command.name != "unpack" {
			v.add(command.name, answer)
		}
		if diff := cmp.Diff(before, snapshot(t, r.root)); diff != "" {
			t.Fatalf("%s: what lies there has changed (-before +after):\n%s", command.name, diff)
		}
	}
	v.write()
	return v
}

// large reports a case that would blow up this process, and with it what the kernel
// says of the memory of others.
func (r *hostileRun) large() bool { return r.c.Heavy || r.c.Memory > 0 }

func (r *hostileRun) make(t *testing.T, path string) {
	t.Helper()
	if !r.large() {
		if err := r.c.Write(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	dir := filepath.Join(r.root, "made")
	if out, err := exec.Command(r.maker, "-case", r.c.Name, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Rename(filepath.Join(dir, r.c.Name), path); err != nil {
		t.Fatal(err)
	}
}

func (r *hostileRun) temp() string { return filepath.Join(r.root, "temp") }

// run runs one command, looks at what it did, removes its output, and gives the
// verdict: exit code and message.
func (r *hostileRun) run(t *testing.T, command hostileCommand) answer {
	t.Helper()
	args := strings.Fields(command.line)
	for i := range args {
		args[i] = strings.NewReplacer("SOURCE", "source", "OTHER", r.other, "OUT", "out").Replace(args[i])
	}
	out := filepath.Join(r.place(), "out")
	p := r.start(t, args)
	if p.memory > r.memory() { // it may be this process's, from before the other began
		forgetPeak()
		removeAll(t, out)
		p = r.watch(t, args)
	}
	r.checkProcess(t, command, p)
	if _, err := os.Lstat(out); err == nil && p.code == 2 {
		t.Errorf("%s: exit code 2 leaves an output", command.name)
	} else if err != nil && p.code == 0 && strings.Contains(command.line, "OUT") {
		t.Errorf("%s: exit code 0 without an output", command.name)
	}
	found := rulesIn(p.stdout)
	switch {
	case command.name == "verify":
		r.checkRules(t, found)
		r.faults = found
	case command.archives && p.code == 0:
		r.checkMade(t, command, out)
	}
	removeAll(t, out)
	message := messages(p.stderr)
	if command.name == "verify" && len(found) > 0 {
		message = strings.Join(found, " ")
	}
	return answer{p.code, strings.NewReplacer(r.other, "other", r.temp(), "TMPDIR").Replace(message)}
}

// process is one that has ended.
type process struct {
	code           int
	stdout, stderr string
	cpu, clock     time.Duration
	memory         int64 // bytes resident at most
}

// start runs imgtool to its end.
func (r *hostileRun) start(t *testing.T, args []string) process {
	t.Helper()
	return r.runProcess(t, args, func(command *exec.Cmd) int64 {
		_ = command.Wait() // the state says how it ended
		return int64(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) << 10
	})
}

// forgetPeak gives memory back and lets the kernel forget how much this process
// had, so that it does not count for those that it starts (proc_pid_clear_refs(5)).
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // else more is watched than need be
}

// watch is start for processes whose memory is looked at while they run.
func (r *hostileRun) watch(t *testing.T, args []string) process {
	t.Helper()
	return r.runProcess(t, args, waitForPeak)
}

func (r *hostileRun) runProcess(t *testing.T, args []string, wait func(*exec.Cmd) int64) process {
	t.Helper()
	r.commands++
	ctx, cancel := context.WithTimeout(context.Background(), hostileClock)
	defer cancel()
	command := exec.CommandContext(ctx, r.imgtool, args...)
	command.Dir, command.Env = r.place(), []string{"TMPDIR=" + r.temp(), "HOME=" + r.temp(), "PATH=" + os.Getenv("PATH")}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	begin := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	memory := wait(command)
	state := command.ProcessState
	return process{
		code: state.ExitCode(), stdout: stdout.String(), stderr: stderr.String(), clock: time.Since(begin),
		cpu: state.UserTime() + state.SystemTime(), memory: memory,
	}
}

// memory is what a command may take, in bytes.
func (r *hostileRun) memory() int64 {
	if r.c.Memory > 0 {
		return r.c.Memory << 20
	}
	return hostileMemory
}

// checkProcess holds what must hold for every command and every archive.
func (r *hostileRun) checkProcess(t *testing.T, command hostileCommand, p process) {
	t.Helper()
	all := p.stdout + p.stderr
	if command.raw {
		all = p.stderr
	}
	if p.code < 0 || p.code > 2 || p.code == 1 && !strings.HasPrefix(command.name, "verify") && !strings.HasPrefix(command.name, "diff") {
		t.Errorf("%s: exit code %d after %v\n%.2000s", command.name, p.code, p.clock, all)
	}
	if strings.Contains(p.stderr, "panic") || strings.Contains(p.stderr, "goroutine ") {
		t.Errorf("%s: panics:\n%.4000s", command.name, p.stderr)
	}
	acts := actsOnTerminal
	if strings.HasSuffix(command.name, "-json") {
		acts = isControl // JSON is for programs, which want the letters as they are
	}
	if i := strings.IndexFunc(all, acts); i >= 0 || !utf8.ValidString(all) {
		t.Errorf("%s: prints what could act on a terminal: %.200q", command.name, all[max(i-50, 0):])
	}
	if (p.code == 2) != (p.stderr != "" && p.code == 2) {
		t.Errorf("%s: exit code 2 without a message", command.name)
	}
	cpu := hostileCPU
	if r.c.Heavy {
		cpu = heavyCPU
	}
	if p.memory > r.memory() {
		t.Errorf("%s: %d MiB resident, want at most %d", command.name, p.memory>>20, r.memory()>>20)
	}
	if p.cpu > cpu {
		t.Errorf("%s: %v of processor time, want at most %v", command.name, p.cpu, cpu)
	}
}

// actsOnTerminal reports what no message may hold.
func actsOnTerminal(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }

func isControl(r rune) bool { return r != '\n' && unicode.IsControl(r) }

// checkRules looks for what verify must find.
func (r *hostileRun) checkRules(t *testing.T, found []string) {
	t.Helper()
	for _, rule := range r.c.Rules {
		if !slices.Contains(found, rule) {
			t.Errorf("verify finds %q, want %s among it", found, rule)
		}
	}
}

// checkMade verifies what a command made: it may have no fault that the source had
// not.
func (r *hostileRun) checkMade(t *testing.T, command hostileCommand, out string) {
	t.Helper()
	made := []string{"out"}
	if command.name == "split" {
		made = nil
		for _, name := range names(t, out) {
			made = append(made, filepath.Join("out", name))
		}
	}
	if len(made) == 0 {
		return
	}
	for _, name := range made {
		for _, rule := range r.faultsOf(t, name) {
			if !slices.Contains(r.faults, rule) {
				t.Errorf("%s: what it made has %s, which the source has not", command.name, rule)
			}
		}
	}
}

// faultsOf gives the errors that verify finds in what was made, from this process,
// which is faster, unless it is large.
func (r *hostileRun) faultsOf(t *testing.T, name string) []string {
	t.Helper()
	if r.large() {
		p := r.start(t, []string{"verify", "--severity", "error", name})
		if p.code == 2 {
			t.Errorf("what it made: %s", p.stderr)
		}
		return rulesIn(p.stdout)
	}
	a, err := archive.Open(t.Context(), ref.Ref{Path: filepath.Join(r.place(), name)}, archive.OpenOptions{})
	if err != nil {
		t.Errorf("what it made: %v", err)
		return nil
	}
	defer a.Close()
	report, err := verify.Archive(t.Context(), a, a.Images, verify.Options{})
	if err != nil {
		t.Errorf("what it made: %v", err)
		return nil
	}
	var out []string
	for _, f := range report.Findings {
		if f.Severity == verify.Error {
			out = append(out, f.Rule)
		}
	}
	return out
}

// snapshot tells of every file below root what a change of it would change.
func snapshot(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		changed := ""
		if !entry.IsDir() {
			changed = info.ModTime().String()
		}
		all = append(all, fmt.Sprint(strings.TrimPrefix(at, root), " ", info.Mode(), info.Size()*int64(len(changed)), changed))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// removeAll removes folders too that nobody may write to.
func removeAll(t *testing.T, path string) {
	t.Helper()
	err := os.RemoveAll(path)
	if errors.Is(err, fs.ErrPermission) {
		_ = filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error { // what fails is found when it is removed
			if entry.IsDir() {
				return os.Chmod(at, 0o700)
			}
			return nil
		})
		err = os.RemoveAll(path)
	}
	if err != nil {
		t.Fatal(err)
	}
}
