package archive

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Members of an OCI layout (image-spec v1.1 image-layout.md, "Content").
const (
	layoutFile = ocispec.ImageLayoutFile // oci-layout
	indexFile  = ocispec.ImageIndexFile  // index.json
)

// layoutHeader is what the layout file of every layout that we write holds.
const layoutHeader = `{"imageLayoutVersion":"` + ocispec.ImageLayoutVersion + `"}`

// AnnotationImageName is where containerd and Docker keep the full name of an
// image in index.json.
const AnnotationImageName = "io.containerd.image.name"

// loadLayout reads index.json and everything that it reaches.
func (l *loader) loadLayout() error {
	raw, err := l.member(indexFile)
	if err != nil {
		return err
	}
	if l.archive.IndexFields, err = indexFields(raw); err != nil {
		return err
	}
	roots, err := rawDescriptors(raw)
	if err != nil {
		return fmt.Errorf("read %s: %w", indexFile, err)
	}
	for _, root := range roots {
		n := l.node(root, 1)
		l.add(&Image{Names: descriptorNames(n.Descriptor), Node: n})
	}
	return nil
}

// indexFields gives the fields of an index.json other than those that every one
// has.
func indexFields(raw []byte) (map[string]RawJSON, error) {
	var fields map[string]RawJSON
	if err := decode(raw, &fields); err != nil {
		return nil, fmt.Errorf("read %s: %w", indexFile, err)
	}
	delete(fields, "schemaVersion")
	delete(fields, "manifests")
	return fields, nil
}

// descriptorNames gives the name that a descriptor of index.json carries.
func descriptorNames(d ocispec.Descriptor) []Name {
	for _, key := range []string{AnnotationImageName, ocispec.AnnotationRefName} {
		if name := d.Annotations[key]; name != "" {
			return []Name{spell(name)}
		}
	}
	return nil
}

// member reads one document of the archive that has a fixed name.
func (l *loader) member(name string) ([]byte, error) {
	blob, err := l.archive.members.open(name)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	raw, err := readAll(blob, MaxDocument)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return raw, nil
}

// describe gives a descriptor of raw as JSON.
func describe(mediaType string, raw []byte) RawJSON {
	return mustMarshal(ocispec.Descriptor{
		MediaType: mediaType,
		Digest:    digest.FromBytes(raw),
		Size:      int64(len(raw)),
	})
}

// mustMarshal is for values of our own making, which always marshal.
func mustMarshal(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("marshal %T: %v", v, err))
	}
	return raw
}
