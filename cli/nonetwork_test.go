//go:build linux

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/cli"
)

// offline are command lines that must work, or be refused, the same without a
// network, and want no socket with one. FIXTURES stands for the folder of archives.
var offline = []struct {
	code int
	line string
}{
	{0, "inspect FIXTURES/docker29-multiarch.tar"},
	{0, "inspect FIXTURES/buildkit-oci-attest.tar --format json"},
	{0, "inspect FIXTURES/docker20-v1.tar.bz2"},
	{2, "inspect docker://alpine"},
	{2, "inspect docker://registry.example.com/app:v1"},
	{2, "inspect docker-daemon:alpine"},
	{2, "inspect containers-storage:alpine"},
	{2, "inspect https://example.com/image.tar"},
	{0, "ls FIXTURES/docker29-containerd.tar --image @0 --long /etc"},
	{0, "cat FIXTURES/docker29-containerd.tar --image @0 /etc/motd.sym"},
	{0, "history FIXTURES/docker29-containerd.tar --image @0"},
	{0, "convert FIXTURES/docker20-legacy-multi.tar oci:out"},
	{0, "convert FIXTURES/docker29-containerd.tar out --for docker20 --image @0"},
	{0, "convert FIXTURES/docker20-v1.tar.bz2 dir:out"},
	{0, "convert dir:FIXTURES/skopeo-dir out --outer gzip"},
	{0, "convert --dry-run FIXTURES/docker29-multiarch.tar out"},
	{2, "convert docker://localhost:5000/app:v1 out"},
	{2, "convert FIXTURES/docker29-multiarch.tar docker://127.0.0.1:5000/app:v1"},
	{2, "convert FIXTURES/docker29-multiarch.tar docker-daemon:app:v1"},
	{0, "recompress FIXTURES/docker29-multiarch.tar out --compress zstd"},
	{0, "repair FIXTURES/docker29-containerd.tar out"},
	{0, "flatten FIXTURES/docker20-legacy-multi.tar oci:out --image @0"},
	{2, "flatten docker://alpine out"},
	{0, "split FIXTURES/docker20-legacy-multi.tar out"},
	{0, "export FIXTURES/docker20-v1.tar.bz2 --output out"},
	{0, "unpack --rootless FIXTURES/docker20-v1.tar.bz2 out"},
	{2, "unpack docker://alpine out"},
	{0, "verify FIXTURES/buildkit-oci-attest.tar FIXTURES/docker20-legacy-multi.tar"},
	{0, "verify FIXTURES/docker29-multiarch.tar --format sarif --report junit=out"},
	{2, "verify docker://alpine"},
	{1, "diff FIXTURES/docker20-legacy-multi.tar FIXTURES/podman-docker-multi.tar --image @0"},
	{1, "diff FIXTURES/docker20-legacy-multi.tar FIXTURES/docker29-containerd.tar --image @1 --format html"},
	{2, "diff docker://alpine FIXTURES/docker20-legacy-multi.tar"},
	{0, "completion bash"},
	{0, "completion fish"},
	{0, "version --format json"},
	{0, "help"},
}

// TestNoNetwork runs every command with the network of this machine and without
// any. It must do the same, and never ask the kernel for a socket.
func TestNoNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("runs many processes")
	}
	enginetest.Require(t, "strace")
	t.Parallel()
	imgtool := buildImgtool(t)
	fixtures, err := filepath.Abs(filepath.Join("..", "testdata", "archives"))
	if err != nil {
		t.Fatal(err)
	}
	checkNamespace(t)
	lacking := cli.CommandNames()
	for _, test := range offline {
		args := strings.Fields(strings.ReplaceAll(test.line, "FIXTURES", fixtures))
		lacking = slices.DeleteFunc(lacking, func(name string) bool { return name == args[0] })
		t.Run(test.line, func(t *testing.T) {
			t.Parallel()
			want := runIn(t, exec.Command(imgtool, args...))
			got, calls := traced(t, imgtool, args...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("imgtool %s: (-with a network +without):\n%s", test.line, diff)
			}
			if calls != "" {
				t.Errorf("imgtool %s asks for the network:\n%s", test.line, calls)
			}
			if want.Code != test.code {
				t.Errorf("imgtool %s: exit code %d, want %d\n%s%s", test.line, want.Code, test.code, want.Stdout, want.Stderr)
			}
		})
	}
	if len(lacking) > 0 {
		t.Errorf("no command line for %q", lacking)
	}
	t.Logf("tried: %d command lines without a network", len(offline))
}

// checkNamespace proves that this way of running things would see a socket, and
// leaves no network: a shell asks for one, and does not get through.
func checkNamespace(t *testing.T) {
	t.Helper()
	got, calls := traced(t, "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9")
	if got.Code == 0 || !strings.Contains(got.Stderr, "unreachable") || !strings.Contains(calls, "socket(AF_INET") {
		t.Fatalf("a shell that connects: exit code %d, %scalls: %q", got.Code, got.Stderr, calls)
	}
}

// outcome is all that a command leaves.
type outcome struct {
	Code           int
	Stdout, Stderr string
	Files          string // as [folderText] tells them
}

// runIn runs a command in a folder of its own.
func runIn(t *testing.T, command *exec.Cmd) (o outcome) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command.Dir, command.Stdout, command.Stderr = t.TempDir(), &stdout, &stderr
	if err := command.Run(); command.ProcessState == nil {
		t.Fatalf("run %q: %v", command.Args, err)
	}
	files, err := folderText(command.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String(), files}
}

// traced runs a command where there is no network, and gives the calls of the
// kernel's network that it made.
func traced(t *testing.T, name string, args ...string) (outcome, string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "calls")
	command := exec.Command("strace", append([]string{"-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", log, name}, args...)...)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
	o := runIn(t, command)
	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatalf("%v\n%s", err, o.Stderr)
	}
	return o, unknownCall.ReplaceAllString(string(calls), "")
}

// unknownCall is what strace writes of a thread that was gone before it could tell
// the call that it was at.
var unknownCall = regexp.MustCompile(`(?m)^\d+ +\?\?\?\( <detached \.\.\.>\n`)
