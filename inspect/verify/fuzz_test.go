package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
)

// FuzzVerify: whatever is in a file, it does not open, or verify comes to a
// report, the same one twice.
func FuzzVerify(f *testing.F) {
	for _, listing := range []string{
		"format oci-archive\nimage example.com/a:v1\n  layer plain\n    dir etc\n    file etc/motd \"hi\"\n  layer\n    whiteout etc/motd",
		"format docker-save\nimage a:v1\n  layer\n    file a \"1\"\n    hardlink b a",
		"format docker-hybrid\nimage a:v1\n  layer\n    symlink l ../..\n    file l/x \"1\"",
		"format docker-save-1.0\nimage a:v1\n  layer\n    char null 1 3",
		"format oci-archive\nindex a:v1\n  image\n    layer zstd\n      file A \"1\"\n      file a \"2\"\n  attestation",
	} {
		path := filepath.Join(f.TempDir(), "seed.tar")
		archivetest.Build(f, path, listing)
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
		if err != nil {
			return
		}
		defer a.Close()
		first, err := verify.Archive(t.Context(), a, a.Images, verify.Options{Jobs: 1})
		if err != nil {
			t.Fatalf("verify: %v", err)
		}
		again, err := verify.Archive(t.Context(), a, a.Images, verify.Options{Jobs: 4})
		if err != nil {
			t.Fatalf("verify again: %v", err)
		}
		if len(first.Findings) != len(again.Findings) {
			t.Fatalf("verify found %+v, and then %+v", first.Findings, again.Findings)
		}
		for i := range first.Findings {
			if first.Findings[i].Message != again.Findings[i].Message || first.Findings[i].Rule != again.Findings[i].Rule {
				t.Errorf("finding %d is %+v, and then %+v", i, first.Findings[i], again.Findings[i])
			}
		}
	})
}
