package archive

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layoutFiles plans an OCI layout: marker and index, then the blobs. A reader of
// the stream knows all names before the first layer comes.
func layoutFiles(c *Content) []file {
	files := []file{
		{name: layoutFile, data: []byte(layoutHeader)},
		{name: indexFile, data: indexJSON(c.IndexFields, rootsOf(c.Images))},
	}
	return append(files, blobFiles(c)...)
}

// blobFiles places the blobs, with their folders before them.
func blobFiles(c *Content) []file {
	files := []file{{name: "blobs"}}
	algorithms := map[string]bool{}
	for i := range c.Blobs {
		name := layoutBlobName(c.Blobs[i].Descriptor.Digest)
		if folder := path.Dir(name); !algorithms[folder] {
			algorithms[folder] = true
			files = append(files, file{name: folder})
		}
		files = append(files, file{name: name, blob: &c.Blobs[i]})
	}
	return files
}

// appendFields puts fields at the end of a JSON object, sorted.
func appendFields(object []byte, fields map[string]RawJSON) []byte {
	out := slices.Clone(object[:len(object)-1])
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		out = fmt.Appendf(out, ",%s:%s", mustMarshal(key), mustMarshal(fields[key]))
	}
	return append(out, '}')
}

// without gives fields less those of the given names, in any case: Go's reader,
// for one, does not tell Manifests from manifests.
func without(fields map[string]RawJSON, names ...string) map[string]RawJSON {
	fields = maps.Clone(fields)
	maps.DeleteFunc(fields, func(key string, _ RawJSON) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(key, name) })
	})
	return fields
}

// indexJSON is index.json (image-spec v1.1 image-layout.md, "index.json file").
func indexJSON(fields map[string]RawJSON, roots []root) []byte {
	index := mustMarshal(struct {
		SchemaVersion int       `json:"schemaVersion"`
		MediaType     string    `json:"mediaType"`
		Manifests     []RawJSON `json:"manifests"`
	}{2, ocispec.MediaTypeImageIndex, rawRoots(roots)})
	return appendFields(index, without(fields, "schemaVersion", "mediaType", "manifests"))
}
