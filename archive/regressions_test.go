package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A platform with the variant that is its default matches nothing.
func TestNoDefaultVariant(t *testing.T) {
	t.Parallel()
	m, err := archive.ParsePlatform("linux/arm64/v8")
	if err != nil {
		t.Fatal(err)
	}
	for _, variant := range []string{"", "v8"} {
		if p := (ocispec.Platform{OS: "linux", Architecture: "arm64", Variant: variant}); !m.Match(&p) {
			t.Errorf("linux/arm64/v8 does not match %+v", p)
		}
	}
	m, _ = archive.ParsePlatform("linux/amd64/v1")
	if !m.Match(&ocispec.Platform{OS: "linux", Architecture: "amd64"}) {
		t.Error("linux/amd64/v1 does not match linux/amd64")
	}
}

// An index in itself is a cycle in memory, where each recursion that does not
// look at digests overflows the stack.
func TestNoCycle(t *testing.T) {
	t.Parallel()
	l := newLayout()
	l.roots = []string{l.lying(typeIndex, "self", indexJSON(descriptor(typeIndex, digest.FromString("self"), 100)))}
	a := open(t, l.tar(t))
	n := a.Images[0].Node
	for depth := 0; len(n.Children) > 0; depth++ {
		if depth > archive.MaxDepth {
			t.Fatal("children have no end")
		}
		n = n.Children[0]
	}
	if n.Err == nil && a.Images[0].Err == nil {
		t.Error("no fault")
	}
}

// Same under two names of media types.
func TestNoCycleTypes(t *testing.T) {
	t.Parallel()
	l := newLayout()
	self := digest.FromString("self")
	l.roots = []string{l.lying(typeIndex, "self", indexJSON(descriptor(dockerList, self, 100), descriptor(typeIndex, self, 100)))}
	a := open(t, l.tar(t))
	n := a.Images[0].Node
	for depth := 0; len(n.Children) > 0; depth++ {
		if depth > archive.MaxDepth {
			t.Fatal("children have no end")
		}
		n = n.Children[0]
	}
}

// MaxDepth counts from where a document was first read.
func TestNoDepth(t *testing.T) {
	t.Parallel()
	l := newLayout()
	var chain []string
	d := l.manifest(l.blob(typeConfig, smallConfig))
	for range 3 * archive.MaxDepth {
		d = l.index(d)
		chain = append(chain, d)
	}
	l.roots = []string{chain[archive.MaxDepth-2], chain[2*archive.MaxDepth-4], chain[3*archive.MaxDepth-6]}
	a := open(t, l.tar(t))
	for i, image := range a.Images {
		depth := 0
		for n := image.Node; len(n.Children) > 0; n = n.Children[0] {
			depth++
		}
		if depth > archive.MaxDepth {
			t.Errorf("image %d is %d deep", i, depth)
		}
	}
}

// and an image that is fine at the top is faulty since it was first seen deep.
func TestNoDepthOrder(t *testing.T) {
	t.Parallel()
	l := newLayout()
	d := l.manifest(l.blob(typeConfig, smallConfig))
	var inner string
	for i := range archive.MaxDepth {
		d = l.index(d)
		if i == 1 {
			inner = d
		}
	}
	l.roots = []string{d, inner}
	a := open(t, l.tar(t))
	var fault error
	_ = archive.Walk([]*archive.Node{a.Images[1].Node}, func(n *archive.Node) error {
		if n.Err != nil {
			fault = n.Err
		}
		return nil
	})
	if fault != nil {
		t.Errorf("second image: %v", fault)
	}
}

// 40 links are allowed.
func TestNoLinks(t *testing.T) {
	t.Parallel()
	members := []tarMember{regular("manifest.json", `[{"Config":"link0"}]`), regular("link40", smallConfig)}
	for i := range 40 {
		members = append(members, symlink(fmt.Sprintf("link%d", i), fmt.Sprintf("link%d", i+1)))
	}
	if err := firstFault(open(t, tarFile(t, members...))); err != nil {
		t.Errorf("40 links: %v", err)
	}
}

// A device as manifest.json in a tar is called a folder.
func TestNoFolderMessage(t *testing.T) {
	t.Parallel()
	err := openErr(t, tarFile(t, symlink("manifest.json", "manifest.json")))
	if strings.Contains(err.Error(), "folder") {
		t.Errorf("Open of a tar = %v", err)
	}
}

// A faulty entry of manifest.json fails the whole archive.
func TestNoOneFault(t *testing.T) {
	t.Parallel()
	good := entry("good", []string{"fx:good"}, "a")
	for name, bad := range map[string]string{
		"count":       entry("good", nil),
		"layer out":   entry("good", nil, "../a"),
		"not regular": entry("good", nil, "l"),
	} {
		a, err := archiveOpen(dockerTar(t, []string{bad, good}, regular("good", dockerConfig(layerA)), regular("a", layerA), symlink("l", "l")))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a.Close()
	}
	a, err := archiveOpen(v1Tar(t, `{"fx":{"bad":"b","good":"a"}}`, map[string][2]string{"a": {"", layerA}}))
	if err != nil {
		t.Errorf("docker-save 1.0: %v", err)
	} else {
		a.Close()
	}
}

// A layer that one entry lacks is lost for another entry that has it.
func TestNoLostLayer(t *testing.T) {
	t.Parallel()
	config := strings.Replace(dockerConfig(layerA), "{", `{"author":"x",`, 1)
	a := open(t, dockerTar(t, []string{entry("c", nil, "a"), entry("d", nil, "gone")},
		regular("c", dockerConfig(layerA)), regular("d", config), regular("a", layerA)))
	n := a.Images[0]
	if blob, err := a.Open(n.Layers[0].Descriptor); err != nil {
		t.Errorf("layer of the first image: %v", err)
	} else {
		blob.Close()
	}
}

// again is how long work may take that is a matter of a second when it is done
// once and of many minutes when it is done for each entry.
const again = time.Minute

// One config named by all entries is parsed once.
func TestNoConfigAgain(t *testing.T) {
	t.Parallel()
	path := dockerTar(t, repeated(`{"Config":"c"}`, archive.MaxDescriptors), regular("c", `{"os":"linux","history":[`+strings.Repeat("{},", archive.MaxDescriptors-1)+"{}]}"))
	start := time.Now()
	open(t, path)
	if took := time.Since(start); took > again {
		t.Errorf("%d entries of one config take %v", archive.MaxDescriptors, took)
	}
}

// A compressed layer of a shared chain is decompressed once for all names.
func TestNoChainAgain(t *testing.T) {
	t.Parallel()
	zipped := string(gzipBytes(t, make([]byte, 64<<20)))
	var tags []string
	for i := range 5000 {
		tags = append(tags, fmt.Sprintf(`"v%d":"a"`, i))
	}
	path := v1Tar(t, `{"fx":{`+strings.Join(tags, ",")+`}}`, map[string][2]string{"a": {"", zipped}})
	start := time.Now()
	open(t, path)
	if took := time.Since(start); took > again {
		t.Errorf("%d names of one image take %v", len(tags), took)
	}
}

// Copy with a descriptor of no digest panics.
func TestNoCopyDigest(t *testing.T) {
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
	}()
	l := newLayout()
	l.roots = []string{l.manifest(l.blob(typeConfig, smallConfig))}
	a := open(t, l.tar(t))
	blob, err := a.Open(a.Images[0].Descriptor)
	if err != nil {
		t.Fatal(err)
	}
	d := a.Images[0].Descriptor
	d.Digest = ""
	if err := archive.Copy(context.Background(), new(bytes.Buffer), blob, d, nil); err == nil {
		t.Error("copied")
	}
}

// A config that is broken under an image of both faces makes a second image of
// the entry in manifest.json, with the same name, so that the name selects none.
func TestNoHybridTwice(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format docker-hybrid\nimage fx:v1\n  layer\n    file a one\nreplace blob:config:0 {\n"))
	if len(a.Images) != 1 {
		t.Errorf("one image is %d:\n%s", len(a.Images), outline(a))
	}
	if _, err := a.One("fx:v1"); err != nil {
		t.Error(err)
	}
}

// Folders that were made above a target stay when the write fails.
func TestNoParentsStay(t *testing.T) {
	t.Parallel()
	a := open(t, dockerTar(t, []string{entry("c", nil, "a")}, regular("c", dockerConfig(layerA)), regular("a", layerB)))
	for _, transport := range []ref.Transport{ref.OCI, ref.Dir} {
		parent := t.TempDir()
		if err := archiveWrite(transport, filepath.Join(parent, "new", "out"), contentOf(t, a)); err == nil {
			t.Fatal("a false layer is written")
		}
		if got := names(t, parent); len(got) != 0 {
			t.Errorf("%s leaves %q", transport, got)
		}
	}
}
