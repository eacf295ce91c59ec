package archive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Members of a docker-save archive. The format is described by moby's
// image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format".
const (
	dockerManifestFile = "manifest.json"
	repositoriesFile   = "repositories"
)

// dockerImage is one entry of manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   capped[string]
}

func (d dockerImage) names() []Name {
	var names []Name
	for _, tag := range d.RepoTags {
		if tag != "" && tag != "<none>:<none>" {
			names = append(names, spell(tag))
		}
	}
	return names
}

// dockerCache is what entries of manifest.json share, by member: configs, and
// the digests of layers that had to be read for them.
type dockerCache struct {
	configs map[string]dockerConfig
	hashed  map[string]digest.Digest
}

// dockerFace reads manifest.json. An archive without one gives none.
func (l *loader) dockerFace() ([]dockerImage, error) {
	raw, err := l.member(dockerManifestFile)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var face capped[dockerImage]
	if err := decode(raw, &face); err != nil {
		return nil, fmt.Errorf("read %s: %w", dockerManifestFile, err)
	}
	return face, nil
}

// loadDockerSave makes an image of each entry of manifest.json, with an OCI
// manifest that stands in no member. A fault in an entry stays in its image.
func (l *loader) loadDockerSave(ctx context.Context, face []dockerImage) error {
	for _, entry := range face {
		if _, err := l.addEntry(ctx, entry, entry.names()); err != nil {
			return err
		}
	}
	return nil
}

// addEntry adds the image of one entry, and gives it or the one that it is.
func (l *loader) addEntry(ctx context.Context, entry dockerImage, names []Name) (*Image, error) {
	node, err := l.dockerNode(ctx, entry)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		node = &Node{Document: &Document{Err: fmt.Errorf("%s entry of %q: %w", dockerManifestFile, entry.Config, err)}}
	}
	return l.add(&Image{Names: names, Node: node}), nil
}

func (l *loader) dockerNode(ctx context.Context, entry dockerImage) (*Node, error) {
	config := l.dockerConfig(entry.Config)
	if config.err != nil {
		return nil, config.err
	}
	layers, err := l.dockerLayers(ctx, entry, config.diffIDs)
	if err != nil {
		return nil, err
	}
	return l.makeImage(config.descriptor, layers)
}

// makeImage writes a manifest over a config and layers that lie in the archive.
func (l *loader) makeImage(config ocispec.Descriptor, layers []ocispec.Descriptor) (*Node, error) {
	raw := mustMarshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    config,
		Layers:    layers,
	})
	if err := l.hold(int64(len(raw))); err != nil {
		return nil, err
	}
	l.archive.made[digest.FromBytes(raw)] = raw
	return l.node(describe(ocispec.MediaTypeImageManifest, raw), 1), nil
}

// dockerConfig is a config that manifest.json names.
type dockerConfig struct {
	descriptor ocispec.Descriptor
	diffIDs    []digest.Digest
	err        error
}

// dockerConfig reads the config in the member name, once, and locates it by its
// digest.
func (l *loader) dockerConfig(name string) dockerConfig {
	c, ok := l.docker.configs[name]
	if !ok {
		c = l.readDockerConfig(name)
		l.docker.configs[name] = c
	}
	return c
}

func (l *loader) readDockerConfig(name string) dockerConfig {
	member, ok := cleanMember(name)
	if !ok || name == "" {
		return dockerConfig{err: fmt.Errorf("config name %q: %w", name, ErrMalformed)}
	}
	blob, err := l.archive.members.open(member)
	if err != nil {
		return dockerConfig{err: err}
	}
	defer blob.Close()
	raw, err := readAll(blob, MaxConfig)
	if err != nil {
		return dockerConfig{err: fmt.Errorf("config: %w", err)}
	}
	config, err := parseConfig(raw)
	if err == nil {
		err = l.hold(int64(len(raw)))
	}
	if err != nil {
		return dockerConfig{err: fmt.Errorf("config: %w", err)}
	}
	d := ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageConfig,
		Digest:    digest.FromBytes(raw),
		Size:      int64(len(raw)),
	}
	l.locate(d.Digest, member)
	return dockerConfig{descriptor: d, diffIDs: config.RootFS.DiffIDs}
}

// dockerLayers gives the descriptors of an entry's layers and locates them.
func (l *loader) dockerLayers(ctx context.Context, entry dockerImage, diffIDs []digest.Digest) ([]ocispec.Descriptor, error) {
	if len(entry.Layers) != len(diffIDs) {
		return nil, fmt.Errorf("%s names %d layers, config has %d diffIDs: %w",
			dockerManifestFile, len(entry.Layers), len(diffIDs), ErrMalformed)
	}
	layers := make([]ocispec.Descriptor, len(diffIDs))
	for i, name := range entry.Layers {
		member, ok := cleanMember(name)
		if !ok {
			return nil, fmt.Errorf("layer %d: name %q: %w", i, name, ErrMalformed)
		}
		d, err := l.dockerLayer(ctx, entry, member, diffIDs[i])
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		layers[i] = d
	}
	return layers, nil
}

// dockerLayer describes the layer in a member. A plain layer has its diffID for
// a digest; a compressed one has what its name states, or is hashed. A layer
// that is not there is described by its diffID, of size 0.
func (l *loader) dockerLayer(ctx context.Context, entry dockerImage, member string, diffID digest.Digest) (ocispec.Descriptor, error) {
	blob, err := l.archive.members.open(member)
	if errors.Is(err, ErrNotFound) && diffID.Validate() == nil {
		blob, err = l.archive.members.open(layoutBlobName(diffID)) // where the other face has it
	}
	if errors.Is(err, ErrNotFound) {
		return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: diffID}, nil
	}
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer blob.Close()
	compression, err := detect(blob)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: layerMediaType(compression), Digest: diffID, Size: blob.Size()}
	if compression != codec.None {
		if d.Digest, err = l.storedDigest(ctx, entry, member, blob); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	l.locate(d.Digest, member)
	return d, nil
}

// locate notes that a member holds a blob, unless the blob has a place already.
func (l *loader) locate(d digest.Digest, member string) {
	if _, ok := l.archive.located[d]; ok || d.Validate() != nil || l.has(layoutBlobName(d)) {
		return
	}
	l.archive.located[d] = member
}

// ggcrLayer is how go-containerregistry (crane, ko, kaniko, Bazel) names a
// layer: by the digest of its stored bytes.
var ggcrLayer = regexp.MustCompile(`^([0-9a-f]{64})\.tar\.gz$`)

// storedDigest gives the digest of a compressed layer: what its name states,
// where it is of a kind that names stored bytes, else the layer is read and
// hashed, once for each member.
func (l *loader) storedDigest(ctx context.Context, entry dockerImage, member string, blob Blob) (digest.Digest, error) {
	if hex, ok := strings.CutPrefix(member, "blobs/sha256/"); ok && path.Base(member) == hex {
		return statedDigest(hex)
	}
	if m := ggcrLayer.FindStringSubmatch(member); m != nil && strings.HasPrefix(entry.Config, "sha256:") {
		return statedDigest(m[1])
	}
	return l.hashMember(ctx, member, blob)
}

func statedDigest(hex string) (digest.Digest, error) {
	d := digest.NewDigestFromEncoded(digest.SHA256, hex)
	if err := d.Validate(); err != nil {
		return "", fmt.Errorf("blob name %q: %w", hex, ErrMalformed)
	}
	return d, nil
}

// hashMember hashes the stored bytes of a member that states no digest, once.
func (l *loader) hashMember(ctx context.Context, member string, b Blob) (digest.Digest, error) {
	if d, ok := l.docker.hashed[member]; ok {
		return d, nil
	}
	d, err := hashBlob(ctx, b)
	if err != nil {
		return "", fmt.Errorf("hash %s: %w", member, err)
	}
	l.docker.hashed[member] = d
	return d, nil
}
