package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// compareIndexes compares what stands above the images: descriptors and indexes,
// and what these name that is no image.
func (o Options) compareIndexes(image *Image, a, b *archive.Image) error {
	for i, n := range []*archive.Image{a, b} {
		if n.Err != nil && (a.Descriptor.Digest != b.Descriptor.Digest || n.RawDescriptor == nil) {
			return fmt.Errorf("side %c: %s: %w", 'A'+i, called(n), n.Err)
		}
	}
	left, err := topOf(a)
	if err != nil {
		return fmt.Errorf("side A: image %s: %w", a.Descriptor.Digest, err)
	}
	right, err := topOf(b)
	if err != nil {
		return fmt.Errorf("side B: image %s: %w", b.Descriptor.Digest, err)
	}
	if o.ignores("names") || len(compareNames(left.names, right.names)) > 0 {
		left.dropNames()
		right.dropNames()
	}
	image.Annotations = append(
		o.compareAnnotations("descriptor", left.descriptor.take("annotations"), right.descriptor.take("annotations")),
		o.compareAnnotations("index", left.document.take("annotations"), right.document.take("annotations"))...)
	f := &fields{skip: o.skipIndex, empty: o.ignores("empty"), order: o.ignores("order")}
	f.values("kind", string(a.Kind()), string(b.Kind()))
	f.objects("descriptor", left.descriptor, right.descriptor)
	if a.Kind() == b.Kind() { // else one has no document of that kind
		f.objects("index", left.document, right.document)
	}
	image.Index = f.found
	if !o.ignores("index") {
		image.OnlyA, image.OnlyB = apart(manifests(left.others), manifests(right.others))
	}
	return nil
}

// called is what messages call an image, which without a document has no digest.
func called(image *archive.Image) string {
	return strings.TrimSpace("image " + image.Descriptor.Digest.String())
}

// skipIndex reports the fields of an index, and of the descriptor of an image,
// that are left out.
func (o Options) skipIndex(path string) bool {
	switch path {
	case "descriptor.mediaType", "index.mediaType", "index.schemaVersion":
		return o.ignores("mediatypes") || o.ignores("index")
	case "descriptor.platform":
		return o.ignores("platforms") || o.ignores("index")
	}
	return o.ignores("index") && path != "descriptor" && path != "index"
}

// top is what an image has above its platforms.
type top struct {
	names                []archive.Name
	descriptor, document object
	others               []*archive.Node // what is no image, and what names it
}

// topOf reads the descriptor of a root and, where it is an index or an artifact,
// its document. What follows from what is told elsewhere is left out.
func topOf(n *archive.Image) (top, error) {
	t := top{names: n.Names, document: object{}}
	var err error
	if t.descriptor, err = parseObject(n.RawDescriptor); err != nil {
		return t, err
	}
	delete(t.descriptor, "digest")
	delete(t.descriptor, "size")
	if n.Kind() != archive.KindImage && n.Raw != nil {
		if t.document, err = parseObject(n.Raw); err != nil {
			return t, err
		}
		delete(t.document, "manifests")
	}
	err = archive.Walk(n.Children, func(n *archive.Node) error {
		if n.Kind() != archive.KindImage && n.Kind() != archive.KindIndex {
			t.others = append(t.others, n)
		}
		return nil
	})
	return t, err
}

// dropNames leaves out what names say, too.
func (t *top) dropNames() {
	annotations, _ := t.descriptor["annotations"].(map[string]any)
	delete(annotations, archive.AnnotationImageName)
	delete(annotations, ocispec.AnnotationRefName)
}

// apart gives what one side alone has.
func apart(a, b []Manifest) (onlyA, onlyB []Manifest) {
	return without(a, b), without(b, a)
}

func without(all, others []Manifest) []Manifest {
	have := map[digest.Digest]bool{}
	for _, o := range others {
		have[o.Digest] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(m Manifest) bool { return have[m.Digest] })
}
