package convert_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fixtures are the archives that real tools wrote.
const fixtures = "../testdata/archives"

// engineCase is an archive to convert and load.
type engineCase struct {
	name string
	path string
	// zstd marks layers that Docker before 23 and umoci 0.4 cannot read, which
	// convert warns of.
	zstd bool
}

func engineCases(t *testing.T) []engineCase {
	v10 := filepath.Join(t.TempDir(), "v10.tar")
	archivetest.Build(t, v10, `
format docker-save-1.0
image example.com/old/app:v1 old:latest
  env PATH=/bin
  layer
    file etc/motd "hello\n"
  empty "ENV PATH=/bin"
  layer
    file etc/other "more\n"
`)
	fixture := func(name string) string { return filepath.Join(fixtures, name) }
	return []engineCase{
		{name: "docker-save 1.0", path: v10},
		{name: "docker 20.10", path: fixture("docker20-legacy-multi.tar")},
		{name: "docker 20.10 bzip2", path: fixture("docker20-v1.tar.bz2")},
		{name: "docker 29", path: fixture("docker29-containerd.tar"), zstd: true},
		{name: "docker 29 platforms", path: fixture("docker29-multiarch.tar")},
		{name: "buildkit", path: fixture("buildkit-oci-attest.tar")},
		{name: "podman", path: fixture("podman-docker-multi.tar")},
	}
}

// TestEnginesLoad feeds the archive that convert writes by default to real
// engines, and compares names and image IDs.
func TestEnginesLoad(t *testing.T) {
	docker := enginetest.StartDocker(t)
	podman := enginetest.StartPodman(t)
	containerd := enginetest.StartContainerd(t)
	for _, c := range engineCases(t) {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.tar")
			content := convertTo(t, c.path, "docker-archive:"+out)
			full, familiar := engineNames(t, content)

			podman.Load(t, out)
			if diff := cmp.Diff(full, podman.Images(t)); diff != "" {
				t.Errorf("podman load: names and image IDs (-want +got):\n%s", diff)
			}
			podman.Reset(t)

			containerd.Import(t, out)
			if diff := cmp.Diff(rootNames(content), containerd.Images(t)); diff != "" {
				t.Errorf("ctr image import: names and digests (-want +got):\n%s", diff)
			}
			containerd.Reset(t)

			if c.zstd {
				if text, err := docker.TryLoad(out); err == nil {
					t.Errorf("docker load took zstd layers: %s", text)
				}
				docker.Reset(t)
				return
			}
			docker.Load(t, out)
			if diff := cmp.Diff(familiar, docker.Images(t)); diff != "" {
				t.Errorf("docker load: names and image IDs (-want +got):\n%s", diff)
			}
			docker.Reset(t)
		})
	}
}

// TestV10ImageID compares the image ID that is made for a docker-save 1.0
// archive with the one that Docker gives to the same archive.
func TestV10ImageID(t *testing.T) {
	docker := enginetest.StartDocker(t)
	v10 := engineCases(t)[0].path
	docker.Load(t, v10)
	out := filepath.Join(t.TempDir(), "out.tar")
	_, want := engineNames(t, convertTo(t, v10, "docker-archive:"+out))
	if diff := cmp.Diff(docker.Images(t), want); diff != "" {
		t.Errorf("image IDs (-docker +imgtool):\n%s", diff)
	}
}

// TestPeersRead lets skopeo and umoci read the layouts that convert writes, under
// every reference name in them.
func TestPeersRead(t *testing.T) {
	enginetest.Require(t, "skopeo")
	enginetest.Require(t, "umoci")
	for _, c := range engineCases(t) {
		t.Run(c.name, func(t *testing.T) {
			layout := filepath.Join(t.TempDir(), "layout")
			tarball := filepath.Join(t.TempDir(), "layout.tar")
			content := convertTo(t, c.path, "oci:"+layout)
			convertTo(t, c.path, "oci-archive:"+tarball)
			for _, root := range readIndex(t, layout) {
				name := root.Annotations[ocispec.AnnotationRefName]
				for _, where := range []string{"oci:" + layout, "oci-archive:" + tarball} {
					raw := enginetest.Run(t, "skopeo", "inspect", "--raw", where+":"+name)
					if got := digest.FromBytes(raw); got != root.Digest {
						t.Errorf("skopeo inspect --raw %s:%s: digest %s, want %s", where, name, got, root.Digest)
					}
				}
				if root.MediaType != ocispec.MediaTypeImageManifest || c.zstd {
					continue // umoci asks for a platform, with no flag to say which
				}
				bundle := filepath.Join(t.TempDir(), "bundle")
				enginetest.Run(t, "umoci", "unpack", "--rootless", "--image", layout+":"+name, bundle)
				if _, err := os.Stat(filepath.Join(bundle, "rootfs", "etc")); err != nil {
					t.Error(err)
				}
			}
			if names := len(rootNames(content)); len(readIndex(t, layout)) != names {
				t.Errorf("index.json has %d descriptors, want one for each of %d names", len(readIndex(t, layout)), names)
			}
		})
	}
}

// readIndex gives the descriptors of a layout's index.json.
func readIndex(t *testing.T, layout string) []ocispec.Descriptor {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	return index.Manifests
}

// convertTo converts the archive at from and gives what was written.
func convertTo(t *testing.T, from, to string) *archive.Content {
	t.Helper()
	ctx := context.Background()
	a, err := archive.Open(ctx, ref.Ref{Path: from}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	target, err := ref.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := convert.NewPlan([]convert.Source{{Archive: a}}, target, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Run(ctx, archive.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return plan.Content
}

// engineNames gives "NAME IMAGE-ID" for each name, in full and as Docker shows
// it.
func engineNames(t *testing.T, c *archive.Content) (full, familiar []string) {
	t.Helper()
	for _, image := range c.Images {
		instance := c.DockerInstance(image)
		if instance == nil {
			t.Fatalf("image %s cannot be loaded", image.Descriptor.Digest)
		}
		id := " " + instance.Manifest.Config.Digest.String()
		for _, name := range image.Names {
			full = append(full, name.Full()+id)
			familiar = append(familiar, string(name)+id)
		}
	}
	slices.Sort(full)
	slices.Sort(familiar)
	return full, familiar
}

// rootNames gives "NAME DIGEST" for each name, as containerd shows it.
func rootNames(c *archive.Content) []string {
	var names []string
	for _, image := range c.Images {
		for _, name := range image.Names {
			names = append(names, name.Full()+" "+image.Descriptor.Digest.String())
		}
	}
	slices.Sort(names)
	return names
}

// flattenTo flattens the archive at from, as the command line does.
func flattenTo(t *testing.T, from, to string, opts convert.FlattenOptions) *archive.Content {
	t.Helper()
	ctx := context.Background()
	a := open(t, from)
	target, err := ref.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := convert.NewFlatten([]convert.Source{{Archive: a}}, target, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Run(ctx, convert.RunOptions{Stack: archive.StackOptions{TempDir: t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	return plan.Plan.Content
}

// engineTree tells all of a filesystem that an engine exported, and which of its
// paths are one file.
func engineTree(t *testing.T, export func(io.Writer)) []string {
	t.Helper()
	var raw bytes.Buffer
	export(&raw)
	all := sortedLines(treeOf(t, raw.Bytes()))
	groups := map[string][]string{}
	for r := tar.NewReader(&raw); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeLink {
			groups[h.Linkname] = append(groups[h.Linkname], h.Name)
		}
	}
	for first, more := range groups {
		one := append(more, first)
		slices.Sort(one)
		all = append(all, "one file: "+strings.Join(one, " "))
	}
	slices.Sort(all)
	return all
}

// inside are commands in the images of testdata, which have a busybox; what they
// print tells of files, modes, owners and links as a program in a container sees
// them.
var inside = []string{
	"ls -lAnR /bin /opt /srv /usr /var",
	"find /bin /opt /srv /usr /var /etc/motd /etc/motd.hard -type f -exec sha256sum {} +",
}

// TestEnginesFlattened feeds flattened images to real engines. They hold the same
// files as before, and programs in them see the same.
func TestEnginesFlattened(t *testing.T) {
	enginetest.Require(t, "skopeo")
	docker := enginetest.StartDocker(t)
	podman := enginetest.StartPodman(t)
	const v1, v2 = "example.com/fx/app:v1", "example.com/fx/app:v2"
	for _, c := range []struct {
		archive string
		names   []string
		last    []int
		run     bool // has programs
	}{
		{"docker20-legacy-multi.tar", []string{v1, v2}, []int{0, 2}, true},
		{"docker29-containerd.tar", []string{v2}, []int{0, 2}, true},
		{"buildkit-oci-attest.tar", []string{v1}, []int{0}, false},
		{"docker29-multiarch.tar", []string{"example.com/fx/multi:latest"}, []int{0}, false},
	} {
		path := filepath.Join(fixtures, c.archive)
		original := filepath.Join(t.TempDir(), "original.tar")
		convertTo(t, path, "docker-archive:"+original)
		podman.Load(t, original)
		trees, prints := map[string][]string{}, map[string]string{}
		for _, name := range c.names {
			trees[name] = engineTree(t, func(w io.Writer) { podman.Export(t, name, w) })
			prints[name] = runInside(t, podman, name, c.run)
		}
		podman.Reset(t)
		for _, last := range c.last {
			t.Run(fmt.Sprintf("%s --last %d", c.archive, last), func(t *testing.T) {
				out := filepath.Join(t.TempDir(), "out.tar")
				layout := filepath.Join(t.TempDir(), "layout")
				content := flattenTo(t, path, "docker-archive:"+out, convert.FlattenOptions{Last: last})
				flattenTo(t, path, "oci:"+layout, convert.FlattenOptions{Last: last})
				podman.Load(t, out)
				full, familiar := engineNames(t, content)
				for _, name := range full {
					if have := podman.Images(t); !slices.Contains(have, name) {
						t.Errorf("podman load: no %s in %q", name, have)
					}
				}
				for _, root := range readIndex(t, layout) {
					copyAway(t, "oci:"+layout+":"+root.Annotations[ocispec.AnnotationRefName])
				}
				for _, name := range c.names {
					if diff := cmp.Diff(trees[name], engineTree(t, func(w io.Writer) { podman.Export(t, name, w) })); diff != "" {
						t.Errorf("%s: files (-original +flattened):\n%s", name, diff)
					}
					if diff := cmp.Diff(prints[name], runInside(t, podman, name, c.run)); diff != "" {
						t.Errorf("%s: what programs see (-original +flattened):\n%s", name, diff)
					}
					copyAway(t, "docker-archive:"+out+":"+name)
				}
				podman.Reset(t)
				if hasZstd(content) {
					return
				}
				docker.Load(t, out)
				if diff := cmp.Diff(familiar, docker.Images(t)); diff != "" {
					t.Errorf("docker load: names and image IDs (-want +got):\n%s", diff)
				}
				docker.Reset(t)
			})
		}
	}
}

// copyAway lets skopeo read an image, which checks its digests.
func copyAway(t *testing.T, from string) {
	t.Helper()
	enginetest.Run(t, "skopeo", "--insecure-policy", "copy", "--quiet", from, "dir:"+filepath.Join(t.TempDir(), "copy"))
}

// runInside runs the commands of inside, where the image has programs.
func runInside(t *testing.T, podman *enginetest.Podman, name string, has bool) string {
	t.Helper()
	var out strings.Builder
	for _, command := range inside {
		if has {
			out.WriteString(podman.Run(t, name, "/bin/busybox", append([]string{"sh", "-c"}, "exec /bin/busybox "+command)...))
		}
	}
	return out.String()
}

// hasZstd reports layers that Docker before 23 does not read.
func hasZstd(c *archive.Content) bool {
	for _, image := range c.Images {
		for _, n := range archive.Instances(image.Node) {
			if slices.ContainsFunc(n.Layers, func(l archive.Layer) bool { return l.Compression == codec.Zstd }) {
				return true
			}
		}
	}
	return false
}

// TestDockerFlattened compares what Docker exports of an image before and after it
// was flattened.
func TestDockerFlattened(t *testing.T) {
	docker := enginetest.StartDocker(t)
	const name = "example.com/fx/app:v1"
	path := filepath.Join(fixtures, "docker20-legacy-multi.tar")
	var original []string
	for _, last := range []int{1, 0, 3} { // the uppermost layer alone is nothing to merge
		out := filepath.Join(t.TempDir(), "out.tar")
		flattenTo(t, path, "docker-archive:"+out, convert.FlattenOptions{Last: last, Options: convert.Options{Images: []string{name}}})
		docker.Load(t, out)
		tree := engineTree(t, func(w io.Writer) { docker.Export(t, name, w) })
		if original == nil {
			original = tree
		}
		if diff := cmp.Diff(original, tree); diff != "" {
			t.Errorf("--last %d: files (-original +flattened):\n%s", last, diff)
		}
		docker.Reset(t)
	}
}
