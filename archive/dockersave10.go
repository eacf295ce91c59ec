package archive

import (
	"context"
	"encoding/json"
	"errors"
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
	if err := json.Unmarshal(raw, &repositories); err != nil {
		return fmt.Errorf("read %s: %w: %v", repositoriesFile, ErrMalformed, err)
	}
	for _, repository := range slices.Sorted(maps.Keys(repositories)) {
		tags := repositories[repository]
		for _, tag := range slices.Sorted(maps.Keys(tags)) {
			name := spell(repository + ":" + tag)
			node, err := l.chain(ctx, tags[tag])
			if err != nil {
				return fmt.Errorf("read image %s: %w", name, err)
			}
			l.add(&Image{Names: []Name{name}, Node: node})
		}
	}
	return nil
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
	raw []byte
}

// chain follows the parents of id and makes one image of them all.
func (l *loader) chain(ctx context.Context, id string) (*Node, error) {
	var chain []v1Image
	seen := map[string]bool{}
	for id != "" {
		if seen[id] || len(chain) == MaxDescriptors {
			return nil, fmt.Errorf("chain of parents has no end at %q: %w", id, ErrMalformed)
		}
		seen[id] = true
		image, err := l.v1Image(id)
		if err != nil {
			return nil, err
		}
		chain = append(chain, image)
		id = image.Parent
	}
	if len(chain) == 0 {
		return nil, fmt.Errorf("image has no ID: %w", ErrMalformed)
	}
	slices.Reverse(chain)
	return l.chainImage(ctx, chain)
}

func (l *loader) v1Image(id string) (v1Image, error) {
	var image v1Image
	name := path.Join(id, "json")
	if strings.Contains(id, "/") || id == ".." {
		return image, fmt.Errorf("image ID %q: %w", id, ErrMalformed)
	}
	raw, err := l.member(name)
	if err != nil {
		return image, err
	}
	if err := json.Unmarshal(raw, &image); err != nil {
		return image, fmt.Errorf("read %s: %w: %v", name, ErrMalformed, err)
	}
	image.raw = raw
	return image, nil
}

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

// chainImage makes the config and the manifest of a chain, base first.
func (l *loader) chainImage(ctx context.Context, chain []v1Image) (*Node, error) {
	rootFS := v1RootFS{Type: "layers"}
	var history []v1History
	var layers []ocispec.Descriptor
	for _, image := range chain {
		d, diffID, err := l.v1Layer(ctx, image)
		if err != nil {
			return nil, err
		}
		layers = append(layers, d)
		rootFS.DiffIDs = append(rootFS.DiffIDs, diffID)
		history = append(history, v1History{
			Created:   image.Created,
			Author:    image.Author,
			CreatedBy: strings.Join(image.ContainerConfig.Cmd, " "),
			Comment:   image.Comment,
		})
	}
	raw, err := v1Config(chain[len(chain)-1].raw, rootFS, history)
	if err != nil {
		return nil, err
	}
	config := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	l.archive.made[config.Digest] = raw
	return l.makeImage(config, layers), nil
}

// v1Config turns the top ID/json into an image config.
func v1Config(top []byte, rootFS v1RootFS, history []v1History) ([]byte, error) {
	var config map[string]RawJSON
	if err := json.Unmarshal(top, &config); err != nil {
		return nil, fmt.Errorf("read v1 image: %w: %v", ErrMalformed, err)
	}
	for _, key := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(config, key)
	}
	config["rootfs"] = mustMarshal(rootFS)
	config["history"] = mustMarshal(history)
	return json.Marshal(config)
}

// v1Layer reads a layer to its end, for the digests that nothing states.
func (l *loader) v1Layer(ctx context.Context, image v1Image) (d ocispec.Descriptor, diffID digest.Digest, err error) {
	member := path.Join(image.ID, "layer.tar")
	blob, err := l.archive.members.open(member)
	if err != nil {
		return d, "", err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	compression, err := detect(blob)
	if err != nil {
		return d, "", err
	}
	d = ocispec.Descriptor{MediaType: layerMediaType(compression), Size: blob.Size()}
	if d.Digest, err = l.hashMember(ctx, member, blob); err != nil {
		return d, "", err
	}
	l.archive.located[d.Digest] = member
	if compression == codec.None {
		return d, d.Digest, nil
	}
	diffID, err = hashTar(ctx, blob, compression, l.opts.Decompress)
	return d, diffID, err
}
