package enginetest

import (
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Podman is a podman with storage of its own. No process runs between calls.
type Podman struct {
	storage
}

// StartPodman makes a podman with empty storage of the vfs driver that is
// removed with the test. It needs podman.
func StartPodman(t testing.TB) *Podman {
	t.Helper()
	requireEngine(t, "podman")
	h := newHome(t)
	s := newStorage(t, h)
	s.flags = append(s.flags, "--tmpdir", h.path("libpod"), "--events-backend", "none", "--cgroup-manager", "cgroupfs")
	return &Podman{s}
}

// Command is podman with args, to be run by the caller, for what has no method
// here.
func (p *Podman) Command(args ...string) *exec.Cmd {
	c := exec.Command("podman", append(slices.Clone(p.flags), args...)...)
	c.Env = p.env
	return c
}

func (p *Podman) output(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := output(p.Command(args...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Load runs podman load and returns what it prints, a line for each name or
// image ID. It fails the test where podman fails.
func (p *Podman) Load(t testing.TB, file string) string {
	t.Helper()
	out, err := p.TryLoad(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryLoad is [Podman.Load] for an archive that may be refused; the error holds
// what podman says.
func (p *Podman) TryLoad(file string) (string, error) {
	return combined(p.Command("load", "--quiet", "--input", file))
}

// Images lists what the engine holds, sorted, as "name:tag imageID". Names are
// full ("docker.io/library/fx:latest"); an image without a name is
// "<none>:<none>".
func (p *Podman) Images(t testing.TB) []string {
	t.Helper()
	// podman prints an image ID without its algorithm.
	images := lines(p.output(t, "images", "--all", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} sha256:{{.Id}}"))
	slices.Sort(images)
	return images
}

// Inspect returns what podman image inspect says of ref: a JSON array of one
// object. Its Digest is that of the manifest or index in the archive where
// podman read an OCI layout, and of a manifest that podman made where it read
// manifest.json.
func (p *Podman) Inspect(t testing.TB, ref string) []byte {
	t.Helper()
	return p.output(t, "image", "inspect", ref)
}

// Export writes the root filesystem of an image to w, as podman export of a
// container that was never started.
func (p *Podman) Export(t testing.TB, ref string, w io.Writer) {
	t.Helper()
	id, err := p.export(ref, w)
	if err != nil {
		t.Fatal(err)
	}
	p.output(t, "rm", id)
}

// TryExport is [Podman.Export] for an image that the engine may not be able to use;
// the error holds what it says. It is faster, too: the container stays until the
// engine ends.
func (p *Podman) TryExport(ref string, w io.Writer) error {
	_, err := p.export(ref, w)
	return err
}

// export makes a container and exports it.
func (p *Podman) export(ref string, w io.Writer) (id string, err error) {
	// An image need not name a command; one that does not exist will do.
	out, err := output(p.Command("create", "--network", "none", ref, "/none"))
	if err != nil {
		return "", err
	}
	id = strings.TrimSpace(string(out))
	c := p.Command("export", id)
	c.Stdout = w
	return id, run(c)
}

// Run runs a program of an image as root in a container of its own, without a
// network and with limits that a test machine has room for, and returns what it
// prints. Podman puts files of its own into etc. (Docker cannot run one here: what
// its daemon mounts is not to be seen in the namespace of its containerd.)
func (p *Podman) Run(t testing.TB, ref, program string, args ...string) string {
	t.Helper()
	flags := []string{
		"run", "--rm", "--network", "none", "--no-healthcheck", "--user", "0:0",
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--entrypoint", program, ref,
	}
	return string(p.output(t, append(flags, args...)...))
}

// Reset removes every image, so that one engine can serve several cases.
func (p *Podman) Reset(t testing.TB) {
	t.Helper()
	p.output(t, "rmi", "--all", "--force")
}
