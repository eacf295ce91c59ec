package convert_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// twoLayers is an image of two layers that many images here are made of.
const twoLayers = "layer\n    file a a\n  layer\n    file b b\n"

// shape tells what stands where: kind, platform and number of layers, children
// indented.
func shape(a *archive.Archive) string {
	var out strings.Builder
	var show func(n *archive.Node, indent string)
	show = func(n *archive.Node, indent string) {
		fmt.Fprintf(&out, "%s%s", indent, n.Kind())
		if p := n.Platform(); p != nil {
			fmt.Fprintf(&out, " %s", archive.FormatPlatform(p))
		}
		if n.Kind() == archive.KindImage {
			fmt.Fprintf(&out, " %d", len(n.Layers))
		}
		if t := n.ArtifactType(); n.Kind() == archive.KindArtifact {
			fmt.Fprintf(&out, " %s", strings.TrimPrefix(t, "application/vnd.example."))
		}
		fmt.Fprintln(&out)
		for _, child := range n.Children {
			show(child, indent+"  ")
		}
	}
	for _, image := range a.Images {
		fmt.Fprintf(&out, "%s: ", archive.JoinNames(image.Names))
		show(image.Node, "")
	}
	return out.String()
}

// TestReplace: new images come into the place of the old ones, wherever those
// stand, and what was said of the old ones stays behind.
func TestReplace(t *testing.T) {
	t.Parallel()
	indent := func(text string, by int) string {
		pad := strings.Repeat(" ", by)
		return pad + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+pad) + "\n"
	}
	for _, tt := range []struct {
		name, listing, want string
		notes               []string // parts of them, in order
	}{
		{
			"one manifest under two roots and in an index",
			"image fx:v1\n  " + twoLayers + "image fx:again\n  " + twoLayers + "index fx:many\n  image\n" + indent("  "+twoLayers, 2) +
				"  image\n    platform linux/arm64\n    layer\n      file arm a\n    layer\n      file arm b\n",
			"fx:v1 fx:again: image linux/amd64 1\nfx:many: index\n  image linux/amd64 1\n  image linux/arm64 1\n",
			nil,
		},
		{
			"nested indexes",
			"index fx:v1\n  index\n    index\n      image\n" + indent("  "+twoLayers, 6) + "    image\n      platform linux/arm64\n      layer\n        file a one\n" +
				"  index\n    image\n      platform linux/s390x\n      layer\n        file a two\n",
			"fx:v1: index\n  index\n    index\n      image linux/amd64 1\n    image linux/arm64 1\n  index\n    image linux/s390x 1\n",
			[]string{"linux/arm64", "linux/s390x"},
		},
		{
			"attestations and referrers in an index",
			"index fx:v1\n  image\n" + indent("  "+twoLayers, 2) + "  attestation\n  referrer application/vnd.example.sbom\n" +
				"  image\n    platform linux/arm64\n    layer\n      file a one\n  attestation\n  referrer application/vnd.example.sbom\n",
			"fx:v1: index\n  image linux/amd64 1\n  image linux/arm64 1\n  attestation\n  artifact sbom\n",
			[]string{"stays as it is", "attestation sha256:", "artifact sha256:"},
		},
		{
			"referrers of an image that changes, of one that does not, and of an index",
			"image fx:v1\n  " + twoLayers + "referrer application/vnd.example.gone\nimage fx:v2\n  layer\n    file a one\nreferrer application/vnd.example.kept\n" +
				"index fx:v3\n  image\n    layer\n      file a i\n    layer\n      file b i\nreferrer application/vnd.example.gone\n",
			"fx:v1: image linux/amd64 1\nfx:v2: image linux/amd64 1\n: artifact kept\nfx:v3: index\n  image linux/amd64 1\n",
			[]string{"stays as it is", "artifact sha256:", "artifact sha256:"},
		},
		{
			"an index that only loses an attestation of a nested image",
			"index fx:v1\n  index\n    image\n" + indent("  "+twoLayers, 4) + "    attestation\n  artifact application/vnd.example.thing\n",
			"fx:v1: index\n  index\n    image linux/amd64 1\n  artifact thing\n",
			[]string{"attestation sha256:"},
		},
		{
			"nothing to do",
			"index fx:v1\n  image\n    layer\n      file a one\n  attestation\n",
			"fx:v1: index\n  image linux/amd64 1\n  attestation\n",
			[]string{"stays as it is"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, build(t, "format oci\n"+tt.listing))
			got, notes := flatten(t, convert.FlattenOptions{}, a)
			if diff := cmp.Diff(tt.want, shape(got)); diff != "" {
				t.Errorf("what is there (-want +got):\n%s", diff)
			}
			fits := len(notes) == len(tt.notes)
			for i := range tt.notes {
				fits = fits && strings.Contains(notes[i], tt.notes[i])
			}
			if !fits {
				t.Errorf("notes %q, want %q", notes, tt.notes)
			}
			checkReferrers(t, got)
			for _, n := range nodes(got) {
				if n.Kind() == archive.KindImage {
					checkDigests(t, n)
				}
			}
		})
	}
}

// checkReferrers checks that everything that a referrer is about is there.
func checkReferrers(t testing.TB, a *archive.Archive) {
	t.Helper()
	there := map[string]bool{"": true}
	for _, n := range nodes(a) {
		there[n.Descriptor.Digest.String()] = true
	}
	for _, n := range nodes(a) {
		if !there[n.Subject().String()] {
			t.Errorf("%s %s is about %s, which is not there", n.Kind(), n.Descriptor.Digest, n.Subject())
		}
	}
}

// TestReplaceChain: what is about a referrer that stays behind stays behind too.
func TestReplaceChain(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1\n  "+twoLayers+"referrer application/vnd.example.sbom\n"))
	sbom := a.Images[1].Descriptor
	signature := fmt.Sprintf(`{"schemaVersion":2,"artifactType":"application/vnd.example.signature","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:HEX(empty)","size":2},"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
		sbom.MediaType, sbom.Digest, sbom.Size)
	b := open(t, layoutOf(t, signature, `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:HEX(manifest)","size":SIZE(manifest)}`,
		map[string]string{"empty": "{}"}))
	got, notes := flatten(t, convert.FlattenOptions{}, a, b)
	if diff := cmp.Diff("fx:v1: image linux/amd64 1\n", shape(got)); diff != "" || len(notes) != 2 {
		t.Errorf("what is there (-want +got):\n%s\nnotes %q", diff, notes)
	}
}

// TestReplaceFamilies: a list of Docker's over images that become OCI's becomes
// an index of OCI's; the images that stay keep theirs.
func TestReplaceFamilies(t *testing.T) {
	t.Parallel()
	const listing = "format oci\nmedia docker\nindex fx:v1\n  image\n    layer\n      file a a\n    layer\n      file b b\n" +
		"  image\n    platform linux/arm64\n    layer\n      file a one\n"
	const list, manifest = "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json"
	for _, tt := range []struct {
		compress codec.Compression
		want     []string
	}{
		{codec.Gzip, []string{list, list, manifest, manifest}},
		{codec.Zstd, []string{ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, manifest}},
	} {
		got, _ := flatten(t, convert.FlattenOptions{Compress: codec.Setting{Compression: tt.compress}}, open(t, build(t, listing)))
		root := got.Images[0]
		types := []string{root.Descriptor.MediaType, root.Index.MediaType}
		for _, child := range root.Children {
			types = append(types, child.Descriptor.MediaType)
		}
		if diff := cmp.Diff(tt.want, types); diff != "" {
			t.Errorf("%s: media types (-want +got):\n%s", tt.compress, diff)
		}
	}
}

// TestReplaceSources: two archives that share an image, at the root of one and
// below an index of the other, share the new one too.
func TestReplaceSources(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1\n  "+twoLayers))
	b := open(t, build(t, "format oci\nindex fx:many\n  image\n    layer\n      file a a\n    layer\n      file b b\n  image\n    platform linux/arm64\n    layer\n      file a arm\n    layer\n      file b b\n"))
	if a.Images[0].Descriptor.Digest != b.Images[0].Children[0].Descriptor.Digest {
		t.Fatal("the archives share no image")
	}
	p, err := planFlatten(t, convert.FlattenOptions{}, a, b)
	if err != nil || len(p.Merges) != 2 {
		t.Fatalf("NewFlatten = %+v, %v, want two merges", p, err)
	}
	for _, sources := range [][]*archive.Archive{{a, b}, {b, a}} {
		got, notes := flatten(t, convert.FlattenOptions{}, sources...)
		if len(got.Images) != 2 || len(notes) != 0 {
			t.Errorf("flattened to %d images, notes %q", len(got.Images), notes)
		}
		for _, n := range nodes(got) {
			if n.Kind() == archive.KindImage && len(n.Layers) != 1 {
				t.Errorf("%s has %d layers", n.Descriptor.Digest, len(n.Layers))
			}
		}
	}
}

// TestReplaceNames: names follow, and what there is to say of them is said once.
func TestReplaceNames(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci\nimage fx:v1 fx:v2\n  "+twoLayers+"image fx:v1\n  layer\n    file a x\n  layer\n    file b x\n"))
	got, notes := flatten(t, convert.FlattenOptions{}, a)
	if len(notes) != 1 || !strings.Contains(notes[0], `name "fx:v1" stands for`) {
		t.Errorf("notes %q, want one of the name", notes)
	}
	if names := archive.JoinNames(got.Images[0].Names); names != "fx:v1 fx:v2" {
		t.Errorf("names %q", names)
	}
	renamed, _ := flatten(t, convert.FlattenOptions{Options: convert.Options{Images: []string{"fx:v2"}, Names: []archive.Name{"new:v1"}}}, a)
	if names := archive.JoinNames(renamed.Images[0].Names); len(renamed.Images) != 1 || names != "new:v1" {
		t.Errorf("renamed to %q", names)
	}
}

// TestReplaceLacking: below an index, what is not whole stays as it is; at a root
// it is an error.
func TestReplaceLacking(t *testing.T) {
	t.Parallel()
	const whole = "  image\n    layer\n      file a a\n    layer\n      file b b\n"
	const other = "  image\n    platform linux/arm64\n    layer\n      file a arm\n    layer\n      file b arm\n"
	for _, edit := range []string{"remove blob:config:1", "remove blob:layer:1:0", "remove blob:manifest:1"} {
		a := open(t, build(t, "format oci\n"+edit+"\nindex fx:v1\n"+whole+other))
		got, notes := flatten(t, convert.FlattenOptions{}, a)
		if n := len(archive.Instances(got.Images[0].Node)[0].Layers); n != 1 {
			t.Errorf("%s: the whole image has %d layers", edit, n)
		}
		if old, now := a.Images[0].Children[1].Descriptor.Digest, got.Images[0].Children[1].Descriptor.Digest; old != now {
			t.Errorf("%s: %s became %s", edit, old, now)
		}
		if len(notes) == 0 || !strings.Contains(strings.Join(notes, "\n"), "not in the source") {
			t.Errorf("%s: notes %q", edit, notes)
		}
		alone := open(t, build(t, "format oci\n"+strings.Replace(edit, ":1", ":0", 1)+"\nimage fx:v1\n  "+twoLayers))
		if _, err := planFlatten(t, convert.FlattenOptions{}, alone); !errors.Is(err, archive.ErrNotFound) {
			t.Errorf("%s at a root: %v, want %v", edit, err, archive.ErrNotFound)
		}
	}
}

// TestReplaceOdd: an index of nothing, and two names of one image.
func TestReplaceOdd(t *testing.T) {
	t.Parallel()
	empty := open(t, build(t, "format oci\nindex fx:v1\n"))
	got, _ := flatten(t, convert.FlattenOptions{}, empty)
	if got.Images[0].Descriptor.Digest != empty.Images[0].Descriptor.Digest {
		t.Error("an empty index changed")
	}
	both := open(t, build(t, "format docker-save\nimage fx:v1\n  "+twoLayers+"image fx:v2\n  "+twoLayers))
	out := filepath.Join(t.TempDir(), "out.tar")
	p, err := convert.NewFlatten([]convert.Source{{Archive: both}}, ref.Ref{Transport: ref.DockerArchive, Path: out}, convert.FlattenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(context.Background(), convert.RunOptions{Stack: archive.StackOptions{TempDir: t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("fx:v1 fx:v2: image linux/amd64 1\n", shape(open(t, out))); diff != "" {
		t.Errorf("what is there (-want +got):\n%s", diff)
	}
}
