package enginetest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Buildah is a buildah with storage of its own. No process runs between calls.
type Buildah struct {
	storage
}

// StartBuildah makes a buildah with empty storage of the vfs driver that is
// removed with the test. It needs buildah.
func StartBuildah(t testing.TB) *Buildah {
	t.Helper()
	requireEngine(t, "buildah")
	return &Buildah{newStorage(t, newHome(t))}
}

// Command is buildah with args, to be run by the caller, for what has no method
// here.
func (b *Buildah) Command(args ...string) *exec.Cmd {
	c := exec.Command("buildah", append(slices.Clone(b.flags), args...)...)
	c.Env = b.env
	return c
}

// TryPull runs buildah pull of a reference such as "oci:PATH:NAME" and returns the
// ID of the image, with its algorithm; the error holds what buildah says.
func (b *Buildah) TryPull(ref string) (string, error) {
	out, err := output(b.Command("pull", "--quiet", ref))
	if err != nil {
		return "", err
	}
	return "sha256:" + lastLine(out), nil
}

// Images lists what the engine holds, sorted, as "name:tag imageID". Names are
// full ("docker.io/library/fx:latest"); an image without a name is
// "<none>:<none>".
func (b *Buildah) Images(t testing.TB) []string {
	t.Helper()
	out, err := output(b.Command("images", "--all", "--no-trunc", "--noheading", "--format", "{{.Name}}:{{.Tag}} {{.ID}}"))
	if err != nil {
		t.Fatal(err)
	}
	images := lines(out)
	for n, line := range images {
		images[n] = strings.Join(strings.Fields(line), " ") // it makes columns
	}
	slices.Sort(images)
	return images
}

// TryMount gives the folder of a new container with the files of an image, which
// stays until the test ends.
func (b *Buildah) TryMount(image string) (string, error) {
	name, err := output(b.Command("from", "--pull-never", image))
	if err != nil {
		return "", err
	}
	dir, err := output(b.Command("mount", lastLine(name)))
	return lastLine(dir), err
}
