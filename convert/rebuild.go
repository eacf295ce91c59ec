package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// reindex gives n with other children: a new document with the other fields of
// the old one.
func reindex(n *archive.Node, children []*archive.Node) *archive.Node {
	return reindexAs(n, n.Descriptor.MediaType, children)
}

// reindexAs is reindex, and gives the index another media type.
func reindexAs(n *archive.Node, mediaType string, children []*archive.Node) *archive.Node {
	fields := fieldsOf(n.Raw)
	index := *n.Index
	if _, ok := fields["mediaType"]; ok && mediaType != n.Descriptor.MediaType {
		index.MediaType = mediaType
		fields["mediaType"] = mustMarshal(mediaType)
	}
	index.Manifests = nil
	descriptors := []archive.RawJSON{}
	for _, child := range children {
		index.Manifests = append(index.Manifests, child.Descriptor)
		descriptors = append(descriptors, child.RawDescriptor)
	}
	fields["manifests"] = mustMarshal(descriptors)
	document := *n.Document
	document.Raw, document.Index, document.Children = mustMarshal(fields), &index, children
	old := *n
	old.Descriptor.MediaType = mediaType
	return renewed(&old, &document)
}

// renewed gives n with another document, and with a descriptor that says so.
func renewed(n *archive.Node, document *archive.Document) *archive.Node {
	d := n.Descriptor
	d.Digest, d.Size, d.Data = digest.FromBytes(document.Raw), int64(len(document.Raw)), nil
	return &archive.Node{Descriptor: d, RawDescriptor: withDigest(n.RawDescriptor, d), Document: document}
}

// fieldsOf gives the fields of a stored object, which was parsed before. Those
// that are known stand under their names, whatever case they were written in:
// Go's parser takes any, and others must not find what was meant to go.
func fieldsOf(raw []byte, known ...string) map[string]archive.RawJSON {
	var fields map[string]archive.RawJSON
	if raw != nil {
		mustUnmarshal(raw, &fields)
	}
	if fields == nil { // absent, or null
		fields = map[string]archive.RawJSON{}
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		for _, name := range known {
			if key == name || !strings.EqualFold(key, name) {
				continue
			}
			if _, ok := fields[name]; !ok {
				fields[name] = fields[key]
			}
			delete(fields, key)
		}
	}
	return fields
}

// listOf gives the values of a stored list, which was parsed before; none where it
// is absent.
func listOf(raw archive.RawJSON) []archive.RawJSON {
	var list []archive.RawJSON
	if raw != nil {
		mustUnmarshal(raw, &list)
	}
	return list
}

// withDigest gives the stored descriptor with the media type, digest and size of
// d, and without embedded content.
func withDigest(stored archive.RawJSON, d ocispec.Descriptor) archive.RawJSON {
	fields := fieldsOf(stored, "mediaType", "digest", "size", "data")
	if d.MediaType != "" {
		fields["mediaType"] = mustMarshal(d.MediaType)
	}
	fields["digest"], fields["size"] = mustMarshal(d.Digest), mustMarshal(d.Size)
	delete(fields, "data")
	return mustMarshal(fields)
}

// mustMarshal leaves the text of stored values as it is, where [json.Marshal]
// would make six bytes of each & of a shell command.
func mustMarshal(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("marshal %T: %v", v, err))
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// restated gives the document of next with what the descriptor of n says besides.
func restated(n, next *archive.Node) *archive.Node {
	d := n.Descriptor
	d.MediaType, d.Digest, d.Size, d.Data = next.Descriptor.MediaType, next.Descriptor.Digest, next.Descriptor.Size, nil
	return &archive.Node{Descriptor: d, RawDescriptor: withDigest(n.RawDescriptor, d), Document: next.Document}
}

// rebuild is an image that gets other layers. Whatever else its manifest, its
// config and its descriptors say stays as stored.
type rebuild struct {
	old       *archive.Node
	manifest  ocispec.Manifest
	config    ocispec.Image
	fields    map[string]archive.RawJSON // of the manifest
	settings  map[string]archive.RawJSON // of the config
	stored    []archive.RawJSON          // the old layers' descriptors
	rawLayers []archive.RawJSON
	layers    []archive.Layer
	mediaType func(string) string
	layerType string // of new layers, where it is not OCI's

	otherHistory bool
}

func newRebuild(n *archive.Node) *rebuild {
	r := &rebuild{
		old: n, manifest: *n.Manifest, config: n.Config.Image,
		fields: fieldsOf(n.Raw), settings: fieldsOf(n.Config.Raw, "rootfs", "history"),
		mediaType: func(s string) string { return s },
	}
	r.manifest.Layers, r.config.RootFS.DiffIDs = nil, nil
	r.stored = listOf(r.fields["layers"])
	return r
}

// fitMediaTypes says what new layers are compressed with. They get the media
// type of the image's family; where Docker's has none, the whole image becomes
// OCI's.
func (r *rebuild) fitMediaTypes(c codec.Compression) (becomesOCI bool) {
	if !archive.IsDocker(r.manifest.Config.MediaType) {
		return false
	}
	mediaType, ok := archive.DockerLayerMediaType(c)
	if ok {
		r.layerType = mediaType
		return false
	}
	r.mediaType = archive.OCIMediaType
	return true
}

// keepLayer takes layer i over as it is, but for its media type where the image
// becomes OCI's.
func (r *rebuild) keepLayer(i int) {
	l := r.old.Layers[i]
	mediaType := r.mediaType(l.Descriptor.MediaType)
	if mediaType == l.Descriptor.MediaType {
		r.push(l, r.stored[i])
		return
	}
	l.Descriptor.MediaType = mediaType
	r.push(l, withDigest(r.stored[i], l.Descriptor))
}

// replaceLayer puts another form of layer i in its place; whatever else its
// descriptor says stays.
func (r *rebuild) replaceLayer(i int, l archive.Layer) {
	r.fit(&l)
	d := r.old.Layers[i].Descriptor
	d.MediaType, d.Digest, d.Size, d.Data = l.Descriptor.MediaType, l.Descriptor.Digest, l.Descriptor.Size, nil
	l.Descriptor = d
	r.push(l, withDigest(r.stored[i], d))
}

// addLayer puts a new layer on top.
func (r *rebuild) addLayer(l archive.Layer) {
	r.fit(&l)
	r.push(l, mustMarshal(l.Descriptor))
}

func (r *rebuild) fit(l *archive.Layer) {
	if r.layerType != "" {
		l.Descriptor.MediaType = r.layerType
	}
}

func (r *rebuild) push(l archive.Layer, raw archive.RawJSON) {
	r.layers = append(r.layers, l)
	r.rawLayers = append(r.rawLayers, raw)
	r.manifest.Layers = append(r.manifest.Layers, l.Descriptor)
	r.config.RootFS.DiffIDs = append(r.config.RootFS.DiffIDs, l.DiffID)
}

// setHistory replaces the history; none leaves it out.
func (r *rebuild) setHistory(history []step) {
	r.config.History, r.otherHistory = nil, true
	delete(r.settings, "history")
	var raw []archive.RawJSON
	for _, s := range history {
		raw = append(raw, s.raw)
		r.config.History = append(r.config.History, s.History)
	}
	if raw != nil {
		r.settings["history"] = mustMarshal(raw)
	}
}

// node gives the image; its config is kept in made.
func (r *rebuild) node(made *archive.Made) *archive.Node {
	config := r.configText()
	d := r.manifest.Config
	d.MediaType, d.Digest, d.Size, d.Data = r.mediaType(d.MediaType), made.Document(config), int64(len(config)), nil
	r.manifest.Config = d
	r.fields["config"] = withDigest(r.fields["config"], d)
	r.fields["layers"] = mustMarshal(r.rawLayers)
	if _, ok := r.fields["mediaType"]; ok {
		r.manifest.MediaType = r.mediaType(r.manifest.MediaType)
		r.fields["mediaType"] = mustMarshal(r.manifest.MediaType)
	}
	n := renewed(r.old, &archive.Document{
		Damage: r.old.Damage, Raw: mustMarshal(r.fields), Manifest: &r.manifest, Layers: r.layers,
		Config: &archive.Config{Damage: r.old.Config.Damage, Raw: config, Image: r.config},
	})
	n.Descriptor.MediaType = r.mediaType(n.Descriptor.MediaType)
	n.RawDescriptor = withDigest(n.RawDescriptor, n.Descriptor)
	return n
}

// configText gives the config; where the tars of all layers are what they were, to
// the letter, so that the image keeps its ID.
func (r *rebuild) configText() []byte {
	if !r.otherHistory && slices.Equal(r.config.RootFS.DiffIDs, r.old.Config.RootFS.DiffIDs) {
		return r.old.Config.Raw
	}
	rootfs := fieldsOf(r.settings["rootfs"], "type", "diff_ids")
	rootfs["type"] = mustMarshal("layers") // image-spec v1.1 config.md, "Properties"
	rootfs["diff_ids"] = mustMarshal(r.config.RootFS.DiffIDs)
	r.settings["rootfs"] = mustMarshal(rootfs)
	return mustMarshal(r.settings)
}

func mustUnmarshal(raw []byte, v any) {
	if err := json.Unmarshal(raw, v); err != nil {
		panic(fmt.Sprintf("stored JSON no longer parses: %v", err))
	}
}
