package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
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
// result passes verify, and exports the same filesystem as all others.
// [TestEnginesTake] gives what becomes of each to engines.
func TestMatrix(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("converts 160 times; skipped with -short")
	}
	tried := 0
	want := ""
	for _, from := range matrixFrom {
		source := filepath.Join(t.TempDir(), "source")
		name := " example.com/a:v1"
		if from == "dir" {
			name = ""
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
				})
			}
		}
	}
	t.Logf("tried: %d conversions of %d forms to %d, with %d compressions", tried, len(matrixFrom), len(matrixTo), len(matrixCompress))
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
