package convert

import (
	"errors"
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// join makes one image of several platforms of all that were taken: an index of
// their manifests, attestations and referrers, which stay byte for byte. No two
// images may be for the same platform.
func (b *builder) join(name archive.Name) error {
	var children []*archive.Node
	owners := map[string]*root{}
	for _, r := range b.order {
		for _, n := range leaves(r.image.Node) {
			if err := takePlatform(owners, n, r); err != nil {
				return err
			}
			children = append(children, withPlatform(n))
		}
	}
	if len(owners) == 0 {
		return fmt.Errorf("nothing to join as %q: no image is left: %w", name, archive.ErrNotFound)
	}
	index := joined(children)
	image := (&archive.Image{Node: index}).Called([]archive.Name{name})
	var sources anyOf
	for _, r := range b.order {
		sources = append(sources, r.blobs)
	}
	from := b.order[0].from
	b.clear()
	b.note("%d images are %s %s now", len(owners), name, index.Descriptor.Digest)
	return b.add(&root{image: image, from: from, blobs: sources})
}

// leaves gives the manifests at and below n.
func leaves(n *archive.Node) []*archive.Node {
	var manifests []*archive.Node
	_ = archive.Walk([]*archive.Node{n}, func(n *archive.Node) error {
		if n.Index == nil {
			manifests = append(manifests, n)
		}
		return nil
	})
	return manifests
}

// takePlatform fails where another image is for the platform of n.
func takePlatform(owners map[string]*root, n *archive.Node, r *root) error {
	if n.Kind() != archive.KindImage {
		return nil
	}
	platform := archive.FormatPlatform(n.Platform())
	if owner := owners[platform]; owner != nil {
		return fmt.Errorf("%s in %q and %s in %q are both for %s: %w; choose with --image or --platform",
			title(owner.image), owner.from.Path, title(r.image), r.from.Path, platform, archive.ErrUnsupported)
	}
	owners[platform] = r
	return nil
}

// withPlatform gives n with a descriptor that names its platform (image-spec v1.1
// image-index.md, "platform"), as clients choose by it.
func withPlatform(n *archive.Node) *archive.Node {
	platform := n.Platform()
	if n.Kind() != archive.KindImage || platform == nil {
		return n
	}
	d := n.Descriptor
	d.Platform = platform
	d.Annotations = nil // names of the image alone
	fields := fieldsOf(n.RawDescriptor, "platform", "annotations")
	fields["platform"] = mustMarshal(platform)
	delete(fields, "annotations")
	return &archive.Node{Descriptor: d, RawDescriptor: mustMarshal(fields), Document: n.Document}
}

// joined is an index of children.
func joined(children []*archive.Node) *archive.Node {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	n := &archive.Node{
		Descriptor:    ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex},
		RawDescriptor: archive.RawJSON(`{}`),
		Document:      &archive.Document{Raw: mustMarshal(index), Index: &index},
	}
	return reindex(n, children)
}

// anyOf gives a blob from the first source that holds it.
type anyOf []archive.Source

// Open implements [archive.Source].
func (s anyOf) Open(d ocispec.Descriptor) (archive.Blob, error) {
	var err error
	for _, source := range s {
		var blob archive.Blob
		if blob, err = source.Open(d); err == nil || !errors.Is(err, archive.ErrNotFound) {
			return blob, err
		}
	}
	return nil, err
}
