package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// hybrid joins the two faces of an archive that is an OCI layout and a
// docker-save archive over the same blobs. index.json says more and counts, but
// an image that is broken in it, as Docker 25.0 wrote them (moby issues 47065
// and 47210), is taken from manifest.json.
type hybrid struct {
	*loader
	byConfig map[digest.Digest][]*Image
	byName   map[string]*Image
	faults   map[*Node]string
}

// broken tells [broken] of n, once, since it walks n.
func (h *hybrid) broken(n *Node) string {
	why, ok := h.faults[n]
	if !ok {
		why = broken(n)
		h.faults[n] = why
	}
	return why
}

// loadLayoutOrHybrid reads index.json and what manifest.json beside it adds.
func (l *loader) loadLayoutOrHybrid(ctx context.Context) error {
	l.archive.Format = OCILayout
	fault := l.loadLayout()
	if !l.has(dockerManifestFile) {
		return fault
	}
	l.archive.Format = Hybrid
	face, err := l.dockerFace()
	switch {
	case err != nil && fault != nil:
		return fault
	case err != nil:
		l.conflict("%q: %v; read %s alone", l.archive.Path, err, indexFile)
		return nil
	case fault != nil:
		l.conflict("%q: %v; read %s in its place", l.archive.Path, fault, dockerManifestFile)
	case len(l.archive.Images) == 0 && len(face) > 0:
		l.conflict("%q: %s names no image; read %s in its place", l.archive.Path, indexFile, dockerManifestFile)
	}
	h := newHybrid(l)
	for _, entry := range face {
		if err := h.join(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

// conflict tells and keeps what the faces say differently. Its first argument is
// the archive.
func (l *loader) conflict(format string, args ...any) {
	l.opts.warn(format, args...)
	_, what, _ := strings.Cut(format, ": ")
	l.archive.Conflicts = append(l.archive.Conflicts, fmt.Sprintf(what, args[1:]...))
}

// newHybrid finds the images of index.json by the configs below them and by
// their names.
func newHybrid(l *loader) *hybrid {
	h := &hybrid{l, map[digest.Digest][]*Image{}, map[string]*Image{}, map[*Node]string{}}
	for _, image := range l.archive.Images {
		for _, name := range image.Names {
			h.byName[name.Key()] = image
		}
		_ = Walk([]*Node{image.Node}, func(n *Node) error {
			if n.Manifest != nil {
				config := n.Manifest.Config.Digest
				h.byConfig[config] = append(h.byConfig[config], image)
			}
			return nil
		})
	}
	return h
}

// join takes in one entry of manifest.json.
func (h *hybrid) join(ctx context.Context, entry dockerImage) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	config := h.dockerConfig(entry.Config)
	twin := h.twin(config, entry)
	if twin == nil {
		return h.addAlone(ctx, entry)
	}
	if why := h.broken(twin.Node); why != "" && config.err == nil {
		node, err := h.dockerNode(ctx, entry)
		if err != nil {
			return ctx.Err() // the twin stays as broken as it is
		}
		h.conflict("%q: %s %s; took it from %s", h.archive.Path, twin.Descriptor.Digest, why, dockerManifestFile)
		twin = h.replace(twin, node)
	}
	h.compareLayers(twin, config, entry)
	for _, name := range entry.names() {
		h.name(twin, name)
	}
	return nil
}

// compareLayers tells of an entry that has other layers than the manifest with
// its config, or is no image there: what is not taken for a layer is not looked
// into. Entries whose members are not named by digest say nothing.
func (h *hybrid) compareLayers(twin *Image, config dockerConfig, entry dockerImage) {
	if config.err != nil {
		return
	}
	for _, n := range Instances(twin.Node) {
		if n.Manifest.Config.Digest != config.descriptor.Digest {
			continue
		}
		same := func(l Layer, name string) bool {
			stated := "blobs/" + strings.Replace(l.Descriptor.Digest.String(), ":", "/", 1) // it may be no digest
			return name == stated || !strings.HasPrefix(name, "blobs/")
		}
		if !slices.EqualFunc(n.Layers, entry.Layers, same) {
			h.conflict("%q: %s has other layers in %s than in %s", h.archive.Path, n.Descriptor.Digest, dockerManifestFile, indexFile)
		}
		return
	}
	h.conflict("%q: %q is an image in %s, which Docker before 25 and podman load, and none in %s", h.archive.Path, entry.Config, dockerManifestFile, indexFile)
}

// replace gives image another node or, where another image has it already, that
// image the names.
func (h *hybrid) replace(image *Image, node *Node) *Image {
	have := h.images[node.Descriptor.Digest]
	if have == nil || have == image {
		image.Node = node
		h.images[node.Descriptor.Digest] = image
		return image
	}
	have.Join(image)
	for _, name := range image.Names {
		h.byName[name.Key()] = have
	}
	h.archive.Images = slices.DeleteFunc(h.archive.Images, func(i *Image) bool { return i == image })
	return have
}

// addAlone adds an image that index.json has not. A name that it has there stays
// with the other image.
func (h *hybrid) addAlone(ctx context.Context, entry dockerImage) error {
	had := len(h.archive.Images)
	added, err := h.addEntry(ctx, entry, nil)
	if err != nil {
		return err
	}
	if had > 0 && len(h.archive.Images) > had {
		h.archive.Conflicts = append(h.archive.Conflicts, fmt.Sprintf("%s has image %q, and %s has not", dockerManifestFile, entry.Config, indexFile))
	}
	for _, name := range entry.names() {
		h.name(added, name)
	}
	return nil
}

// twin gives the image of index.json that an entry means: the one with its
// config or, where that is not to be had, the one with its name.
func (h *hybrid) twin(config dockerConfig, entry dockerImage) *Image {
	if images := h.byConfig[config.descriptor.Digest]; config.err == nil && len(images) > 0 {
		for _, name := range entry.names() {
			if image := h.byName[name.Key()]; slices.Contains(images, image) {
				return image
			}
		}
		return images[0]
	}
	for _, name := range entry.names() {
		image := h.byName[name.Key()]
		if image != nil && (config.err != nil || h.broken(image.Node) != "") {
			return image
		}
	}
	return nil
}

// name gives image a name, unless another one has it: then the faces disagree,
// but where index.json gives it to both. A root that cannot be used does not count
// against it.
func (h *hybrid) name(image *Image, name Name) {
	owner := h.byName[name.Key()]
	switch {
	case owner == nil:
		h.byName[name.Key()] = image
		image.Names = append(image.Names, name)
	case owner == image, h.named[naming{name.Key(), image.Descriptor.Digest}]:
	case h.broken(owner.Node) != "":
		h.conflict("%q: %s %s; took %q from %s", h.archive.Path, owner.Descriptor.Digest, h.broken(owner.Node), name, dockerManifestFile)
		h.replace(owner, image.Node)
	default:
		h.conflict("%q: %q is %s in %s and %s in %s, which Docker before 25 and podman may load",
			h.archive.Path, name, owner.Descriptor.Digest, indexFile, image.Descriptor.Digest, dockerManifestFile)
	}
}

// broken says why a root of index.json cannot be used, or gives "".
func broken(n *Node) string {
	switch {
	case n.Absent():
		return "is not in the archive"
	case n.Err != nil:
		return "cannot be read"
	}
	images := Instances(n)
	if len(images) == 0 || slices.ContainsFunc(images, func(n *Node) bool { return !lacksLayers(n) }) {
		return ""
	}
	return "has no layers for the diffIDs of its config"
}

func lacksLayers(image *Node) bool {
	return len(image.Layers) == 0 && len(image.Config.RootFS.DiffIDs) > 0
}
