package convert

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// NewRepair decides what to write so that the archive loads: it takes documents
// over and mends what they say of each other. Layers, configs and their bytes
// stay; the digests of manifests and indexes that are mended change. Sources are
// best opened with [archive.OpenOptions.Mend]. Each thing that is mended or left
// out is one of the plan's notes.
//
// It leaves out attestations, and what the archive names and does not hold, as
// long as an image is left. It sets right the media type, size, platform and
// embedded content in descriptors. It cannot mend bytes that are not what their
// digest says, and fails with a [*archive.DigestError] where these are documents.
func NewRepair(sources []Source, to ref.Ref, opts Options) (*Plan, error) {
	opts.StripAttestations, opts.mend = true, true
	return NewPlan(sources, to, opts)
}

// mender mends the documents of one source.
type mender struct {
	source archive.Source
	note   func(string, ...any)
}

// mended gives image with all below it mended, or nil where nothing of it can be
// kept.
func (m *mender) mended(image *archive.Image) *archive.Image {
	node := m.node(image.Node)
	if node == nil {
		return nil
	}
	same := bytes.Equal(node.RawDescriptor, image.RawDescriptor)
	restated, mended := image.Restated(node)
	if same && mended > 0 { // else it was told
		m.note("%s: index.json describes it once more, and otherwise", node.Descriptor.Digest)
	}
	if same && mended == 0 {
		return image
	}
	return restated
}

// node gives n mended, n itself where there is nothing to mend, or nil where it
// cannot be kept.
func (m *mender) node(n *archive.Node) *archive.Node {
	switch {
	case n.Absent():
		m.leaveOut(n, "it is not in the archive")
		return nil
	case errors.Is(n.Err, archive.ErrOpaque):
		return n
	case n.Err != nil:
		m.leaveOut(n, n.Err.Error())
		return nil
	case n.Index != nil:
		n = m.index(n)
	default:
		n = m.manifest(n)
	}
	if n == nil {
		return nil
	}
	return m.descriptor(n)
}

func (m *mender) leaveOut(n *archive.Node, why string) {
	what := string(n.Kind())
	if n.Kind() == archive.KindUnknown {
		what = "manifest"
	}
	if n.Descriptor.Platform != nil {
		what += " for " + archive.FormatPlatform(n.Descriptor.Platform)
	}
	if n.Descriptor.Digest != "" {
		what += " " + n.Descriptor.Digest.String()
	}
	m.note("left out %s: %s", what, why)
}

// index mends the children of an index and leaves out those that cannot be kept.
func (m *mender) index(n *archive.Node) *archive.Node {
	var children []*archive.Node
	changed := false
	for _, child := range n.Children {
		next := m.node(child)
		changed = changed || next != child
		if next != nil {
			children = append(children, next)
		}
	}
	mediaType := documentMediaType(n, archive.IsIndex, ocispec.MediaTypeImageIndex)
	switch {
	case len(children) == 0 && len(n.Children) > 0:
		m.leaveOut(n, "nothing that it names is left")
		return nil
	case m.statesOther(n, n.Index.MediaType, mediaType), changed, mediaType != n.Descriptor.MediaType:
		return reindexAs(n, mediaType, children)
	}
	return n
}

// statesOther reports, and tells, that a document calls itself something else
// than it is.
func (m *mender) statesOther(n *archive.Node, stated, mediaType string) bool {
	if stated == "" || stated == mediaType {
		return false
	}
	m.note("%s calls itself %s, and is %s", n.Descriptor.Digest, stated, mediaType)
	return true
}

// documentMediaType is what a document is to be called: what it calls itself,
// else what its descriptor does, where that is of the kind.
func documentMediaType(n *archive.Node, isKind func(string) bool, standard string) string {
	stated := ""
	if n.Index != nil {
		stated = n.Index.MediaType
	} else {
		stated = n.Manifest.MediaType
	}
	for _, mediaType := range []string{stated, n.Descriptor.MediaType} {
		if isKind(mediaType) {
			return mediaType
		}
	}
	return standard
}

// manifest mends what a manifest says of its config and its layers.
func (m *mender) manifest(n *archive.Node) *archive.Node {
	if what, err := lacking(n); err != nil {
		m.leaveOut(n, fmt.Sprintf("its %s: %v", what, err))
		return nil
	}
	fields := fieldsOf(n.Raw)
	manifest := *n.Manifest
	manifest.Layers = slices.Clone(manifest.Layers)
	layers := slices.Clone(n.Layers)
	stored := listOf(fields["layers"])
	changed := m.config(n, &manifest, fields)
	for i := range layers {
		d := m.layer(layers[i])
		if !same(d, layers[i].Descriptor) {
			changed = true
			layers[i].Descriptor, manifest.Layers[i] = d, d
			stored[i] = withDigest(stored[i], d)
		}
	}
	mediaType := documentMediaType(n, archive.IsManifest, ocispec.MediaTypeImageManifest)
	if m.statesOther(n, manifest.MediaType, mediaType) {
		changed = true
		manifest.MediaType = mediaType
		fields["mediaType"] = mustMarshal(mediaType)
	}
	if !changed {
		return n
	}
	fields["layers"] = mustMarshal(stored)
	document := *n.Document
	document.Raw, document.Manifest, document.Layers = mustMarshal(fields), &manifest, layers
	return renewed(n, &document)
}

// lacking gives the first part that n needs and the archive does not hold.
// Non-distributable layers are not there on purpose.
func lacking(n *archive.Node) (what string, err error) {
	if n.Config.Err != nil {
		return "config " + n.Manifest.Config.Digest.String(), n.Config.Err
	}
	for _, l := range n.Layers {
		if l.Err != nil && !archive.IsForeign(l.Descriptor.MediaType) {
			return "layer " + l.Descriptor.Digest.String(), l.Err
		}
	}
	return "", nil
}

// config mends the config's descriptor, and reports that there was a need.
func (m *mender) config(n *archive.Node, manifest *ocispec.Manifest, fields map[string]archive.RawJSON) bool {
	d := m.sized(manifest.Config)
	if n.Config.Raw != nil && !archive.IsImageConfig(d.MediaType) {
		m.note("%s: its config is %s, not %s", n.Descriptor.Digest, ocispec.MediaTypeImageConfig, d.MediaType)
		d.MediaType = ocispec.MediaTypeImageConfig
	}
	if same(d, manifest.Config) {
		return false
	}
	manifest.Config = d
	fields["config"] = withDigest(fields["config"], d)
	return true
}

// layer mends a layer's descriptor.
func (m *mender) layer(l archive.Layer) ocispec.Descriptor {
	if l.Err != nil {
		return l.Descriptor
	}
	d := m.sized(l.Descriptor)
	stated, known := archive.StatedCompression(d.MediaType)
	if !known || stated == l.Compression || archive.IsForeign(d.MediaType) {
		return d
	}
	mediaType, ok := archive.DockerLayerMediaType(l.Compression)
	if !archive.IsDocker(d.MediaType) || !ok {
		mediaType = archive.LayerMediaType(l.Compression)
	}
	m.note("layer %s is %s, not %s: its media type is %s now", d.Digest, l.Compression, stated, mediaType)
	d.MediaType = mediaType
	return d
}

// sized mends the size of d and its embedded content. What cannot be opened
// stays as it is.
func (m *mender) sized(d ocispec.Descriptor) ocispec.Descriptor {
	blob, err := m.source.Open(ocispec.Descriptor{Digest: d.Digest, Data: d.Data})
	if err != nil {
		return d
	}
	defer blob.Close()
	if size := blob.Size(); size != d.Size {
		m.note("%s has %d bytes, not %d", d.Digest, size, d.Size)
		d.Size = size
	}
	return m.unembedded(d)
}

// unembedded drops embedded content that is not what d describes.
func (m *mender) unembedded(d ocispec.Descriptor) ocispec.Descriptor {
	if len(d.Data) > 0 && d.Digest.Validate() == nil && d.Digest.Algorithm().FromBytes(d.Data) != d.Digest {
		m.note("%s: the content embedded in its descriptor is another and is left out", d.Digest)
		d.Data = nil
	}
	return d
}

// same reports that nothing of a descriptor was mended.
func same(a, b ocispec.Descriptor) bool {
	return a.MediaType == b.MediaType && a.Digest == b.Digest && a.Size == b.Size && len(a.Data) == len(b.Data)
}

// descriptor mends what the parent says of n: its media type, size and platform.
func (m *mender) descriptor(n *archive.Node) *archive.Node {
	standard, isKind := ocispec.MediaTypeImageManifest, archive.IsManifest
	if n.Index != nil {
		standard, isKind = ocispec.MediaTypeImageIndex, archive.IsIndex
	}
	d := m.unembedded(n.Descriptor)
	if mediaType := documentMediaType(n, isKind, standard); mediaType != d.MediaType {
		m.note("%s is %s, not %s", d.Digest, mediaType, d.MediaType)
		d.MediaType = mediaType
	}
	if size := int64(len(n.Raw)); size != d.Size {
		m.note("%s has %d bytes, not %d", d.Digest, size, d.Size)
		d.Size = size
	}
	platform := m.platform(n)
	if same(d, n.Descriptor) && platform == n.Descriptor.Platform {
		return n
	}
	raw := withDigest(n.RawDescriptor, d)
	if platform != n.Descriptor.Platform {
		d.Platform = platform
		fields := fieldsOf(raw, "platform")
		fields["platform"] = mustMarshal(platform)
		raw = mustMarshal(fields)
	}
	return &archive.Node{Descriptor: d, RawDescriptor: raw, Document: n.Document}
}

// platform is the one that an image's descriptor is to name: what it names or,
// where the config says otherwise, what that says.
func (m *mender) platform(n *archive.Node) *ocispec.Platform {
	stated := n.Descriptor.Platform
	if n.Kind() != archive.KindImage || stated == nil || n.Config.OS == "" || n.Config.Architecture == "" {
		return stated
	}
	says := n.Config.Platform
	if says.Variant == "" {
		says.Variant = stated.Variant
	}
	if stated.OS == says.OS && stated.Architecture == says.Architecture && stated.Variant == says.Variant {
		return stated
	}
	m.note("%s is for %s, not %s", n.Descriptor.Digest, archive.FormatPlatform(&says), archive.FormatPlatform(stated))
	mended := *stated
	mended.OS, mended.Architecture, mended.Variant = says.OS, says.Architecture, says.Variant
	return &mended
}
