package archivetest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// run runs a real tool, and skips the test where the tool is not installed
// unless IMGTOOL_REQUIRE_TOOLS is 1.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("IMGTOOL_REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestTar(t *testing.T) {
	t.Parallel()
	for _, format := range imageFormats() {
		if formats[format].folder {
			continue
		}
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			p := buildPath(t, "format "+format+oneImage)
			if got, want := strings.Count(run(t, "tar", "tf", p), "\n"), len(read(t, p)); got < want {
				t.Errorf("tar tf lists %d members, want %d", got, want)
			}
		})
	}
}

// TestSkopeo copies each form with skopeo, which checks every digest and
// diffID on its way.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		format, source, ref string
	}{
		{"docker-save", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-save-podman", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-save-crane", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-save-bare", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-hybrid", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-hybrid", "oci-archive", ":v1"},
		{"docker-hybrid-25.0", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-hybrid-25.0-null", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-containerd", "docker-archive", ":example.com/fx/app:v1"},
		{"docker-containerd", "oci-archive", ":v1"},
		{"oci-archive", "oci-archive", ":example.com/fx/app:v1"},
		{"oci", "oci", ":example.com/fx/app:v1"},
		{"dir", "dir", ""},
		{"dir\nmedia docker", "dir", ""},
	}
	for _, tt := range tests {
		t.Run(tt.format+" as "+tt.source, func(t *testing.T) {
			t.Parallel()
			src := tt.source + ":" + buildPath(t, "format "+tt.format+oneImage) + tt.ref
			if raw := run(t, "skopeo", "inspect", "--raw", src); !strings.Contains(raw, "schemaVersion") {
				t.Errorf("skopeo inspect --raw %s = %s, want a manifest", src, raw)
			}
			out := filepath.Join(t.TempDir(), "out")
			run(t, "skopeo", "copy", "--quiet", "--insecure-policy", src, "dir:"+out)
			checkCopy(t, read(t, out))
		})
	}
}

// checkCopy checks the layers of a dir: folder with the two layers of oneImage.
func checkCopy(t *testing.T, files map[string]string) {
	t.Helper()
	var m v1.Manifest
	if err := json.Unmarshal([]byte(files["manifest.json"]), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Layers) != 2 {
		t.Errorf("copy has %d layers, want 2", len(m.Layers))
	}
	if config := files[m.Config.Digest.Encoded()]; !strings.Contains(config, `"CMD nothing"`) {
		t.Errorf("copy has config %s, want its history kept", config)
	}
}

func TestSkopeoIndex(t *testing.T) {
	t.Parallel()
	const body = `
index fx:latest
  image
    platform linux/amd64
    layer
      file arch amd64
  image
    platform linux/arm64
    layer zstd
      file arch arm64
  attestation
`
	for _, tt := range []struct{ format, ref string }{{"oci", ":fx:latest"}, {"oci-archive", ":fx:latest"}, {"dir", ""}} {
		src := tt.format + ":" + buildPath(t, "format "+tt.format+body) + tt.ref
		out := filepath.Join(t.TempDir(), "out")
		run(t, "skopeo", "copy", "--quiet", "--all", "--insecure-policy", src, "dir:"+out)
		if files := read(t, out); !strings.Contains(files["manifest.json"], "arm64") {
			t.Errorf("format %s: copied index = %s, want arm64 in it", tt.format, files["manifest.json"])
		}
	}
}

// TestSkopeoShared reads an archive with two images. It leaves out docker-save:
// skopeo 1.9 takes the size of a symlinked layer for 0, with Docker's own
// archives too.
func TestSkopeoShared(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"docker-save-podman", "docker-save-crane", "docker-hybrid", "docker-containerd"} {
		p := buildPath(t, "format "+format+twoImages)
		out := filepath.Join(t.TempDir(), "out")
		run(t, "skopeo", "copy", "--quiet", "--insecure-policy", "docker-archive:"+p+":fx:latest", "dir:"+out)
		if files := read(t, out); strings.Count(files["manifest.json"], `"digest"`) != 4 {
			t.Errorf("format %s: copied manifest = %s, want three layers", format, files["manifest.json"])
		}
	}
}

func TestCrane(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"docker-save", "docker-save-podman", "docker-save-crane", "docker-save-bare", "docker-hybrid", "docker-containerd"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			run(t, "crane", "validate", "--tarball", buildPath(t, "format "+format+oneImage))
		})
	}
}
