package archivetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	dockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	dockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig       = "application/vnd.docker.container.image.v1+json"
	attestationType    = "application/vnd.docker.attestation.manifest.v1+json"
)

// image is an image that was made.
type image struct {
	node     *node
	num      int
	config   v1.Descriptor
	raw      []byte // the config
	manifest v1.Descriptor
	layers   []layer
}

// mediaType picks between the media types of a document.
func (b *build) mediaType(oci, docker string) string {
	if b.spec.media == "docker" {
		return docker
	}
	return oci
}

// makeItems makes nodes and what is below them.
func (b *build) makeItems(nodes []*node, absent bool) ([]item, error) {
	var items []item
	var subject v1.Descriptor
	for _, n := range nodes {
		it, err := b.makeItem(n, subject, absent || n.absent)
		if err != nil {
			return nil, n.line.errorf("make %s: %w", n.kind, err)
		}
		if n.kind == "image" || n.kind == "index" {
			subject = v1.Descriptor{MediaType: it.descriptor.MediaType, Digest: it.descriptor.Digest, Size: it.descriptor.Size}
		}
		items = append(items, it)
	}
	return items, nil
}

func (b *build) makeItem(n *node, subject v1.Descriptor, absent bool) (item, error) {
	switch n.kind {
	case "image":
		return b.makeImage(n, absent)
	case "index":
		return b.makeIndex(n, absent)
	case "attestation":
		return b.makeAttestation(n, subject, absent)
	}
	return b.makeArtifact(n, subject, absent)
}

func (b *build) makeImage(n *node, absent bool) (item, error) {
	img := &image{node: n, num: b.next("image")}
	b.images = append(b.images, img)
	for _, s := range n.layers {
		l, err := b.makeLayer(s)
		if err != nil {
			return item{}, err
		}
		l.absent = l.absent || absent
		img.layers = append(img.layers, l)
	}
	if err := b.makeConfig(img, absent); err != nil {
		return item{}, err
	}
	for j, l := range img.layers {
		b.addBlob(fmt.Sprintf("blob:layer:%d:%d", img.num, j), l.descriptor, l.stored, l.absent)
	}
	if err := b.makeManifest(img, absent); err != nil {
		return item{}, err
	}
	it := item{node: n, descriptor: img.manifest}
	if !absent {
		it.first = img
	}
	return it, nil
}

func (b *build) makeConfig(img *image, absent bool) error {
	n := img.node
	doc := v1.Image{Created: n.created, Platform: n.platform, Config: n.config}
	doc.RootFS = v1.RootFS{Type: "layers", DiffIDs: img.diffIDs()}
	if !n.noHistory {
		doc.History = slices.Clone(n.history)
		for i := range doc.History {
			doc.History[i].Created = n.created
		}
	}
	raw, err := marshal(doc, n.configFields)
	if err != nil {
		return err
	}
	img.raw = raw
	img.config = describe(b.mediaType(v1.MediaTypeImageConfig, dockerConfig), raw)
	b.addBlob(fmt.Sprintf("blob:config:%d", img.num), img.config, raw, absent)
	return nil
}

func (img *image) diffIDs() []digest.Digest {
	ids := []digest.Digest{} // not nil, which would become null
	for _, l := range img.layers {
		ids = append(ids, l.diffID)
	}
	return ids
}

func (b *build) makeManifest(img *image, absent bool) error {
	m := v1.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   b.mediaType(v1.MediaTypeImageManifest, dockerManifest),
		Config:      img.config,
		Layers:      []v1.Descriptor{},
		Annotations: img.node.annotations,
	}
	for _, l := range img.layers {
		m.Layers = append(m.Layers, l.descriptor)
	}
	if b.spec.format == "docker-hybrid-25.0" {
		m.Layers = nil // moby issue 47065
	}
	raw, err := marshal(m, img.node.manifestFields)
	if err != nil {
		return err
	}
	img.manifest = describe(m.MediaType, raw)
	b.addManifest(fmt.Sprintf("blob:manifest:%d", img.num), img.manifest, raw, absent)
	return nil
}

func (b *build) makeIndex(n *node, absent bool) (item, error) {
	place := fmt.Sprintf("blob:index:%d", b.next("index"))
	kids, err := b.makeItems(n.kids, absent)
	if err != nil {
		return item{}, err
	}
	doc := v1.Index{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   b.mediaType(v1.MediaTypeImageIndex, dockerManifestList),
		Manifests:   []v1.Descriptor{},
		Annotations: n.annotations,
	}
	it := item{node: n}
	for _, kid := range kids {
		d := kid.descriptor
		if kid.node.kind == "image" {
			d.Platform = &kid.node.platform
		}
		doc.Manifests = append(doc.Manifests, d)
		if it.first == nil {
			it.first = kid.first
		}
	}
	raw, err := marshal(doc, nil)
	if err != nil {
		return item{}, err
	}
	it.descriptor = describe(doc.MediaType, raw)
	b.addManifest(place, it.descriptor, raw, absent)
	return it, nil
}

// marshal encodes doc and then sets fields in it.
func marshal(doc any, fields []field) ([]byte, error) {
	raw, err := json.Marshal(doc)
	for _, f := range fields {
		if err != nil {
			break
		}
		raw, err = setField(raw, strings.Split(f.key, "."), f.value)
	}
	return raw, err
}

// setField sets the field that keys lead to, one level a key; of a list, a number.
func setField(raw []byte, keys []string, value json.RawMessage) ([]byte, error) {
	if i, err := strconv.Atoi(keys[0]); err == nil {
		return setElement(raw, i, keys[1:], value)
	}
	doc := map[string]json.RawMessage{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &doc); err != nil {
			return nil, err
		}
	}
	if len(keys) > 1 {
		inner, err := setField(doc[keys[0]], keys[1:], value)
		if err != nil {
			return nil, err
		}
		value = inner
	}
	if doc == nil { // it was null
		doc = map[string]json.RawMessage{}
	}
	doc[keys[0]] = value
	return json.Marshal(doc)
}

// setElement sets a field of the element i of a list.
func setElement(raw []byte, i int, keys []string, value json.RawMessage) ([]byte, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if i < 0 || i >= len(list) || len(keys) == 0 {
		return nil, fmt.Errorf("no field in element %d of %d", i, len(list))
	}
	element, err := setField(list[i], keys, value)
	if err != nil {
		return nil, err
	}
	list[i] = element
	return json.Marshal(list)
}
