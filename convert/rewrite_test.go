package convert_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// recompressTo recompresses to a layout and gives it and what was told.
func recompressTo(t *testing.T, opts convert.RecompressOptions, sources ...*archive.Archive) (*archive.Archive, []string) {
	t.Helper()
	var from []convert.Source
	for _, a := range sources {
		from = append(from, convert.Source{Archive: a})
	}
	to := ref.Ref{Transport: ref.OCI, Path: t.TempDir() + "/out"}
	plan, err := convert.NewRecompress(from, to, opts)
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	run := convert.RunOptions{WriteOptions: archive.WriteOptions{Warn: func(s string) { notes = append(notes, s) }}}
	if err := plan.Run(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return open(t, to.Path), notes
}

// TestReferrersFollow: what is about an image that is recompressed is about the new
// one; signatures go or stay as they are, and nothing of it is silent.
func TestReferrersFollow(t *testing.T) {
	t.Parallel()
	const sbom, signature = "application/vnd.example.sbom", "application/vnd.cncf.notary.signature"
	const image = "  layer\n    file a a\n"
	for _, tt := range []struct {
		name, listing string
		policy        convert.SignaturePolicy
		want          string
		notes         []string
	}{
		{
			"an SBOM follows, a signature is dropped",
			"image fx:v1\n" + image + "referrer " + sbom + "\nreferrer " + signature + "\n", "",
			"fx:v1: image linux/amd64 1\n: artifact sbom\n",
			[]string{"is about sha256:", "stays behind"},
		},
		{
			"a signature stays",
			"image fx:v1\n" + image + "referrer " + sbom + "\nreferrer " + signature + "\n", convert.SignaturesKeep,
			"fx:v1: image linux/amd64 1\n: artifact sbom\n: artifact application/vnd.cncf.notary.signature\n",
			[]string{"is about sha256:", "stays: it signs sha256:"},
		},
		{
			"attestations in an index follow",
			"index fx:v1\n  image\n    layer\n      file a a\n  attestation\n  image\n    platform linux/arm64\n    layer\n      file a b\n  attestation\n", "",
			"fx:v1: index\n  image linux/amd64 1\n  attestation\n  image linux/arm64 1\n  attestation\n",
			[]string{"still tells of sha256:", "still tells of sha256:"},
		},
		{
			"referrers of an index follow",
			"index fx:v1\n  image\n    layer\n      file a a\nreferrer " + sbom + "\n", "",
			"fx:v1: index\n  image linux/amd64 1\n: artifact sbom\n",
			[]string{"is about sha256:"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source := open(t, build(t, "format oci\n"+tt.listing))
			got, notes := recompressTo(t, convert.RecompressOptions{Compress: codec.Setting{Compression: codec.Zstd}, Signatures: tt.policy}, source)
			if diff := cmp.Diff(tt.want, shape(got)); diff != "" {
				t.Errorf("what is there (-want +got):\n%s", diff)
			}
			fits := len(notes) == len(tt.notes)
			for i := range tt.notes {
				fits = fits && slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, tt.notes[i]) })
			}
			if !fits {
				t.Errorf("told %q, want %q", notes, tt.notes)
			}
			if tt.policy == "" {
				checkReferrers(t, got)
			}
		})
	}
}

// TestCosignTags: a signature that says by its tag what it signs goes with it.
func TestCosignTags(t *testing.T) {
	t.Parallel()
	plain := "format oci\nimage fx:v1\n  layer\n    file a a\n"
	d := open(t, build(t, plain)).Images[0].Descriptor.Digest
	tag := "fx:sha256-" + d.Encoded() + ".sig"
	source := open(t, build(t, plain+"artifact "+tag+" application/vnd.dev.cosign.artifact.sig.v1+json\n"))
	for policy, want := range map[convert.SignaturePolicy]int{convert.SignaturesDrop: 1, convert.SignaturesKeep: 2} {
		got, notes := recompressTo(t, convert.RecompressOptions{Compress: codec.Setting{Compression: codec.Zstd}, Signatures: policy}, source)
		if len(got.Images) != want || len(notes) != 1 || !strings.Contains(notes[0], d.String()) {
			t.Errorf("%s: %d roots, want %d; told %q", policy, len(got.Images), want, notes)
		}
	}
}

// TestReferrersAboutEachOther ends, whatever attestations say of each other.
func TestReferrersAboutEachOther(t *testing.T) {
	t.Parallel()
	source := open(t, build(t, "format oci\nindex fx:v1\n  image\n    layer\n      file a a\n  attestation\n  attestation\n"))
	children := source.Images[0].Children
	// Descriptors are not hashed into what they describe, so these can be about
	// each other.
	children[1], children[2] = children[1].About(children[2].Descriptor.Digest), children[2].About(children[1].Descriptor.Digest)
	source.Images[0].Children[1], source.Images[0].Children[2] = children[1], children[2]
	got, _ := recompressTo(t, convert.RecompressOptions{Compress: codec.Setting{Compression: codec.Zstd}}, source)
	if n := len(archive.Instances(got.Images[0].Node)); n != 1 {
		t.Errorf("%d images", n)
	}
}

// TestRecompressDiffIDs: a config that does not state the diffIDs of layers that
// stay, or states others, is refused, also where another image has the same layers.
func TestRecompressDiffIDs(t *testing.T) {
	t.Parallel()
	const (
		one   = "  layer\n    file a a\n"
		two   = "  layer zstd\n    file b b\n"
		none  = "  config-field rootfs {\"type\":\"layers\",\"diff_ids\":[]}\n"
		wrong = "  config-field rootfs {\"type\":\"layers\",\"diff_ids\":[\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"]}\n"
	)
	var sum *archive.DigestError
	for _, tt := range []struct {
		name, listing string
		ok            func(error) bool
	}{
		{"none, all change", "image a\n" + none + one, func(err error) bool { return err == nil }},
		{"none, one stays", "image a\n" + none + one + two, func(err error) bool { return errors.Is(err, archive.ErrMalformed) }},
		{"wrong", "image a\n" + wrong + one, func(err error) bool { return errors.As(err, &sum) }},
		{"wrong in the second image", "image a\n" + one + "image b\n" + wrong + one, func(err error) bool { return errors.As(err, &sum) }},
	} {
		a := open(t, build(t, "format oci\n"+tt.listing))
		got, _, err := recompressed(t, ref.OCI, codec.Setting{Compression: codec.Zstd}, a)
		if !tt.ok(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil && instance(t, got).Layers[0].DiffID == "" {
			t.Errorf("%s: the config has no diffID", tt.name)
		}
	}
}
