package archivetest

import (
	"maps"
	"time"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// containerdName is where containerd, BuildKit and Docker keep the whole name.
const containerdName = "io.containerd.image.name"

// writeLayout writes an OCI layout with names as skopeo and podman write them:
// literally, in org.opencontainers.image.ref.name.
func (b *build) writeLayout() error {
	return b.addLayout(func(name string) map[string]string {
		return map[string]string{v1.AnnotationRefName: name}
	})
}

// addLayout adds the members of an OCI layout. Annotate gives the annotations
// of a descriptor in index.json for one name.
func (b *build) addLayout(annotate func(name string) map[string]string) error {
	b.addFolder("blobs")
	b.addFolder("blobs/sha256")
	for _, bl := range b.blobs {
		b.setPlace(bl.place, blobPath(bl.descriptor))
		if !bl.absent {
			b.addFile(blobPath(bl.descriptor), 0o444, bl.data)
		}
	}
	index, err := marshal(v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageIndex,
		Manifests: b.topDescriptors(annotate),
	}, b.spec.fields)
	if err != nil {
		return err
	}
	b.addFile("index.json", 0o644, index)
	b.addFile(v1.ImageLayoutFile, 0o444, []byte(`{"imageLayoutVersion":"`+v1.ImageLayoutVersion+`"}`))
	b.sortMembers()
	return nil
}

func (b *build) setPlace(place, name string) {
	if place != "" {
		b.places[place] = name
	}
}

// topDescriptors lists each item once for each of its names.
func (b *build) topDescriptors(annotate func(name string) map[string]string) []v1.Descriptor {
	if b.spec.format == "docker-hybrid-25.0-null" {
		return nil // moby issue 47210
	}
	out := []v1.Descriptor{}
	for _, it := range b.items {
		if len(it.node.names) == 0 {
			out = append(out, it.descriptor)
		}
		for _, name := range it.node.names {
			d := it.descriptor
			d.Annotations = annotate(name)
			maps.Copy(d.Annotations, it.descriptor.Annotations)
			out = append(out, d)
		}
	}
	return out
}

// dockerAnnotations are those that Docker and containerd write.
func dockerAnnotations(name string) map[string]string {
	a := map[string]string{
		containerdName:       fullName(name),
		v1.AnnotationCreated: defaultTime.Format(time.RFC3339),
	}
	if _, tag := splitName(fullName(name)); tag != "" {
		a[v1.AnnotationRefName] = tag
	}
	return a
}
