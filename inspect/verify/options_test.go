package verify_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
)

// build makes an archive from a listing and gives its path.
func build(t *testing.T, listing string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	archivetest.Build(t, path, listing)
	return path
}

// rulesOf gives rule and image of each finding.
func rulesOf(r *verify.Report) []string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, strings.TrimSpace(f.Rule+" "+f.Where.Platform))
	}
	return all
}

const platformListing = `
format oci
index app:v1
  image
    platform linux/amd64
    layer
      file a "a\n" mode=0666
  attestation
  image
    platform linux/arm64
    layer
      file b "b\n" mode=0666
  attestation
  image absent
    platform linux/s390x
    layer
      file c "c\n"
`

// TestPlatforms: images of other platforms are left out, with what refers to
// them.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	whole := build(t, platformListing)
	damaged := build(t, platformListing+"flip blob:artifact:1 -3\n") // the attestation of arm64
	tests := []struct {
		path      string
		platforms []string
		images    int
		blobs     int
		want      []string
	}{
		{whole, nil, 2, 12, []string{"IMG-WORLD-WRITABLE linux/amd64", "IMG-WORLD-WRITABLE linux/arm64", "IMG-LOAD-PLATFORM-ABSENT", "IMG-LOAD-ATTESTATION"}},
		{whole, []string{"linux/amd64"}, 1, 7, []string{"IMG-WORLD-WRITABLE linux/amd64", "IMG-LOAD-ATTESTATION"}},
		{whole, []string{"linux/amd64", "linux/arm64"}, 2, 12, []string{"IMG-WORLD-WRITABLE linux/amd64", "IMG-WORLD-WRITABLE linux/arm64", "IMG-LOAD-ATTESTATION"}},
		{whole, []string{"linux/s390x"}, 0, 1, []string{"IMG-LOAD-PLATFORM-ABSENT"}},
		{damaged, []string{"linux/amd64"}, 1, 7, []string{"IMG-WORLD-WRITABLE linux/amd64", "IMG-LOAD-ATTESTATION"}},
	}
	for _, test := range tests {
		var opts verify.Options
		for _, p := range test.platforms {
			matcher, err := archive.ParsePlatform(p)
			if err != nil {
				t.Fatal(err)
			}
			opts.Platforms = append(opts.Platforms, matcher)
		}
		opts.Severities = map[string]verify.Severity{verify.LoadNoManifestJSON: verify.Off}
		report := verifyFile(t, test.path, opts)
		if diff := cmp.Diff(test.want, rulesOf(report)); diff != "" {
			t.Errorf("verify %v finds (-want +got):\n%s", test.platforms, diff)
		}
		if report.Images != test.images || report.Blobs != test.blobs {
			t.Errorf("verify %v looked at %d images and %d blobs, want %d and %d", test.platforms, report.Images, report.Blobs, test.images, test.blobs)
		}
	}
	if got := rulesOf(verifyFile(t, damaged, verify.Options{})); got[0] != verify.DigestMismatch {
		t.Errorf("verify of a damaged attestation finds %q, want %s first", got, verify.DigestMismatch)
	}
}

// TestFast: sizes are compared though layers are not read.
func TestFast(t *testing.T) {
	t.Parallel()
	const listing = "format oci\nimage app:v1\n  layer\n    file a \"a\\n\"\nartifact x application/x\n"
	tests := []struct {
		name, edit string
		fast, slow []string
	}{
		{"whole", "", nil, nil},
		{"layer is longer", `replace blob:layer:0:0 "\x1f\x8b and more than there was before, as any reader of a size can tell, whatever it is that it reads, I say"`, []string{verify.SizeMismatch + " linux/amd64"}, []string{verify.DigestMismatch + " linux/amd64"}},
		{"layer is flipped", "flip blob:layer:0:0 30", nil, []string{verify.DigestMismatch + " linux/amd64"}},
		{"config is flipped", "flip blob:config:0 -3", []string{verify.DigestMismatch + " unknown"}, []string{verify.DigestMismatch + " unknown"}},
	}
	for _, test := range tests {
		path := build(t, listing+test.edit+"\n")
		for _, fast := range []bool{true, false} {
			var progress atomic.Int64
			report := verifyFile(t, path, verify.Options{Fast: fast, Progress: func(n int64) { progress.Add(n) }})
			want := test.slow
			if fast {
				want = test.fast
			}
			if diff := cmp.Diff(want, rulesOf(report)); diff != "" {
				t.Errorf("%s, fast %v (-want +got):\n%s", test.name, fast, diff)
			}
			if fast != (progress.Load() == 0) || report.Fast != fast {
				t.Errorf("%s, fast %v: %d bytes of layers read, report says fast %v", test.name, fast, progress.Load(), report.Fast)
			}
		}
	}
}

// TestStoredSize: what is going to be read is what progress tells.
func TestStoredSize(t *testing.T) {
	t.Parallel()
	path := build(t, platformListing)
	a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	arm, err := archive.ParsePlatform("linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []verify.Options{{}, {Platforms: []archive.PlatformMatcher{arm}}, {Fast: true}} {
		var got atomic.Int64
		opts.Progress = func(n int64) { got.Add(n) }
		if _, err := verify.Archive(t.Context(), a, a.Images, opts); err != nil {
			t.Fatal(err)
		}
		if want := verify.StoredSize(a.Images, opts); got.Load() != want {
			t.Errorf("verify %+v read %d bytes, want %d", opts, got.Load(), want)
		}
	}
}

// TestAlike: ten findings of a kind tell enough, for all images that share the
// layer.
func TestAlike(t *testing.T) {
	t.Parallel()
	shared := "  layer\n"
	for i := range 15 {
		shared += fmt.Sprintf("    file f%02d \"x\" mode=4755\n", i)
	}
	path := build(t, "format oci\nimage app:v1\n"+shared+"image app:v2\n"+shared+"  layer\n    file g \"x\" mode=4755\n")
	report := verifyFile(t, path, verify.Options{})
	images := map[string]int{}
	for _, f := range report.Findings {
		if f.Rule == verify.SetUID {
			images[f.Where.Image]++
		}
	}
	if diff := cmp.Diff(map[string]int{"app:v1": 10, "app:v2": 1}, images); diff != "" {
		t.Errorf("findings of %s by image (-want +got):\n%s", verify.SetUID, diff)
	}
	if message := report.Findings[9].Message; !strings.HasSuffix(message, " (and 5 more like it)") {
		t.Errorf("the tenth finding says %q, want that there are 5 more", message)
	}
}

// TestBareTags: what stands for a name in a layout is a name or a tag.
func TestBareTags(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"v1": true, "_x": true, "1.2.3-rc1": true, "a+b": true, "a--b": true, "x@y": true, "app:v1": true,
		"e\u202evil": false, "a b": false, "-x": false, "a\x1b[31m": false, "App:v1": false, strings.Repeat("x", 129): true, strings.Repeat("_", 129): false,
	} {
		path := build(t, fmt.Sprintf("format oci\nimage %q\n  layer\n    file a \"a\"\n", name))
		if got := len(verifyFile(t, path, verify.Options{}).Findings) == 0; got != want {
			t.Errorf("verify of an image called %q: good %v, want %v", name, got, want)
		}
	}
}
