package enginetest

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Containerd is a running containerd without the CRI plugin.
type Containerd struct {
	socket string
}

// StartContainerd starts a containerd that ends with the test. It needs
// containerd and ctr.
func StartContainerd(t testing.TB) *Containerd {
	t.Helper()
	requireEngine(t, "containerd", "ctr")
	h := newHome(t)
	return &Containerd{socket: startContainerd(t, h)}
}

// startContainerd starts a containerd in h and returns its socket.
func startContainerd(t testing.TB, h home) string {
	t.Helper()
	socket := h.socket(t, "c.sock")
	// The opt plugin would make /opt/containerd on the host.
	config := h.write(t, "containerd.toml", fmt.Sprintf(`version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = %q
[ttrpc]
address = %q
`, h.path("c-root"), h.path("c-state"), socket, socket+".ttrpc"))
	startDaemon(t, exec.Command("containerd", "--config", config), h.path("containerd.log"),
		func(ctx context.Context) error {
			_, err := output(exec.CommandContext(ctx, "ctr", "--address", socket, "version"))
			return err
		})
	return socket
}

// Command is ctr with args, to be run by the caller, for what has no method here.
func (c *Containerd) Command(args ...string) *exec.Cmd {
	return exec.Command("ctr", append([]string{"--address", c.socket, "--namespace", "enginetest"}, args...)...)
}

// Import runs ctr images import with extra flags such as "--all-platforms" and
// returns what it prints. It fails the test where ctr fails.
func (c *Containerd) Import(t testing.TB, file string, flags ...string) string {
	t.Helper()
	out, err := c.TryImport(file, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryImport is [Containerd.Import] for an archive that may be refused; the
// error holds what ctr says. ctr makes names before it unpacks, so names may
// exist after an error.
func (c *Containerd) TryImport(file string, flags ...string) (string, error) {
	args := append([]string{"images", "import"}, flags...)
	return combined(c.Command(append(args, file)...))
}

// Images lists what the engine holds, sorted, as "name digest": the full name
// and the digest of the manifest or index that it points at. An image without
// a name does not exist in containerd.
func (c *Containerd) Images(t testing.TB) []string {
	t.Helper()
	out, err := output(c.Command("images", "list"))
	if err != nil {
		t.Fatal(err)
	}
	var images []string
	for _, line := range lines(out) {
		f := strings.Fields(line) // REF TYPE DIGEST SIZE PLATFORMS LABELS
		if len(f) >= 3 && f[0] != "REF" {
			images = append(images, f[0]+" "+f[2])
		}
	}
	slices.Sort(images)
	return images
}

// Reset removes every image, and their content before it returns.
func (c *Containerd) Reset(t testing.TB) {
	t.Helper()
	out, err := output(c.Command("images", "list", "--quiet"))
	if err != nil {
		t.Fatal(err)
	}
	names := lines(out)
	if len(names) == 0 {
		return
	}
	if _, err := output(c.Command(append([]string{"images", "remove", "--sync"}, names...)...)); err != nil {
		t.Fatal(err)
	}
}
