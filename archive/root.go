package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is one root of an archive with the names that it has there.
type Image struct {
	// Names are all names of the image, each once.
	Names []Name
	*Node
	// roots are the descriptors of index.json that point at the image.
	roots []root
}

// With gives the image with another node in its place and with other names.
// What its descriptors in index.json say besides goes along.
func (i *Image) With(node *Node, names []Name) *Image {
	return &Image{Names: names, Node: node, roots: i.roots}
}

// Restated gives the image with a node in its place whose descriptor is right, and
// tells how many of those in index.json are not: of these, only annotations and
// fields that are not image-spec's stay.
func (i *Image) Restated(node *Node) (_ *Image, mended int) {
	restated := &Image{Names: i.Names, Node: node}
	for _, r := range i.roots {
		if !r.describes(node.Descriptor) {
			annotations := r.Annotations
			r.Descriptor = node.Descriptor
			r = r.annotated(annotations)
			mended++
		}
		restated.roots = append(restated.roots, r)
	}
	return restated, mended
}

// Descriptors are those of index.json that point at the image, one for each name
// and place; none where the archive has no index.json.
func (i *Image) Descriptors() []ocispec.Descriptor {
	var all []ocispec.Descriptor
	for _, r := range i.roots {
		all = append(all, r.Descriptor)
	}
	return all
}

// describes reports that r says of what it points at what d does.
func (r root) describes(d ocispec.Descriptor) bool {
	return r.MediaType == d.MediaType && r.Digest == d.Digest && r.Size == d.Size &&
		bytes.Equal(r.Data, d.Data) && reflect.DeepEqual(r.Platform, d.Platform)
}

// Called gives the image under other names, spelled as they are given.
func (i *Image) Called(names []Name) *Image {
	return &Image{Names: names, Node: i.Node, roots: []root{i.base()}}
}

// Join adds the names of another image of the same digest.
func (i *Image) Join(other *Image) {
	have := map[string]bool{}
	for _, name := range i.Names {
		have[name.Key()] = true
	}
	for _, name := range other.Names {
		if !have[name.Key()] {
			have[name.Key()] = true
			i.Names = append(i.Names, name)
		}
	}
	i.roots = append(slices.Clip(i.roots), other.roots...)
}

// root is a descriptor of index.json, parsed and as stored.
type root struct {
	ocispec.Descriptor
	raw RawJSON
}

// parseRoot reads a descriptor of index.json.
func parseRoot(raw RawJSON) (root, error) {
	r := root{raw: raw}
	err := decode(raw, &r.Descriptor)
	return r, err
}

func (r root) imageName() string { return r.Annotations[AnnotationImageName] }
func (r root) refName() string   { return r.Annotations[ocispec.AnnotationRefName] }

// names gives the names that r carries. A reference name beside an image name is
// a name of its own only where it is a whole name; else it is what `oci:PATH:REF`
// of skopeo matches, such as the tag.
func (r root) names() []Name {
	var names []Name
	if r.imageName() != "" {
		names = append(names, spell(r.imageName()))
	}
	ref := spell(r.refName())
	switch {
	case ref == "" || ref == "<none>:<none>":
	case len(names) == 0, ref.Full() != "" && ref.Key() != names[0].Key():
		names = append(names, ref)
	}
	return names
}

// annotated gives r with other annotations; all else stays as it is stored.
func (r root) annotated(annotations map[string]string) root {
	r.Annotations = annotations
	r.raw = restated(r.Descriptor, r.raw)
	return r
}

// without gives r without some of its annotations.
func (r root) without(keys ...string) root {
	annotations := maps.Clone(r.Annotations)
	for _, key := range keys {
		delete(annotations, key)
	}
	return r.annotated(annotations)
}

// called gives r with the one name, in full for containerd, Docker and podman,
// and as people write it for skopeo, umoci and regctl, which match it to the
// letter: a bare tag would mean another image in a layout of several.
func (r root) called(name Name) root {
	annotations := maps.Clone(r.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	delete(annotations, AnnotationImageName)
	if full := name.Full(); full != "" {
		annotations[AnnotationImageName] = full
	}
	annotations[ocispec.AnnotationRefName] = string(name)
	return r.annotated(annotations)
}

// completed gives r with its whole name for containerd, Docker and podman, where
// it has only the reference name.
func (r root) completed() root {
	full := spell(r.refName()).Full()
	if r.imageName() != "" || full == "" {
		return r
	}
	annotations := maps.Clone(r.Annotations)
	annotations[AnnotationImageName] = full
	return r.annotated(annotations)
}

// pointing gives r with n in the place of what it points at, if that is another.
func (r root) pointing(n *Node) root {
	if r.Digest == n.Descriptor.Digest {
		return r
	}
	annotations := maps.Clone(n.Descriptor.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, r.Annotations)
	r.Descriptor, r.raw = n.Descriptor, n.RawDescriptor
	return r.annotated(annotations)
}

// rootsOf gives the descriptors of index.json for images: those that the images
// came with, to the letter, and further ones for names that came from elsewhere.
func rootsOf(images []*Image) []root {
	var all []root
	for _, image := range images {
		all = append(all, image.ownRoots()...)
	}
	return distinctRefs(all)
}

func (i *Image) ownRoots() []root {
	wanted := map[string]bool{}
	for _, name := range i.Names {
		wanted[name.Key()] = true
	}
	var out []root
	for _, r := range i.roots {
		names := r.names()
		if len(names) == 0 || slices.ContainsFunc(names, func(n Name) bool { return !wanted[n.Key()] }) {
			continue
		}
		for _, name := range names {
			wanted[name.Key()] = false
		}
		out = append(out, r.pointing(i.Node).completed())
	}
	base := i.base()
	for _, name := range i.Names {
		if wanted[name.Key()] {
			out = append(out, base.called(name))
		}
	}
	return append(out, i.nameless(base)...)
}

// nameless gives the descriptors without a name: the base where the image has no
// name at all, and others that the image came with, for what else they say.
func (i *Image) nameless(base root) []root {
	var out []root
	for k, r := range i.roots {
		if len(r.names()) == 0 && (k > 0 || len(i.Names) == 0) {
			out = append(out, r.pointing(i.Node))
		}
	}
	if len(out) == 0 && len(i.Names) == 0 {
		out = append(out, base)
	}
	return slices.CompactFunc(out, func(a, b root) bool { return string(a.raw) == string(b.raw) })
}

// base is the descriptor to make others of: the first that the image came with,
// without a name.
func (i *Image) base() root {
	r := root{Descriptor: i.Descriptor, raw: i.RawDescriptor}
	if len(i.roots) > 0 {
		r = i.roots[0].pointing(i.Node)
	}
	if r.imageName() == "" && r.refName() == "" {
		return r
	}
	return r.without(AnnotationImageName, ocispec.AnnotationRefName)
}

// distinctRefs makes the reference name of a root its whole name where another
// image has the same one, so that each can be reached: of the later root, or of
// the earlier one where the later has no other name.
func distinctRefs(roots []root) []root {
	owners := map[string]int{}
	for i, r := range roots {
		owner, taken := owners[r.refName()]
		switch {
		case r.refName() == "":
		case !taken:
			owners[r.refName()] = i
		case roots[owner].Digest == r.Digest:
		case r.imageName() != "":
			roots[i] = r.called(spell(r.imageName()))
		case roots[owner].imageName() != "":
			roots[owner] = roots[owner].called(spell(roots[owner].imageName()))
			owners[r.refName()] = i
		}
	}
	return roots
}

func rawRoots(roots []root) []RawJSON {
	raw := []RawJSON{}
	for _, r := range roots {
		raw = append(raw, r.raw)
	}
	return raw
}

// restated gives d as JSON in which all stays as it is stored that d does not say
// otherwise, unknown fields included.
func restated(d ocispec.Descriptor, stored []byte) RawJSON {
	var fields map[string]RawJSON
	var was ocispec.Descriptor
	if json.Unmarshal(stored, &fields) != nil || json.Unmarshal(stored, &was) != nil {
		return mustMarshal(d)
	}
	before, now := fieldsOf(was), fieldsOf(d)
	out := []byte{'{'}
	for _, key := range descriptorFields {
		value := now[key]
		if stored, once := spelled(fields, key); once && bytes.Equal(before[key], value) {
			value = stored
		}
		if value != nil {
			out = fmt.Appendf(out, "%s:%s,", mustMarshal(key), mustMarshal(value))
		}
	}
	return appendFields(append(bytes.TrimSuffix(out, []byte{','}), '}'), without(fields, descriptorFields...))
}

// spelled gives the field of that name, or nil where there is none. Once is false
// where it is spelled otherwise: Go reads Digest as digest, and the last one counts.
func spelled(fields map[string]RawJSON, name string) (value RawJSON, once bool) {
	for key := range fields {
		if key != name && strings.EqualFold(key, name) {
			return nil, false
		}
	}
	return fields[name], true
}

func fieldsOf(d ocispec.Descriptor) map[string]RawJSON {
	var fields map[string]RawJSON
	if err := json.Unmarshal(mustMarshal(d), &fields); err != nil {
		panic(fmt.Sprintf("read a descriptor back: %v", err))
	}
	return fields
}

// descriptorFields are what [ocispec.Descriptor] knows of a descriptor, in its order.
var descriptorFields = []string{"mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"}
