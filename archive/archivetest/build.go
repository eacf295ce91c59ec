package archivetest

import (
	"archive/tar"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// format is one way to lay an archive out.
type format struct {
	compression string // of layers that do not say
	folder      bool
	write       func(*build) error // adds the members
}

var formats = map[string]format{
	"docker-save":             {compression: "plain", write: (*build).writeDockerSave},
	"docker-save-1.0":         {compression: "plain", write: (*build).writeDockerSave10},
	"docker-save-podman":      {compression: "plain", write: (*build).writePodman},
	"docker-save-crane":       {compression: "gzip", write: (*build).writeCrane},
	"docker-save-bare":        {compression: "plain", write: (*build).writeBare},
	"docker-hybrid":           {compression: "plain", write: (*build).writeHybrid},
	"docker-hybrid-25.0":      {compression: "plain", write: (*build).writeHybrid},
	"docker-hybrid-25.0-null": {compression: "plain", write: (*build).writeHybrid},
	"docker-containerd":       {compression: "gzip", write: (*build).writeContainerd},
	"oci-archive":             {compression: "gzip", write: (*build).writeLayout},
	"oci":                     {compression: "gzip", folder: true, write: (*build).writeLayout},
	"dir":                     {compression: "gzip", folder: true, write: (*build).writeDir},
	"tar":                     {write: (*build).writeEntries},
}

// build is the state of one Write.
type build struct {
	spec    *Spec
	images  []*image // in listing order, children of indexes too
	blobs   []blob   // in the order in which they were made
	items   []item   // what stands at top level
	counts  map[string]int
	members []member
	places  map[string]string // member name of each blob:... placeholder
}

// blob is a stored content with the placeholder that edits call it by.
type blob struct {
	place      string
	descriptor v1.Descriptor
	data       []byte
	manifest   bool // or index
	absent     bool
}

// item is a node that was made.
type item struct {
	node       *node
	descriptor v1.Descriptor // of its manifest or index
	first      *image        // itself, or the first stored image below; nil if there is none
}

// members builds everything that the archive holds, in order.
func (s *Spec) members() ([]member, error) {
	b := &build{spec: s, counts: map[string]int{}, places: map[string]string{}}
	var err error
	if b.items, err = b.makeItems(s.nodes, false); err != nil {
		return nil, err
	}
	if err := formats[s.format].write(b); err != nil {
		return nil, err
	}
	for _, e := range s.edits {
		if err := b.edit(e); err != nil {
			return nil, e.line.errorf("%s %q: %w", e.line.words[0], e.path, err)
		}
	}
	return b.members, nil
}

func (b *build) writeEntries() error {
	b.members = slices.Clone(b.spec.entries)
	return nil
}

// next numbers the blobs of one kind in listing order.
func (b *build) next(kind string) int {
	n := b.counts[kind]
	b.counts[kind]++
	return n
}

func (b *build) addBlob(place string, d v1.Descriptor, data []byte, absent bool) {
	b.blobs = append(b.blobs, blob{place: place, descriptor: d, data: data, absent: absent})
}

func (b *build) addManifest(place string, d v1.Descriptor, data []byte, absent bool) {
	b.blobs = append(b.blobs, blob{place: place, descriptor: d, data: data, absent: absent, manifest: true})
}

// addFile adds a regular member. One that is there already is left alone: its
// name says that the content is the same.
func (b *build) addFile(name string, mode int64, data []byte) {
	b.add(member{hdr: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, body: data})
}

func (b *build) addFolder(name string) {
	b.add(member{hdr: tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755}})
}

func (b *build) addLink(name, target string, mode int64) {
	b.add(member{hdr: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: mode}})
}

func (b *build) add(m member) {
	if b.find(m.hdr.Name) >= 0 {
		return
	}
	m.hdr.ModTime = time.Unix(0, 0)
	b.members = append(b.members, m)
}

// find returns the index of the member called name, or -1.
func (b *build) find(name string) int {
	return slices.IndexFunc(b.members, func(m member) bool {
		return strings.TrimSuffix(m.hdr.Name, "/") == strings.TrimSuffix(name, "/")
	})
}

func (b *build) sortMembers() {
	slices.SortStableFunc(b.members, func(x, y member) int {
		return strings.Compare(x.hdr.Name, y.hdr.Name)
	})
}

// resolve turns the PATH of an edit into a member name.
func (b *build) resolve(name string) (string, error) {
	if name == "@index" {
		if b.spec.format == "dir" {
			return "manifest.json", nil
		}
		return "index.json", nil
	}
	if plain, ok := strings.CutPrefix(name, "@"); ok {
		return plain, nil
	}
	if !strings.HasPrefix(name, "blob:") {
		return name, nil
	}
	place, ok := b.places[name]
	if !ok {
		known := slices.Sorted(maps.Keys(b.places))
		return "", fmt.Errorf("no such blob in format %s; there are %s", b.spec.format, strings.Join(known, ", "))
	}
	return place, nil
}

// blobPath is the member name that a layout gives a blob.
func blobPath(d v1.Descriptor) string {
	return path.Join("blobs", d.Digest.Algorithm().String(), d.Digest.Encoded())
}
