package convert_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

func onePlatform(platform string) string {
	return "format docker-save\nimage example.com/old:v1\n  platform " + platform + "\n  layer\n    file etc/arch " + platform + "\n"
}

// TestJoin makes one image of several archives, each of one platform, under a new
// name. Their manifests stay byte for byte.
func TestJoin(t *testing.T) {
	t.Parallel()
	sources := []*archive.Archive{
		open(t, build(t, onePlatform("linux/arm64"))),
		open(t, build(t, onePlatform("linux/amd64"))),
		open(t, build(t, "format oci\nindex example.com/c:v1\n  image\n    platform linux/arm/v7\n    layer\n      file etc/arch v7\n  attestation\n")),
	}
	opts := convert.Options{As: "example.com/new:v1"}
	for _, transport := range []ref.Transport{ref.DockerArchive, ref.OCIArchive, ref.OCI} {
		joined := carry(t, transport, opts, sources...)
		if len(joined.Images) != 1 || archive.JoinNames(joined.Images[0].Names) != "example.com/new:v1" {
			t.Fatalf("%s: %d images, %v", transport, len(joined.Images), joined.Images[0].Names)
		}
		var platforms []string
		for _, child := range joined.Images[0].Children {
			platforms = append(platforms, archive.FormatPlatform(child.Descriptor.Platform)+" "+string(child.Kind()))
		}
		want := "linux/arm64 image, linux/amd64 image, linux/arm/v7 image, unknown/unknown attestation"
		if got := strings.Join(platforms, ", "); got != want {
			t.Errorf("%s: platforms in the index: %s, want %s", transport, got, want)
		}
		for i, s := range sources {
			n := archive.Instances(s.Images[0].Node)[0]
			if got := archive.Instances(joined.Images[0].Node)[i]; got.Descriptor.Digest != n.Descriptor.Digest {
				t.Errorf("%s: image %d is %s, was %s", transport, i, got.Descriptor.Digest, n.Descriptor.Digest)
			}
		}
	}
}

// TestJoinRefuses: two images for one platform, or none at all.
func TestJoinRefuses(t *testing.T) {
	t.Parallel()
	amd := open(t, build(t, onePlatform("linux/amd64")))
	other := open(t, build(t, strings.ReplaceAll(onePlatform("linux/amd64"), "etc/arch", "etc/other")))
	artifact := open(t, build(t, "format oci\nartifact example.com/x:v1 application/vnd.example\n"))
	to := ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}
	opts := convert.Options{As: "example.com/new:v1"}
	if _, err := plan(t, to, opts, amd, other); err == nil || !strings.Contains(err.Error(), "both for linux/amd64") {
		t.Errorf("two images for one platform: %v", err)
	}
	if _, err := plan(t, to, opts, amd, amd); err != nil {
		t.Errorf("the same image twice: %v", err)
	}
	if _, err := plan(t, to, opts, artifact); err == nil {
		t.Error("an artifact is joined to an image")
	}
	if _, err := plan(t, ref.Ref{Transport: ref.Dir, Path: to.Path}, opts, amd); err != nil {
		t.Errorf("to a dir: folder: %v", err)
	}
}
