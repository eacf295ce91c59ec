package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Archives of Docker before 1.10 have no manifest.json: `repositories` maps
// names to layer IDs, and ID/json names the parent ID (moby image/spec/v1.md,
// "Combined Image JSON + Filesystem Changeset Format"). They state no digests,
// so each layer is read once and hashed when the archive is opened. The config
// is the one that `docker load` makes, byte for byte, so that the image ID is
// the one that Docker shows; for images that Docker before 1.8.3 built it is
// not, since Docker drops fields there that it does not know.

// loadDockerSaveV10 makes an image of each ID that `repositories` names.
func (l *loader) loadDockerSaveV10(ctx context.Context) error {
	raw, err := l.member(repositoriesFile)
	if err != nil {
		return err
	}
	var repositories map[string]map[string]string
	if err := decode(raw, &repositories); err != nil {
		return fmt.Errorf("read %s: %w", repositoriesFile, err)
	}
	for _, n := range repositoryNames(repositories) {
		node := l.chain(ctx, n.id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.add(&Image{Names: []Name{n.name}, Node: node})
	}
	return nil
}

// v10Name is a name in `repositories` and the ID that it stands for.
type v10Name struct {
	name Name
	id   string
}

// repositoryNames gives the names in `repositories`, sorted.
func repositoryNames(repositories map[string]map[string]string) []v10Name {
	var names []v10Name
	for _, repository := range slices.Sorted(maps.Keys(repositories)) {
		tags := repositories[repository]
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			names = append(names, v10Name{spell(repository + ":" + tag), tags[tag]})
		}
	}
	return names
}

// v10Cache is what the names in `repositories` share: images by their top ID,
// documents by ID, and layers by member.
type v10Cache struct {
	chains map[string]*Node
	images map[string]v1Image
	layers map[string]v1Layer
}

// v1Image is what ID/json says that we need for ourselves.
type v1Image struct {
	ID              string    `json:"id"`
	Parent          string    `json:"parent"`
	Created         time.Time `json:"created"`
	Author          string    `json:"author"`
	Comment         string    `json:"comment"`
	ContainerConfig struct {
		Cmd []string
	} `json:"container_config"`
}

// chain gives the image whose top layer is id, once for all its names.
func (l *loader) chain(ctx context.Context, id string) *Node {
	node, ok := l.v10.chains[id]
	if !ok {
		var err error
		if node, err = l.readChain(ctx, id); err != nil {
			node = &Node{Document: &Document{Err: fmt.Errorf("image %q: %w", id, err)}}
		}
		l.v10.chains[id] = node
	}
	return node
}

// readChain follows the parents of id and makes one image of them all.
func (l *loader) readChain(ctx context.Context, id string) (*Node, error) {
	var chain []v1Image
	seen := map[string]bool{}
	for at := id; at != ""; {
		if seen[at] || len(chain) == MaxDescriptors {
			return nil, fmt.Errorf("chain of parents has no end at %q: %w", at, ErrMalformed)
		}
		seen[at] = true
		image, err := l.v1Image(at)
		if err != nil {
			return nil, err
		}
		chain = append(chain, image)
		at = image.Parent
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("image has no ID: %w", ErrMalformed)
	}
	slices.Reverse(chain)
	return l.chainImage(ctx, chain, id)
}

// v1Image reads ID/json, once.
func (l *loader) v1Image(id string) (v1Image, error) {
	image, ok := l.v10.images[id]
	if ok {
		return image, nil
	}
	if strings.Contains(id, "/") || id == ".." {
		return image, fmt.Errorf("image ID %q: %w", id, ErrMalformed)
	}
	raw, err := l.member(v1File(id))
	if err != nil {
		return image, err
	}
	if err := decode(raw, &image); err != nil {
		return image, fmt.Errorf("read %s: %w", v1File(id), err)
	}
	image.ID = id // the folder's name counts
	l.v10.images[id] = image
	return image, l.hold(int64(len(raw)))
}

func v1File(id string) string { return path.Join(id, "json") }

// v1RootFS and v1History have their fields in the order in which Docker writes
// them, which the image ID depends on.
type v1RootFS struct {
	Type    string          `json:"type"`
	DiffIDs []digest.Digest `json:"diff_ids,omitempty"`
}

type v1History struct {
	Created   time.Time `json:"created"`
	Author    string    `json:"author,omitempty"`
	CreatedBy string    `json:"created_by,omitempty"`
	Comment   string    `json:"comment,omitempty"`
}

// chainImage makes the config and the manifest of a chain, base first, whose last
// image is top.
func (l *loader) chainImage(ctx context.Context, chain []v1Image, top string) (*Node, error) {
	if l.nodes += len(chain); l.nodes > MaxNodes {
		return nil, errTooMany
	}
	rootFS := v1RootFS{Type: "layers"}
	var history []v1History
	var layers []ocispec.Descriptor
	for _, image := range chain {
		layer, err := l.v1Layer(ctx, image)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer.descriptor)
		rootFS.DiffIDs = append(rootFS.DiffIDs, layer.diffID)
		history = append(history, v1History{
			Created:   image.Created,
			Author:    image.Author,
			CreatedBy: strings.Join(image.ContainerConfig.Cmd, " "),
			Comment:   image.Comment,
		})
	}
	raw, err := l.member(v1File(top))
	if err == nil {
		raw, err = v1Config(raw, rootFS, history)
	}
	if err == nil {
		err = l.hold(int64(len(raw)))
	}
	if err != nil {
		return nil, err
	}
	config := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	l.archive.made[config.Digest] = raw
	return l.makeImage(config, layers)
}

// v1Config turns the top ID/json into an image config.
func v1Config(top []byte, rootFS v1RootFS, history []v1History) ([]byte, error) {
	var config map[string]RawJSON
	if err := decode(top, &config); err != nil {
		return nil, fmt.Errorf("read v1 image: %w", err)
	}
	for _, key := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(config, key)
	}
	config["rootfs"] = mustMarshal(rootFS)
	config["history"] = mustMarshal(history)
	return json.Marshal(config)
}

// v1Layer is a layer whose digests nothing states.
type v1Layer struct {
	descriptor ocispec.Descriptor
	diffID     digest.Digest
}

// v1Layer reads the layer of image to its end, once.
func (l *loader) v1Layer(ctx context.Context, image v1Image) (v1Layer, error) {
	member := path.Join(image.ID, "layer.tar")
	layer, ok := l.v10.layers[member]
	if ok {
		return layer, nil
	}
	layer, err := l.readV1Layer(ctx, member)
	if err != nil {
		return layer, fmt.Errorf("layer %q: %w", member, err)
	}
	l.locate(layer.descriptor.Digest, member)
	l.v10.layers[member] = layer
	return layer, nil
}

func (l *loader) readV1Layer(ctx context.Context, member string) (layer v1Layer, err error) {
	blob, err := l.archive.members.open(member)
	if err != nil {
		return layer, err
	}
	defer blob.Close()
	compression, err := detect(blob)
	if err != nil {
		return layer, err
	}
	layer.descriptor = ocispec.Descriptor{MediaType: layerMediaType(compression), Size: blob.Size()}
	if layer.descriptor.Digest, err = hashBlob(ctx, blob); err != nil {
		return layer, err
	}
	layer.diffID = layer.descriptor.Digest
	if compression != codec.None {
		layer.diffID, err = hashTar(ctx, blob, compression, l.opts.Decompress)
	}
	return layer, err
}
