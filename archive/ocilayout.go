package archive

import (
	"encoding/json"
	"fmt"
	"strings"

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
	for _, raw := range roots {
		n := l.node(raw, 1)
		r := root{Descriptor: n.Descriptor, raw: raw}
		l.add(&Image{Names: r.names(), Node: n, roots: []root{r}})
	}
	return l.checkVersion()
}

// checkVersion refuses a layout of another version than ours, where the layout
// file says so; archives without the file are read all the same.
func (l *loader) checkVersion() error {
	raw, err := l.member(layoutFile)
	if err != nil {
		return nil
	}
	var header ocispec.ImageLayout
	if err := decode(raw, &header); err != nil {
		if l.opts.Mend {
			return nil // it is written anew
		}
		return fmt.Errorf("read %s: %w", layoutFile, err)
	}
	if major, _, _ := strings.Cut(header.Version, "."); major != "1" {
		return fmt.Errorf("layout version %q: %w", header.Version, ErrUnsupported)
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
	return without(fields, "schemaVersion", "manifests"), nil
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
