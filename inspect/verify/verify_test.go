package verify_test

import (
	"path/filepath"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
)

// TestFixtures: archives that real tools wrote have no errors.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"buildkit-oci-attest.tar", "docker20-legacy-multi.tar", "docker20-v1.tar.bz2", "docker29-containerd.tar",
		"docker29-multiarch.tar", "podman-docker-multi.tar", "skopeo-dir",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			report := verifyFile(t, filepath.Join("../../testdata/archives", file), verify.Options{})
			for _, f := range report.Findings {
				t.Logf("%s %s %s: %s", f.Severity, f.Rule, f.Where, f.Message)
				if f.Severity == verify.Error {
					t.Errorf("verify %s: error %s", file, f.Rule)
				}
			}
			if report.Images == 0 || report.Blobs == 0 || report.Bytes == 0 {
				t.Errorf("verify %s: looked at %d images, %d blobs, %d bytes", file, report.Images, report.Blobs, report.Bytes)
			}
		})
	}
}

func verifyFile(t *testing.T, file string, opts verify.Options) *verify.Report {
	t.Helper()
	a, err := archive.Open(t.Context(), ref.Ref{Path: file}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	report, err := verify.Archive(t.Context(), a, a.Images, opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
