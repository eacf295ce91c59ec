package archive_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// slowest is what no input of a fuzz target may take.
const slowest = 20 * time.Second

// FuzzOpen opens any bytes. What opens can be walked and, where it is whole,
// written as an OCI archive that has the same digests.
func FuzzOpen(f *testing.F) {
	for _, body := range []string{oneImage, twoImages, manyPlatforms} {
		body = strings.ReplaceAll(body, "3KiB", "30")
		for _, format := range formats {
			if isFolderFormat(format) {
				continue
			}
			path := filepath.Join(f.TempDir(), "seed")
			archivetest.Build(f, path, "format "+format+body)
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
			f.Add(data[:len(data)/2])
		}
	}
	f.Add(gzipBytes(f, tarBytes(f, regular("manifest.json", `[{"Config":"c"}]`), symlink("c", "d"), hardlink("d", "c"))))
	f.Add([]byte("<html>"))
	f.Fuzz(fuzzOpen)
}

func fuzzOpen(t *testing.T, data []byte) {
	if opened := fuzzOpenWith(t, data, false); opened && !fuzzOpenWith(t, data, true) {
		t.Error("what opens does not open to be mended")
	}
}

func fuzzOpenWith(t *testing.T, data []byte, mend bool) bool {
	start := time.Now()
	a, err := archive.Open(context.Background(), ref.Ref{Path: ref.Stdio}, archive.OpenOptions{
		Stdin:      bytes.NewReader(data),
		Decompress: codec.ReaderOptions{MaxExpansion: 1},
		Mend:       mend,
	})
	if err != nil {
		if err.Error() == "" {
			t.Error("an error without a text")
		}
		return false
	}
	defer a.Close()
	checkOpened(t, a)
	if took := time.Since(start); took > slowest {
		t.Errorf("%d bytes take %v", len(data), took)
	}
	return true
}

// checkOpened walks all of a and writes what is whole.
func checkOpened(t *testing.T, a *archive.Archive) {
	t.Helper()
	host := ocispec.Platform{OS: "linux", Architecture: "amd64"}
	_ = archive.Walk(roots(a), func(n *archive.Node) error {
		if (n.Err != nil) != (n.Index == nil && n.Manifest == nil) {
			t.Errorf("node %s: %v, index %v, manifest %v", n.Descriptor.Digest, n.Err, n.Index != nil, n.Manifest != nil)
		}
		if len(n.Layers) > 0 && len(n.Layers) != len(n.Manifest.Layers) {
			t.Errorf("node %s: %d layers of %d", n.Descriptor.Digest, len(n.Layers), len(n.Manifest.Layers))
		}
		n.Kind()
		n.ArtifactType()
		n.Subject()
		archive.FormatPlatform(n.Platform())
		return nil
	})
	content := &archive.Content{IndexFields: a.IndexFields}
	for i, image := range a.Images {
		_, _ = a.Find(image.Descriptor.Digest.String())
		_, _ = a.Instance(image.Node, "", host)
		for _, name := range image.Names {
			name.Full()
			name.Tag()
		}
		if i < 20 {
			_ = content.Add(image, a)
		}
	}
	var out bytes.Buffer
	ctx := context.Background()
	if archive.Write(ctx, ref.Ref{Transport: ref.OCIArchive, Path: ref.Stdio}, content, archive.WriteOptions{Stdout: &out}) != nil {
		return
	}
	b, err := archive.Open(ctx, ref.Ref{Path: ref.Stdio}, archive.OpenOptions{Stdin: &out})
	if err != nil {
		t.Fatalf("what was written does not open: %v", err)
	}
	defer b.Close()
	// The same image in two places is one after it was written.
	want, got := digests(content.Images), digests(b.Images)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written images (-want +got):\n%s", diff)
	}
}

// digests lists the images, each once.
func digests(images []*archive.Image) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, image := range images {
		if d := image.Descriptor.Digest.String(); !seen[d] {
			seen[d] = true
			out = append(out, d)
		}
	}
	return out
}

// FuzzDocuments puts arbitrary documents into archives of each form.
func FuzzDocuments(f *testing.F) {
	l := newLayout()
	config := l.blob(typeConfig, dockerConfig(layerA))
	manifest := manifestJSON(config, l.blob(typeLayer, layerA))
	root := l.manifest(config, l.blob(typeLayer, layerA))
	f.Add("manifest.json", "["+entry("config", []string{"fx:v1"}, "layer")+"]", dockerConfig(layerA))
	f.Add("index.json", indexJSON(root), dockerConfig(layerA))
	f.Add("index.json", indexJSON(l.index(root), root), `{}`)
	f.Add("repositories", `{"fx":{"v1":"config"}}`, `{"id":"config","created":"2015-01-02T03:04:05Z"}`)
	f.Add("repositories", `{"fx":{"v1":"config"}}`, `{"parent":"config"}`)
	f.Add("document", manifest, smallConfig)
	f.Add("document", indexJSON(root), smallConfig)
	f.Add("document", manifestJSON(`{"mediaType":"application/x","digest":"x"}`), `{"history":[{"created":"no"}]}`)
	f.Fuzz(func(t *testing.T, kind, document, config string) {
		l := newLayout()
		l.files["config"], l.files["layer"] = config, layerA
		l.files["config/json"], l.files["config/layer.tar"] = config, layerA
		l.blob(typeConfig, config)
		l.blob(typeLayer, layerA)
		switch kind {
		case "manifest.json", "index.json", "repositories":
			l.files[kind] = document
		default:
			l.roots = []string{l.blob(typeManifest, document), l.blob(typeIndex, document)}
		}
		members := l.members()
		if kind == "manifest.json" || kind == "repositories" {
			members = without(members, "index.json")
		}
		fuzzOpen(t, tarBytes(t, members...))
	})
}

func without(members []tarMember, name string) []tarMember {
	var kept []tarMember
	for _, m := range members {
		if m.Name != name {
			kept = append(kept, m)
		}
	}
	return kept
}

// FuzzName: a name that parses is one that all parsers agree on.
func FuzzName(f *testing.F) {
	for _, s := range []string{"alpine", "alpine:3", "docker.io/library/alpine:3", "localhost:5000/app", "[2001:db8::1]:5000/app:v1", "a@sha256:" + strings.Repeat("0", 64), "Bad", ":", "/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		archive.Name(s).Tag()
		if full := archive.Name(s).Full(); full != "" {
			if again := archive.Name(full).Full(); again != full {
				t.Errorf("Name(%q).Full() = %q, whose own is %q", s, full, again)
			}
		}
		n, err := archive.ParseName(s)
		if err != nil {
			return
		}
		if n.IsTag() || n.Tag() == "" || n.Full() == "" {
			t.Errorf("ParseName(%q) = %q: full %q, tag %q", s, n, n.Full(), n.Tag())
		}
		for _, again := range []string{string(n), n.Full()} {
			if m, err := archive.ParseName(again); err != nil || m != n {
				t.Errorf("ParseName(%q) = %q, and of %q %q, %v", s, n, again, m, err)
			}
		}
	})
}

// FuzzParsePlatform: what parses matches the platform that it spells.
func FuzzParsePlatform(f *testing.F) {
	for _, s := range append(badPlatforms, "linux/amd64", "linux/arm/v7", "windows/amd64", "linux/x86_64", "darwin/aarch64") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := archive.ParsePlatform(s)
		if err != nil {
			return
		}
		parts := strings.Split(s, "/")
		if len(parts) != 2 && len(parts) != 3 {
			t.Fatalf("ParsePlatform(%q) takes %d parts", s, len(parts))
		}
		p := ocispec.Platform{OS: parts[0], Architecture: parts[1]}
		if len(parts) == 2 && !m.Match(&p) {
			t.Errorf("ParsePlatform(%q) does not match %+v", s, p)
		}
	})
}
