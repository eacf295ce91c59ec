package archive

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// mend reads the archive as load does, and looks for images among its members
// where its lists of them are missing or broken. Configs of a docker-save archive
// without manifest.json go before what docker-save 1.0 would make of it, since
// they keep the image IDs.
func (l *loader) mend(ctx context.Context) error {
	names, err := l.archive.members.names()
	if err != nil {
		return err
	}
	rescues := []rescue{l.rescueDocuments, l.rescueConfigs}
	if fault := l.noList(); fault != nil {
		if found, err := l.search(ctx, names, fault, rescues); found || err != nil {
			return err
		}
		rescues = nil // nothing there for them
	}
	fault := l.loadFaces(ctx)
	switch {
	case fault == nil:
		l.compareRepositories()
		l.missLayoutFile()
		return nil
	case ctx.Err() != nil:
		return fault
	}
	found, err := l.search(ctx, names, fault, append(rescues, l.rescueChains))
	if !found && err == nil {
		err = fault
	}
	return err
}

// noList says that the archive has neither index.json nor manifest.json.
func (l *loader) noList() error {
	if l.has(indexFile) || l.has(dockerManifestFile) {
		return nil
	}
	return fmt.Errorf("neither %s nor %s is there", indexFile, dockerManifestFile)
}

// rescue looks for images of one kind among the members.
type rescue func(ctx context.Context, names []string) error

// search lets one rescue after the other look for images, until one finds some.
func (l *loader) search(ctx context.Context, names []string, fault error, rescues []rescue) (found bool, err error) {
	for _, look := range rescues {
		l.forget()
		if err := look(ctx, names); err != nil {
			return false, err
		}
		if n := len(l.archive.Images); n > 0 {
			l.conflict("%q: %v; looked through its members and found %d to begin at: manifests, indexes or configs", l.archive.Path, reason(fault), n)
			return true, nil
		}
	}
	l.forget()
	return false, nil
}

// reason is what err says of the archive, without its name.
func reason(err error) string {
	var input *InputError
	if errors.As(err, &input) {
		return input.What
	}
	return err.Error()
}

// forget drops what a list gave before it turned out to be broken.
func (l *loader) forget() {
	l.archive.Images, l.archive.IndexFields = nil, nil
	l.images, l.named = map[digest.Digest]*Image{}, map[naming]bool{}
	l.weight = 0
}

// rescueDocuments takes each manifest and index that no index among the blobs
// names for a root.
func (l *loader) rescueDocuments(ctx context.Context, names []string) error {
	l.archive.Format = OCILayout
	var roots []ocispec.Descriptor
	below := map[digest.Digest]bool{}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, raw := l.documentIn(name)
		if d.MediaType == "" {
			continue
		}
		roots = append(roots, d)
		var index ocispec.Index
		if isIndex(d.MediaType) && decode(raw, &index) == nil {
			for _, child := range index.Manifests {
				below[child.Digest] = true
			}
		}
	}
	for _, d := range roots {
		if !below[d.Digest] {
			raw := RawJSON(mustMarshal(d))
			l.add(&Image{Node: l.node(raw, 1), roots: []root{{Descriptor: d, raw: raw}}})
		}
	}
	return nil
}

// documentIn describes the manifest or index in the member name, if that is one
// and lies where its digest says.
func (l *loader) documentIn(name string) (d ocispec.Descriptor, raw []byte) {
	algorithm, hex := path.Split(strings.TrimPrefix(name, "blobs/"))
	stated := digest.NewDigestFromEncoded(digest.Algorithm(strings.TrimSuffix(algorithm, "/")), hex)
	if stated.Validate() != nil || layoutBlobName(stated) != name {
		return d, nil
	}
	raw = l.jsonIn(name, MaxDocument)
	if raw == nil || stated.Algorithm().FromBytes(raw) != stated {
		return d, nil
	}
	return ocispec.Descriptor{MediaType: documentType(raw), Digest: stated, Size: int64(len(raw))}, raw
}

// jsonIn gives the member name if it begins as a JSON object and is no longer
// than limit, else nil.
func (l *loader) jsonIn(name string, limit int64) []byte {
	blob, err := l.archive.members.open(name)
	if err != nil {
		return nil
	}
	defer blob.Close()
	head := make([]byte, 1)
	if _, err := blob.ReadAt(head, 0); err != nil || head[0] != '{' || blob.Size() > limit {
		return nil
	}
	raw, err := readAll(blob, limit)
	if err != nil {
		return nil
	}
	return raw
}

// documentType is the media type of a manifest or an index by what is in it, and
// empty for anything else. What the document calls itself counts where it is of
// that kind.
func documentType(raw []byte) string {
	var d struct {
		MediaType string  `json:"mediaType"`
		Manifests RawJSON `json:"manifests"`
		Config    RawJSON `json:"config"`
		Layers    RawJSON `json:"layers"`
	}
	switch {
	case decode(raw, &d) != nil, d.Manifests != nil && (d.Config != nil || d.Layers != nil):
		return ""
	case d.Manifests != nil && isIndex(d.MediaType), d.Config != nil && d.Layers != nil && isManifest(d.MediaType):
		return d.MediaType
	case d.Manifests != nil:
		return ocispec.MediaTypeImageIndex
	case d.Config != nil && d.Layers != nil:
		return ocispec.MediaTypeImageManifest
	}
	return ""
}

// sniff is [documentType] of what d points at, and d's own media type where that
// is neither manifest nor index.
func (l *loader) sniff(d ocispec.Descriptor) string {
	blob, err := l.archive.Open(d)
	if err != nil {
		return d.MediaType
	}
	defer blob.Close()
	raw, err := readAll(blob, MaxDocument)
	if err != nil {
		return d.MediaType
	}
	if found := documentType(raw); found != "" {
		if isIndex(found) == isIndex(d.MediaType) && isManifest(found) == isManifest(d.MediaType) {
			return d.MediaType // of the same kind, perhaps of the other family
		}
		return found
	}
	return d.MediaType
}

// rescueConfigs takes each config for an image, and finds its layers by their
// diffIDs, for which it reads every member that may be one.
func (l *loader) rescueConfigs(ctx context.Context, names []string) error {
	l.archive.Format = DockerSave
	var configs []string
	var others []string
	wanted := map[digest.Digest]bool{}
	for _, name := range names {
		config, err := parseConfig(l.jsonIn(name, MaxConfig))
		if err != nil || len(config.RootFS.DiffIDs) == 0 {
			others = append(others, name)
			continue
		}
		configs = append(configs, name)
		for _, diffID := range config.RootFS.DiffIDs {
			wanted[diffID] = true
		}
	}
	if len(configs) == 0 {
		return nil
	}
	layers, err := l.layersByDiffID(ctx, others, wanted)
	if err != nil {
		return err
	}
	tops := l.tops()
	for _, name := range configs {
		if err := l.rescueConfig(ctx, name, layers, tops); err != nil {
			return err
		}
	}
	return nil
}

// rescueConfig adds the image of one config, if its layers are there.
func (l *loader) rescueConfig(ctx context.Context, name string, layers map[digest.Digest]string, tops map[string][]Name) error {
	entry := dockerImage{Config: name}
	config := l.dockerConfig(name)
	if config.err != nil {
		return config.err // it parsed before: the disk fails, or there are too many
	}
	for _, diffID := range config.diffIDs {
		layer, ok := layers[diffID]
		if !ok {
			l.opts.warn("%q: no member is layer %s of the config in %s; the image is left out", l.archive.Path, diffID, name)
			return nil
		}
		entry.Layers = append(entry.Layers, layer)
	}
	_, err := l.addEntry(ctx, entry, tops[path.Dir(entry.Layers[len(entry.Layers)-1])])
	return err
}

// layersByDiffID hashes the tars in members until all that are wanted are found.
func (l *loader) layersByDiffID(ctx context.Context, names []string, wanted map[digest.Digest]bool) (map[digest.Digest]string, error) {
	found := map[digest.Digest]string{}
	for _, name := range names {
		if len(found) == len(wanted) {
			break
		}
		diffID, err := l.diffIDOf(ctx, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && wanted[diffID] && found[diffID] == "" {
			found[diffID] = name
		}
	}
	return found, nil
}

// diffIDOf hashes the tar in a member, which may be compressed.
func (l *loader) diffIDOf(ctx context.Context, name string) (digest.Digest, error) {
	blob, err := l.archive.members.open(name)
	if err != nil {
		return "", err
	}
	defer blob.Close()
	compression, err := detect(blob)
	if err != nil {
		return "", err
	}
	if compression == codec.None {
		return hashBlob(ctx, blob)
	}
	return hashTar(ctx, blob, compression, l.opts.Decompress)
}

// missLayoutFile tells of a layout without its mark, which is written anew.
func (l *loader) missLayoutFile() {
	if l.archive.Format == OCILayout && !l.has(layoutFile) {
		l.conflict("%q: %s is not there", l.archive.Path, layoutFile)
	}
}

// compareRepositories tells of a `repositories` whose names are not those of the
// images.
func (l *loader) compareRepositories() {
	if l.archive.Format != DockerSave && l.archive.Format != Hybrid || !l.has(repositoriesFile) {
		return
	}
	have, differs := map[string]bool{}, false
	for _, image := range l.archive.Images {
		for _, name := range image.Names {
			have[name.Key()] = true
		}
	}
	stated := 0
	for _, names := range l.tops() {
		stated += len(names)
		for _, name := range names {
			differs = differs || !have[name.Key()]
		}
	}
	if differs || stated < len(have) {
		l.conflict("%q: %s has other names than the images have; those of the images count", l.archive.Path, repositoriesFile)
	}
}

// tops gives the names that `repositories` has, by the folder of the top layer.
func (l *loader) tops() map[string][]Name {
	tops := map[string][]Name{}
	var repositories map[string]map[string]string
	raw, err := l.member(repositoriesFile)
	if err != nil || decode(raw, &repositories) != nil {
		return tops
	}
	for _, n := range repositoryNames(repositories) {
		tops[n.id] = append(tops[n.id], n.name)
	}
	return tops
}

// rescueChains takes each docker-save 1.0 image that is nobody's parent.
func (l *loader) rescueChains(ctx context.Context, names []string) error {
	l.archive.Format = DockerSaveV10
	var ids []string
	parents := map[string]bool{}
	for _, name := range names {
		id := path.Dir(name)
		if name != v1File(id) {
			continue
		}
		if image, err := l.v1Image(id); err == nil {
			ids = append(ids, id)
			parents[image.Parent] = true
		}
	}
	tops := l.tops()
	for _, id := range ids {
		if parents[id] {
			continue
		}
		node := l.chain(ctx, id)
		if err := ctx.Err(); err != nil {
			return err
		}
		if node.Err == nil {
			l.add(&Image{Names: tops[id], Node: node})
		}
	}
	return nil
}
