package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/archive/ref"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestFixtureTrees exports the two images of the fixtures from every archive
// that holds them, and compares with the trees that umoci unpacked.
func TestFixtureTrees(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, image, want string
		lacks             []string // what Docker 20.10 leaves out
	}{
		{"docker20-legacy-multi.tar", "example.com/fx/app:v1", "rootfs-v1.jsonl", []string{"/dev", "/proc", "/sys"}},
		{"docker20-legacy-multi.tar", "example.com/fx/app:v2", "rootfs-v2.jsonl", []string{"/dev", "/proc", "/sys"}},
		{"docker20-v1.tar.bz2", "", "rootfs-v1.jsonl", []string{"/dev", "/proc", "/sys"}},
		{"docker29-containerd.tar", "example.com/fx/app:v1", "rootfs-v1.jsonl", nil},
		{"docker29-containerd.tar", "example.com/fx/app:v2", "rootfs-v2.jsonl", nil},
		{"podman-docker-multi.tar", "example.com/fx/app:v1", "rootfs-v1.jsonl", nil},
		{"podman-docker-multi.tar", "example.com/fx/app:v2", "rootfs-v2.jsonl", nil},
		{"buildkit-oci-attest.tar", "", "rootfs-v1.jsonl", nil},
		{"skopeo-dir", "", "rootfs-v1.jsonl", nil},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.image, func(t *testing.T) {
			t.Parallel()
			got := exportOf(t, filepath.Join("../testdata/archives", tt.file), tt.image)
			want := treeLines(t, filepath.Join("../testdata/archives", tt.want))
			want = slices.DeleteFunc(want, func(f treeLine) bool { return slices.Contains(tt.lacks, f.Path) })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("export of %s (-want +got):\n%s", tt.file, diff)
			}
		})
	}
}

// treeLine is a line of a rootfs file.
type treeLine struct {
	Path, Mode string
	UID, GID   int
	Type       string
	Size       int64
	SHA256     string
	Link       string
}

func treeLines(t *testing.T, file string) []treeLine {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []treeLine
	for line := range strings.Lines(string(raw)) {
		var l treeLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// exportOf gives the tree of an image as the lines of a rootfs file.
func exportOf(t *testing.T, file, image string) []treeLine {
	t.Helper()
	a, err := archive.Open(t.Context(), ref.Ref{Path: file}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	var selectors []string
	if image != "" {
		selectors = []string{image}
	}
	root, err := a.One(selectors...)
	if err != nil {
		t.Fatal(err)
	}
	n, err := a.Instance(root.Node, "", ocispec.Platform{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	stack, err := a.Stack(n, archive.StackOptions{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := stack.Merge(t.Context(), layer.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := stack.Export(t.Context(), &out, tree); err != nil {
		t.Fatal(err)
	}
	return tarLines(t, &out)
}

func tarLines(t *testing.T, r io.Reader) []treeLine {
	t.Helper()
	var lines []treeLine
	byPath := map[string]treeLine{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		l := treeLine{Path: path.Clean("/" + h.Name), Mode: fmt.Sprintf("0o%o", h.Mode), UID: h.Uid, GID: h.Gid}
		switch h.Typeflag {
		case tar.TypeDir:
			l.Type = "dir"
		case tar.TypeSymlink:
			l.Type, l.Link = "symlink", h.Linkname
		case tar.TypeFifo:
			l.Type = "fifo"
		case tar.TypeLink:
			target := byPath[path.Clean("/"+h.Linkname)]
			target.Path = l.Path
			l = target
		default:
			content, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			l.Type, l.Size, l.SHA256 = "file", h.Size, fmt.Sprintf("%x", sha256.Sum256(content))
		}
		byPath[l.Path] = l
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b treeLine) int { return strings.Compare(a.Path, b.Path) })
	return lines
}
