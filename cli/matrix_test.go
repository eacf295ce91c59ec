//go:build linux

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/cli"
)

// The matrix: what every form becomes in every other, compressed in every way.
var (
	matrixFrom = []string{
		"docker-save-1.0", "docker-save", "docker-save-podman", "docker-save-crane", "docker-save-bare",
		"docker-hybrid", "docker-containerd", "oci-archive", "oci", "dir",
	}
	matrixTo       = []string{"docker-archive", "oci-archive", "oci", "dir"}
	matrixCompress = []string{"keep", "none", "gzip", "zstd"}
)

const matrixImage = `
image%s
  env PATH=/bin
  cmd /bin/true
  layer
    dir etc
    file etc/motd "hello\n"
    random opt/big 70000
  layer
    whiteout etc/motd
    file etc/other "more\n"
    symlink etc/link other
    hardlink etc/hard etc/other
`

// TestMatrix converts every form to every other with every compression. Each
// result passes verify, and exports the same filesystem as all others; skopeo
// opens it, umoci unpacks the layouts, and podman and dockerd load the docker
// archives.
func TestMatrix(t *testing.T) {
	enginetest.Require(t, "skopeo")
	enginetest.Require(t, "umoci")
	podman := enginetest.StartPodman(t)
	docker := enginetest.StartDocker(t)
	tried := 0
	want := ""
	for _, from := range matrixFrom {
		source := filepath.Join(t.TempDir(), "source")
		name, tag := " example.com/a:v1", "example.com/a:v1"
		switch from {
		case "dir":
			name, tag = "", ""
		case "docker-hybrid", "docker-containerd":
			tag = "v1" // which their index.json has, and stays
		}
		archivetest.Build(t, source, "format "+from+fmt.Sprintf(matrixImage, name))
		for _, to := range matrixTo {
			for _, compress := range matrixCompress {
				tried++
				t.Run(from+" "+to+" "+compress, func(t *testing.T) {
					out := filepath.Join(t.TempDir(), "out")
					convertOne(t, source, to+":"+out, compress)
					tree := exported(t, out)
					if want == "" {
						want = tree
					}
					if tree != want {
						t.Errorf("the merged filesystem is not what the first conversion gave")
					}
					checkWithPeers(t, podman, docker, to, out, compress == "zstd", tag)
				})
			}
		}
	}
	t.Logf("%d conversions", tried)
}

func convertOne(t *testing.T, source, to, compress string) {
	t.Helper()
	args := []string{"convert", "-q", source, to, "--compress", compress}
	if code, _, stderr := run(cli.Env{}, args...); code != 0 {
		t.Fatalf("imgtool %q: exit code %d, %s", args, code, stderr)
	}
	if code, stdout, stderr := run(cli.Env{}, "verify", strings.TrimPrefix(to, "docker-archive:")); code != 0 {
		t.Errorf("verify: exit code %d, %s%s", code, stdout, stderr)
	}
}

// exported gives the tar of the merged filesystem.
func exported(t *testing.T, path string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "rootfs.tar")
	if code, _, stderr := run(cli.Env{}, "export", path, "-o", out); code != 0 {
		t.Fatalf("export: exit code %d, %s", code, stderr)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// checkWithPeers gives a result to those whom its form is for. An image without a
// name has no tag.
func checkWithPeers(t *testing.T, podman *enginetest.Podman, docker *enginetest.Docker, to, out string, zstd bool, tag string) {
	t.Helper()
	named := tag != ""
	enginetest.Run(t, "skopeo", "--insecure-policy", "copy", "--quiet", to+":"+out, "dir:"+filepath.Join(t.TempDir(), "copy"))
	switch {
	case to == "oci" && named && !zstd: // umoci 0.4 knows no zstd, and wants a name
		bundle := filepath.Join(t.TempDir(), "bundle")
		enginetest.Run(t, "umoci", "unpack", "--rootless", "--image", out+":"+tag, bundle)
		if raw, err := os.ReadFile(filepath.Join(bundle, "rootfs/etc/hard")); string(raw) != "more\n" {
			t.Errorf("umoci unpack: %q, %v", raw, err)
		}
	case to == "docker-archive":
		podman.Load(t, out)
		if n := len(podman.Images(t)); named && n != 1 {
			t.Errorf("podman load: %d images", n)
		}
		podman.Reset(t)
		if zstd { // Docker 20.10 does not, and convert says so
			return
		}
		docker.Load(t, out)
		if n := len(docker.Images(t)); named && n != 1 {
			t.Errorf("docker load: %d images", n)
		}
		docker.Reset(t)
	}
}
