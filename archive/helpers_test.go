package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Listings that most tests share. Each goes below a format line.
const (
	oneImage = `
image example.com/fx/app:v1
  platform linux/arm64/v8
  env PATH=/bin
  label k "a label"
  entrypoint /bin/sh -c
  annotation note kept
  config-field x-unknown {"a": [1, "b"]}
  manifest-field x-unknown {"z":  1, "a":[ ]}
  layer
    dir etc
    file etc/motd "hello\n" mode=0600 uid=1000 gid=2000
    symlink etc/motd.sym motd
    random srv/data 3KiB
  history "COPY all /"
  empty "CMD nothing"
  layer
    whiteout etc/motd.sym
`
	twoImages = `
image example.com/fx/app:v1
  layer
    file a one
  layer
    file b two
image example.com/fx/app:v2 fx:latest
  layer
    file a one
  layer
    file b two
  layer
    file c three
`
	manyPlatforms = `
index example.com/fx/multi:latest
  annotation note index
  image
    platform linux/amd64
    layer
      file arch amd64
  attestation
  referrer application/vnd.example.sbom
  image absent
    platform linux/arm64
    layer
      file arch arm64
  index
    image
      platform linux/s390x
      layer zstd
        file arch s390x
  artifact application/vnd.example.thing
`
	artifacts = `
image example.com/fx/app:v1
  layer
    file a one
referrer application/vnd.example.signature
artifact example.com/fx/chart:1 application/vnd.cncf.helm.config.v1+json
`
)

// build writes the archive of a listing and gives its path.
func build(t testing.TB, listing string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "archive")
	archivetest.Build(t, p, listing)
	return p
}

// open opens path and closes it with the test.
func open(t testing.TB, path string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{TempDir: t.TempDir()})
	if err != nil {
		t.Fatalf("Open(%q): %v", path, err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close %q: %v", path, err)
		}
	})
	return a
}

// openErr opens path, which must fail.
func openErr(t testing.TB, path string) error {
	t.Helper()
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{TempDir: t.TempDir()})
	if err == nil {
		a.Close()
		t.Fatalf("Open(%q) = %d images, want an error", path, len(a.Images))
	}
	return err
}

// roots are the nodes of the images of a.
func roots(a *archive.Archive) []*archive.Node {
	var nodes []*archive.Node
	for _, image := range a.Images {
		nodes = append(nodes, image.Node)
	}
	return nodes
}

// outline tells what a holds, in lines that do not depend on a compressor.
func outline(a *archive.Archive) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, outer %s\n", a.Format, a.Outer)
	for i, image := range a.Images {
		fmt.Fprintf(&b, "@%d [%s]\n", i, archive.JoinNames(image.Names))
		outlineNode(&b, image.Node, 1)
	}
	return b.String()
}

func outlineNode(b *strings.Builder, n *archive.Node, depth int) {
	indent := strings.Repeat("  ", depth)
	fmt.Fprintf(b, "%s%s %s", indent, n.Kind(), archive.FormatPlatform(n.Platform()))
	if n.ArtifactType() != "" {
		fmt.Fprintf(b, " type=%s", n.ArtifactType())
	}
	if n.Subject() != "" {
		fmt.Fprintf(b, " referrer")
	}
	switch {
	case n.Absent():
		fmt.Fprintf(b, " absent")
	case n.Err != nil:
		fmt.Fprintf(b, " faulty")
	}
	fmt.Fprintln(b)
	for _, layer := range n.Layers {
		fmt.Fprintf(b, "%s  layer %s", indent, layer.Compression)
		if errors.Is(layer.Err, archive.ErrNotFound) {
			fmt.Fprintf(b, " absent")
		}
		if layer.DiffID == "" {
			fmt.Fprintf(b, " no-diffid")
		}
		fmt.Fprintln(b)
	}
	for _, child := range n.Children {
		outlineNode(b, child, depth+1)
	}
}

// identity tells every digest, every raw byte and every name of a, so that two
// archives with the same identity hold the same images.
func identity(a *archive.Archive) string {
	var b strings.Builder
	for _, image := range a.Images {
		names := make([]string, len(image.Names))
		for i, n := range image.Names {
			names[i] = string(n)
		}
		slices.Sort(names)
		fmt.Fprintf(&b, "%q\n", names)
		identifyNode(&b, image.Node, 1)
	}
	return b.String()
}

func identifyNode(b *strings.Builder, n *archive.Node, depth int) {
	d := n.Descriptor
	fmt.Fprintf(b, "%*s %s %s %d %s %s %v\n", depth*2, "", n.Kind(), d.Digest, d.Size, d.MediaType, archive.FormatPlatform(n.Platform()), n.Absent())
	fmt.Fprintf(b, "%*s raw %q\n", depth*2, "", n.Raw)
	if n.Config != nil {
		fmt.Fprintf(b, "%*s config %q\n", depth*2, "", n.Config.Raw)
	}
	for _, l := range n.Layers {
		fmt.Fprintf(b, "%*s layer %s %s %d %s %v\n", depth*2, "", l.Descriptor.Digest, l.DiffID, l.Descriptor.Size, l.Compression, l.Err != nil)
	}
	for _, child := range n.Children {
		identifyNode(b, child, depth+1)
	}
}

// checkWhole holds every stored byte of a against the descriptors.
func checkWhole(t testing.TB, a *archive.Archive) {
	t.Helper()
	_ = archive.Walk(roots(a), func(n *archive.Node) error {
		if n.Absent() {
			return nil
		}
		if n.Err != nil {
			t.Errorf("node %s: %v", n.Descriptor.Digest, n.Err)
			return nil
		}
		checkDocument(t, a, n)
		return nil
	})
}

func checkDocument(t testing.TB, a *archive.Archive, n *archive.Node) {
	t.Helper()
	if got := digest.FromBytes(n.Raw); got != n.Descriptor.Digest || int64(len(n.Raw)) != n.Descriptor.Size {
		t.Errorf("raw document is %s of %d bytes, want %s of %d", got, len(n.Raw), n.Descriptor.Digest, n.Descriptor.Size)
	}
	if stored := copied(t, a, n.Descriptor); !bytes.Equal(stored, n.Raw) {
		t.Errorf("%s: Raw = %q, want the stored bytes %q", n.Descriptor.Digest, n.Raw, stored)
	}
	var d ocispec.Descriptor
	if err := json.Unmarshal(n.RawDescriptor, &d); err != nil || d.Digest != n.Descriptor.Digest {
		t.Errorf("RawDescriptor %s: %v, want the descriptor of %s", n.RawDescriptor, err, n.Descriptor.Digest)
	}
	if n.Manifest == nil {
		return
	}
	if config := copied(t, a, n.Manifest.Config); n.Kind() == archive.KindImage && !bytes.Equal(config, n.Config.Raw) {
		t.Errorf("%s: Config.Raw = %q, want %q", n.Descriptor.Digest, n.Config.Raw, config)
	}
	for i, layer := range n.Layers {
		if errors.Is(layer.Err, archive.ErrNotFound) {
			continue
		}
		checkLayer(t, a, layer, fmt.Sprintf("%s layer %d", n.Descriptor.Digest, i), n.Kind() == archive.KindImage)
	}
}

func checkLayer(t testing.TB, a *archive.Archive, layer archive.Layer, where string, image bool) {
	t.Helper()
	stored := copied(t, a, layer.Descriptor)
	if got := codec.Detect(stored); got != layer.Compression {
		t.Errorf("%s: Compression = %s, want %s", where, layer.Compression, got)
	}
	if !image {
		return
	}
	plain, err := codec.NewReader(bytes.NewReader(stored), layer.Compression, codec.ReaderOptions{})
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	defer plain.Close()
	if got, err := digest.FromReader(plain); err != nil || got != layer.DiffID {
		t.Errorf("%s: DiffID = %s, content is %s, %v", where, layer.DiffID, got, err)
	}
}

// copied gives the bytes of d through Open and Copy, which checks them.
func copied(t testing.TB, a archive.Source, d ocispec.Descriptor) []byte {
	t.Helper()
	blob, err := a.Open(d)
	if err != nil {
		t.Errorf("Open(%s): %v", d.Digest, err)
		return nil
	}
	defer blob.Close()
	var out bytes.Buffer
	if err := archive.Copy(context.Background(), &out, blob, d, nil); err != nil {
		t.Errorf("Copy(%s): %v", d.Digest, err)
	}
	return out.Bytes()
}

// contentOf takes every image of a.
func contentOf(t testing.TB, a *archive.Archive) *archive.Content {
	t.Helper()
	return contentFrom(t, a, a)
}

// contentFrom takes every image of a, with the blobs of another source.
func contentFrom(t testing.TB, a *archive.Archive, from archive.Source) *archive.Content {
	t.Helper()
	c := &archive.Content{IndexFields: a.IndexFields}
	for _, image := range a.Images {
		if err := c.Add(image, from); err != nil {
			t.Fatalf("Add(%s): %v", image.Descriptor.Digest, err)
		}
	}
	return c
}

// write writes c, which must work.
func write(t testing.TB, transport ref.Transport, path string, c *archive.Content) {
	t.Helper()
	if err := archive.Write(context.Background(), ref.Ref{Transport: transport, Path: path}, c, archive.WriteOptions{}); err != nil {
		t.Fatalf("Write(%s:%s): %v", transport, path, err)
	}
}

// tree gives the content of a file, or of every file below a folder, by name.
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, p)
		if d.IsDir() {
			files[filepath.ToSlash(name)+"/"] = ""
			return nil
		}
		data, err := os.ReadFile(p)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// names lists a folder.
func names(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// tarMember is a member of a tar that a test writes by hand.
type tarMember struct {
	tar.Header
	body string
}

func regular(name, body string) tarMember {
	return tarMember{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(body))}, body}
}

func symlink(name, target string) tarMember {
	return tarMember{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}, ""}
}

func hardlink(name, target string) tarMember {
	return tarMember{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target}, ""}
}

// tarBytes makes a tar of members.
func tarBytes(t testing.TB, members ...tarMember) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tarFile writes a tar of members and gives its path.
func tarFile(t testing.TB, members ...tarMember) string {
	t.Helper()
	return bytesFile(t, tarBytes(t, members...))
}

func bytesFile(t testing.TB, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "archive.tar")
	if err := os.WriteFile(p, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// layout is an OCI layout that a test puts together by hand, so that it can
// lie.
type layout struct {
	files map[string]string
	roots []string
}

func newLayout() *layout {
	return &layout{files: map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`}}
}

// blob stores data and gives its descriptor.
func (l *layout) blob(mediaType, data string) string {
	d := digest.FromString(data)
	l.files[path.Join("blobs/sha256", d.Encoded())] = data
	return descriptor(mediaType, d, len(data))
}

func descriptor(mediaType string, d digest.Digest, size int) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, d, size)
}

const (
	typeIndex    = ocispec.MediaTypeImageIndex
	typeManifest = ocispec.MediaTypeImageManifest
	typeConfig   = ocispec.MediaTypeImageConfig
	typeLayer    = ocispec.MediaTypeImageLayer
	dockerList   = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// manifest stores a manifest over a config and layers.
func (l *layout) manifest(config string, layers ...string) string {
	return l.blob(typeManifest, manifestJSON(config, layers...))
}

func manifestJSON(config string, layers ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`, typeManifest, config, strings.Join(layers, ","))
}

// index stores an index over children.
func (l *layout) index(children ...string) string {
	return l.blob(typeIndex, indexJSON(children...))
}

func indexJSON(children ...string) string {
	return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, typeIndex, strings.Join(children, ","))
}

// members gives the layout as members of a tar.
func (l *layout) members() []tarMember {
	if _, ok := l.files["index.json"]; !ok {
		l.files["index.json"] = indexJSON(l.roots...)
	}
	var members []tarMember
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		members = append(members, regular(name, l.files[name]))
	}
	return members
}

// tar writes the layout as a tar and gives its path.
func (l *layout) tar(t testing.TB) string {
	t.Helper()
	return tarFile(t, l.members()...)
}

func asInput(err error, target **archive.InputError) bool { return errors.As(err, target) }

func gzipBytes(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func archiveOpen(path string) (*archive.Archive, error) {
	return archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
}

func archiveWrite(transport ref.Transport, path string, c *archive.Content) error {
	return archive.Write(context.Background(), ref.Ref{Transport: transport, Path: path}, c, archive.WriteOptions{})
}

func refPath(path string) ref.Ref { return ref.Ref{Path: path} }

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// refNames gives the reference names that index.json of the layout states,
// sorted.
func refNames(t *testing.T, layout string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range index.Manifests {
		if name := d.Annotations[ocispec.AnnotationRefName]; name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
