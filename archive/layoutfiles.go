package archive

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// file is one file of an archive to be: a blob, or bytes of our own, or, with
// neither, a folder. Where it is written to is not its business.
type file struct {
	name string
	data []byte
	blob *StoredBlob
}

// layoutFiles plans an OCI layout: marker and index, then the blobs. A reader of
// the stream knows all names before the first layer comes.
func layoutFiles(c *Content) []file {
	files := []file{
		{name: layoutFile, data: []byte(layoutHeader)},
		{name: indexFile, data: indexJSON(c.IndexFields, rootDescriptors(c.Images))},
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

// rootDescriptors gives the descriptors of index.json: one for each name, and
// one for an image without names.
func rootDescriptors(images []*Image) []RawJSON {
	var descriptors []RawJSON
	for _, image := range images {
		if len(image.Names) == 0 {
			descriptors = append(descriptors, nameDescriptor(image.Node, ""))
		}
		for _, name := range image.Names {
			descriptors = append(descriptors, nameDescriptor(image.Node, name))
		}
	}
	return descriptors
}

// nameDescriptor is the root's descriptor as stored, naming the image name and
// nothing else. containerd, Docker and podman read the full name; skopeo, umoci
// and regctl match the reference name to the letter, so it is the name as people
// write it: a bare tag would mean another image in a layout of several.
func nameDescriptor(n *Node, name Name) RawJSON {
	d := n.Descriptor
	d.Annotations = maps.Clone(d.Annotations)
	delete(d.Annotations, AnnotationImageName)
	delete(d.Annotations, ocispec.AnnotationRefName)
	if name != "" && d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	if full := name.Full(); full != "" {
		d.Annotations[AnnotationImageName] = full
	}
	if name != "" {
		d.Annotations[ocispec.AnnotationRefName] = string(name)
	}
	return withUnknownFields(mustMarshal(d), n.RawDescriptor)
}

// descriptorFields are what [ocispec.Descriptor] knows of a descriptor.
var descriptorFields = []string{"mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"}

// withUnknownFields adds to a descriptor what the stored one has beyond it.
func withUnknownFields(descriptor, stored []byte) RawJSON {
	var fields map[string]RawJSON
	if json.Unmarshal(stored, &fields) != nil {
		return descriptor
	}
	for _, known := range descriptorFields {
		delete(fields, known)
	}
	return appendFields(descriptor, fields)
}

// appendFields puts fields at the end of a JSON object, sorted.
func appendFields(object []byte, fields map[string]RawJSON) []byte {
	out := slices.Clone(object[:len(object)-1])
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		out = fmt.Appendf(out, ",%s:%s", mustMarshal(key), mustMarshal(fields[key]))
	}
	return append(out, '}')
}

// indexJSON is index.json (image-spec v1.1 image-layout.md, "index.json file").
func indexJSON(fields map[string]RawJSON, descriptors []RawJSON) []byte {
	fields = maps.Clone(fields)
	delete(fields, "mediaType")
	if descriptors == nil {
		descriptors = []RawJSON{}
	}
	index := mustMarshal(struct {
		SchemaVersion int       `json:"schemaVersion"`
		MediaType     string    `json:"mediaType"`
		Manifests     []RawJSON `json:"manifests"`
	}{2, ocispec.MediaTypeImageIndex, descriptors})
	return appendFields(index, fields)
}
