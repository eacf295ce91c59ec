package enginetest

import (
	"context"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Docker is a running dockerd with a containerd of its own.
type Docker struct {
	host   string // "unix:///..."
	config string // folder of the client's configuration
}

// StartDocker starts a dockerd that ends with the test, without networks and
// with the storage driver that it chooses itself (overlay2 where the file
// system of [os.TempDir] takes it). It needs dockerd, containerd, ctr and
// docker.
func StartDocker(t testing.TB) *Docker {
	t.Helper()
	requireEngine(t, "dockerd", "docker", "containerd", "ctr")
	h := newHome(t)
	d := &Docker{host: "unix://" + h.socket(t, "d.sock"), config: h.mkdir(t, "d-client")}
	// A containerd that dockerd starts takes a second longer to stop and
	// makes /opt/containerd.
	containerd := startContainerd(t, h)
	c := exec.Command("dockerd",
		"--config-file", h.write(t, "daemon.json", "{}\n"),
		"--containerd", containerd,
		"--data-root", h.path("d-data"),
		"--exec-root", h.path("d-exec"),
		"--pidfile", h.path("d.pid"),
		"--host", d.host,
		"--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	startDaemon(t, c, h.path("dockerd.log"), func(ctx context.Context) error {
		_, err := output(d.commandContext(ctx, "version"))
		return err
	})
	return d
}

// Command is docker with args, to be run by the caller, for what has no method
// here. It builds without BuildKit, which would be a plugin.
func (d *Docker) Command(args ...string) *exec.Cmd {
	return d.commandContext(context.Background(), args...)
}

func (d *Docker) commandContext(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, "docker", append([]string{"--host", d.host}, args...)...)
	c.Env = environ([]string{"DOCKER_"}, "DOCKER_CONFIG="+d.config, "DOCKER_BUILDKIT=0")
	return c
}

func (d *Docker) output(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := output(d.Command(args...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Load runs docker load and returns what it prints, a line for each name or
// image ID. It fails the test where docker fails.
func (d *Docker) Load(t testing.TB, file string) string {
	t.Helper()
	out, err := d.TryLoad(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryLoad is [Docker.Load] for an archive that may be refused; the error holds
// what docker says. Images that stand before the bad one stay loaded.
func (d *Docker) TryLoad(file string) (string, error) {
	return combined(d.Command("load", "--quiet", "--input", file))
}

// Images lists what the engine holds, sorted, as "name:tag imageID". Names are
// familiar ones ("fx:latest", never "docker.io/library/fx:latest"); an image
// without a name is "<none>:<none>".
func (d *Docker) Images(t testing.TB) []string {
	t.Helper()
	images := lines(d.output(t, "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"))
	slices.Sort(images)
	return images
}

// Inspect returns what docker image inspect says of ref: a JSON array of one
// object.
func (d *Docker) Inspect(t testing.TB, ref string) []byte {
	t.Helper()
	return d.output(t, "image", "inspect", ref)
}

// Export writes the root filesystem of an image to w, as docker export of a
// container that was never started. Docker adds to it what a container needs:
// .dockerenv, dev (with console, pts and shm), proc, sys, etc/hostname,
// etc/hosts, etc/resolv.conf, and etc/mtab as a symlink; what stands at these
// paths, and the time of etc, is not the image's. [Podman.Export] adds nothing.
func (d *Docker) Export(t testing.TB, ref string, w io.Writer) {
	t.Helper()
	id, err := d.export(ref, w)
	if err != nil {
		t.Fatal(err)
	}
	d.output(t, "rm", id)
}

// TryExport is [Docker.Export] for an image that the engine may not be able to use;
// the error holds what it says. It is faster, too: the container stays until the
// engine ends.
func (d *Docker) TryExport(ref string, w io.Writer) error {
	_, err := d.export(ref, w)
	return err
}

// export makes a container and exports it.
func (d *Docker) export(ref string, w io.Writer) (id string, err error) {
	// An image need not name a command; one that does not exist will do.
	out, err := output(d.Command("create", "--network", "none", ref, "/none"))
	if err != nil {
		return "", err
	}
	id = strings.TrimSpace(string(out))
	c := d.Command("export", id)
	c.Stdout = w
	return id, run(c)
}

// Reset removes every image, so that one engine can serve several cases.
func (d *Docker) Reset(t testing.TB) {
	t.Helper()
	ids := lines(d.output(t, "images", "--all", "--quiet", "--no-trunc"))
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	d.output(t, append([]string{"rmi", "--force"}, slices.Compact(ids)...)...)
}
