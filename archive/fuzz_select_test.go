package archive_test

import (
	"errors"
	"testing"

	"github.com/imgtool/imgtool/archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FuzzSelect: a selector means one image of the archive, which is also found by
// what else it is called, or the error lists what there is. So does a platform.
func FuzzSelect(f *testing.F) {
	a := open(f, build(f, "format oci"+twoImages+manyPlatforms+"image latest v1\n  layer\n    file z z\n"))
	for _, s := range []string{"example.com/fx/app:v1", "fx", "v2", "latest", "@0", "@+1", "@3", "@99999999999", "", "sha256:", "A B"} {
		f.Add(s, "linux/arm64")
	}
	f.Add(a.Images[0].Descriptor.Digest.String(), "")
	f.Add(a.Images[1].Manifest.Config.Digest.String()[:20], "linux/arm/v7")
	f.Fuzz(func(t *testing.T, selector, platform string) {
		images, err := a.Find(selector)
		if err != nil {
			listsWhatThereIs(t, err)
			return
		}
		if len(images) != 1 {
			t.Fatalf("Find(%q) gives %d images", selector, len(images))
		}
		image := images[0]
		if again, err := a.One(image.Descriptor.Digest.String()); err != nil || again != image {
			t.Errorf("Find(%q) = %s, which its digest does not find: %v", selector, image.Descriptor.Digest, err)
		}
		n, err := a.Instance(image.Node, platform, ocispec.Platform{OS: "linux", Architecture: "amd64"})
		switch {
		case errors.Is(err, archive.ErrMalformed):
		case err != nil:
			listsWhatThereIs(t, err)
		case platform != "":
			if m, err := archive.ParsePlatform(platform); err != nil || !m.Match(n.Platform()) {
				t.Errorf("Instance(%q, %q) is for %s: %v", selector, platform, archive.FormatPlatform(n.Platform()), err)
			}
		}
	})
}

// listsWhatThereIs holds that an error lists what could have been chosen.
func listsWhatThereIs(t *testing.T, err error) {
	t.Helper()
	var selection *archive.SelectionError
	if !errors.As(err, &selection) || len(selection.Have) == 0 {
		t.Errorf("%v lists nothing", err)
	}
}
