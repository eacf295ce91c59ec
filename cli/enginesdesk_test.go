//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/enginetest"
)

// desk is where engines write: all of them hold the same images.
type desk struct {
	*bench
	dir   string            // what scripts read
	words *strings.Replacer // of scripts
	ids   map[string]bool   // IDs of the images
	trees map[string][]byte // their filesystems, as podman has them
}

// The images of a desk. Each engine has all of them, the registry below w/ and p/.
var deskImages = map[string]string{
	"app": "example.com/w/app:v1", "base": "example.com/w/base:v1", "small": "example.com/w/small:v1",
}

// deskDockerfile has what the builders of old can do without a network.
const deskDockerfile = `FROM scratch
ENV PATH=/bin
COPY files/ /data/
ADD added.tar /added/
COPY files/one /data/two
LABEL a=b
USER 1000:1000
WORKDIR /data
CMD ["/none"]
`

// deskAdded is a tar to unpack, as ADD and import do.
const deskAdded = `format tar
dir bin mode=0755 mtime=1500000000
file bin/tool "tool\n" mode=4755 uid=3 gid=4 mtime=1500000001
hardlink bin/tool2 bin/tool mode=4755 uid=3 gid=4 mtime=1500000001
symlink bin/link tool mtime=1500000002
file bin/able "able\n" mode=0755 mtime=1500000004 "xattr.security.capability=\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
`

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{bench: startBench(t), dir: lowerTempDir(t), ids: map[string]bool{}, trees: map[string][]byte{}}
	d.prepare(t)
	var words []string
	for name, image := range deskImages {
		words = append(words, "{"+name+"}", image)
	}
	words = append(words, "{reg}", d.registry, "{in}", d.dir, "{arch}", runtime.GOARCH)
	for _, image := range readImages(t, d.path("multi.tar")) {
		d.ids[image.config] = true
		if image.names[0] == deskImages["app"] {
			words = append(words, "{appid}", image.config, "{appdigest}", image.root)
		}
	}
	for _, i := range instancesIn(t, d.path("many.tar")) {
		d.ids[i.ImageID] = true
	}
	d.words = strings.NewReplacer(words...)
	d.fill(t)
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// prepare writes what the engines are filled with.
func (d *desk) prepare(t *testing.T) {
	t.Helper()
	multi := strings.ReplaceAll(sources["multi"], "ROW", "w")
	many := strings.ReplaceAll(strings.ReplaceAll(platformsSource(), "ROW", "p"), "layer zstd", "layer gzip")
	archivetest.Build(t, d.path("multi.tar"), "format docker-save\n"+multi)
	archivetest.Build(t, d.path("podman.tar"), "format docker-save-podman\n"+multi)
	archivetest.Build(t, d.path("multi"), "format oci\n"+multi)
	archivetest.Build(t, d.path("many.tar"), "format oci-archive\n"+many)
	archivetest.Build(t, d.path("many"), "format oci\n"+many)
	archivetest.Build(t, d.path("ctx/added.tar"), deskAdded)
	for name, content := range map[string]string{
		"ctx/Dockerfile": deskDockerfile, "ctx/Dockerfile.from": "FROM " + deskImages["app"] + "\nCOPY files/one /old/more\n",
		"ctx/files/one": "one\n", "ctx/files/deep/two": "two\n",
	} {
		if err := os.MkdirAll(filepath.Dir(d.path(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.path(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fill gives the images to every engine.
func (d *desk) fill(t *testing.T) {
	t.Helper()
	d.docker.Load(t, d.path("multi.tar"))
	d.podman.Load(t, d.path("multi.tar"))
	d.containerd.Import(t, d.path("multi.tar"))
	d.containerd.Import(t, d.path("many.tar"), "--all-platforms")
	copies := []string{"skopeo --all oci:{in}/many:example.com/p/many:v1 docker://{reg}/p/many:v1"}
	for name, image := range deskImages {
		// Buildah stumbles over a layer that is a link to another image's.
		copies = append(copies, "buildah pull -q docker-archive:{in}/podman.tar:"+image,
			"skopeo oci:{in}/multi:"+image+" docker://{reg}/w/"+name+":v1",
			"skopeo oci:{in}/multi:"+image+" dir:{in}/dir-"+name)
		_, dir, err := podmanFolder(d.podman, image)
		if err != nil {
			t.Fatal(err)
		}
		d.trees[name] = treeOfFolder(t, dir)
	}
	if err := d.run(strings.Join(copies, "; "), "", ""); err != nil {
		t.Fatal(err)
	}
	for _, platform := range []string{"many", "other"} {
		d.trees[platform] = d.treeOfMany(t, platform)
	}
}

// treeOfMany is the filesystem of one platform of the index, as crane has it.
func (d *desk) treeOfMany(t *testing.T, platform string) []byte {
	t.Helper()
	arch := runtime.GOARCH
	if platform == "other" {
		arch = map[bool]string{true: "amd64", false: "arm64"}[arch == "arm64"]
	}
	return enginetest.Run(t, "crane", "export", "--platform", "linux/"+arch, d.registry+"/p/many:v1", "-")
}

// run runs a script: commands with a ; between them, whose output may go to a
// file with > at the end. out is the place of {out}, row that of {row}.
func (d *desk) run(script, row, out string) error {
	words := strings.NewReplacer("{row}", row, "{out}", out, "{tmp}", out+".tmp")
	for line := range strings.SplitSeq(d.words.Replace(words.Replace(script)), ";") {
		line, file, _ := strings.Cut(line, ">")
		said, err := d.command(strings.Fields(line))
		if err != nil {
			return err
		}
		if file = strings.TrimSpace(file); file != "" {
			if err := os.WriteFile(file, said, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// command runs one command of a script.
func (d *desk) command(words []string) ([]byte, error) {
	args := words[1:]
	var c *exec.Cmd
	switch words[0] {
	case "docker":
		c = d.docker.Command(args...)
	case "podman":
		c = d.podman.Command(args...)
	case "buildah":
		c = d.buildah.Command(args...)
	case "ctr":
		c = d.containerd.Command(args...)
	case "skopeo":
		return nil, skopeo(args...)
	case "regctl":
		c = exec.Command("regctl", append([]string{"--host", "reg=" + d.registry + ",tls=disabled"}, args...)...)
	case "delete": // CONTAINER PATH: in a container of buildah, which gives a whiteout
		dir, err := try(d.buildah.Command("mount", args[0]))
		if err != nil {
			return nil, err
		}
		return nil, os.RemoveAll(filepath.Join(dir, args[1]))
	default:
		c = exec.Command(words[0], args...)
	}
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", strings.Join(words, " "), err, &out, &messages)
	}
	return out.Bytes(), nil
}

// tree gives a filesystem that a row names: one of the desk, or ENGINE:IMAGE, and
// what can be compared with it.
func (d *desk) tree(t *testing.T, name string) ([]byte, sight) {
	t.Helper()
	engine, image, other := strings.Cut(name, ":")
	if !other {
		return d.trees[name], diskSight // of "none", nothing
	}
	var dir string
	var err error
	switch engine {
	case "docker":
		var root bytes.Buffer
		d.docker.Export(t, image, &root)
		return root.Bytes(), dockerSight
	case "podman":
		_, dir, err = podmanFolder(d.podman, image)
	case "buildah":
		dir, err = d.buildah.TryMount(image)
	case "crane":
		return enginetest.Run(t, "crane", "export", image, "-"), diskSight
	case "umoci":
		dir = filepath.Join(lowerTempDir(t), "bundle")
		_, err = tool("umoci", "unpack", "--image", image, dir)
		dir = filepath.Join(dir, "rootfs")
	default:
		t.Fatalf("no engine is called %q", engine)
	}
	if err != nil {
		t.Fatal(err)
	}
	return treeOfFolder(t, dir), diskSight
}
