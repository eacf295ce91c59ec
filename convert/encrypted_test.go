//go:build !windows

package convert_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// TestEncrypted: an encrypted layer is carried as it is, and whoever would have to
// read it says why not.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	blobs := strangeBlobs(t)
	blobs["two"] = strings.Repeat("secret", 1000)
	manifest := strings.Replace(strangeManifest, `HEX(two)","mediaType":"application/vnd.oci.image.layer.v1.tar"`,
		`HEX(two)","mediaType":"application/vnd.oci.image.layer.v1.tar+encrypted"`, 1)
	a := open(t, layoutOf(t, manifest, strangeDescriptor, blobs))
	for name, rewrite := range rewriting {
		err := rewrite(a, job{to: ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}, temp: t.TempDir()})
		switch name {
		case "recompress", "flatten", "export", "unpack":
			if !errors.Is(err, archive.ErrUnsupported) || !strings.Contains(err.Error(), "encrypted") {
				t.Errorf("%s = %v, want that a layer is encrypted", name, err)
			}
		default:
			if err != nil {
				t.Errorf("%s = %v", name, err)
			}
		}
	}
	for _, to := range targets {
		if diff := cmp.Diff(identity(a, to != ref.Dir), identity(carry(t, to, convert.Options{}, a), to != ref.Dir)); diff != "" {
			t.Errorf("%s (-before +after):\n%s", to, diff)
		}
	}
}
