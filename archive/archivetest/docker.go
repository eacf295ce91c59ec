package archivetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifestEntry is one image in manifest.json.
type manifestEntry struct {
	Config       string
	RepoTags     []string
	Layers       []string
	LayerSources map[digest.Digest]v1.Descriptor `json:",omitempty"`
}

// repositories is the file of that name: top layer by name and tag.
type repositories map[string]map[string]string

func (r repositories) add(names []string, id string) {
	for _, name := range names {
		repo, tag := splitName(name)
		if id == "" || strings.Contains(repo, "@") {
			continue
		}
		if r[repo] == nil {
			r[repo] = map[string]string{}
		}
		r[repo][cmp.Or(tag, "latest")] = id
	}
}

// addJSON adds a file as Docker writes it.
func (b *build) addJSON(name string, mode int64, doc any) error {
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	b.addFile(name, mode, raw)
	return nil
}

// dockerItems are the items that manifest.json can hold.
func (b *build) dockerItems() ([]item, error) {
	for _, it := range b.items {
		if it.first == nil {
			return nil, it.node.line.errorf("format %s cannot hold %s: no image in it", b.spec.format, it.node.kind)
		}
	}
	return b.items, nil
}

// blobEntry names the blobs of an OCI layout in manifest.json.
func blobEntry(img *image, names []string) manifestEntry {
	e := manifestEntry{Config: blobPath(img.config), Layers: []string{}}
	for _, name := range names {
		if !strings.Contains(name, "@") {
			e.RepoTags = append(e.RepoTags, familiarName(name))
		}
	}
	for _, l := range img.layers {
		e.Layers = append(e.Layers, blobPath(l.descriptor))
	}
	return e
}

// writeContainerd writes what Docker 29 saves from the containerd image store.
func (b *build) writeContainerd() error {
	entries := []manifestEntry{}
	for _, it := range b.items {
		if it.first != nil {
			entries = append(entries, blobEntry(it.first, it.node.names))
		}
	}
	if err := b.addJSON("manifest.json", 0o644, entries); err != nil {
		return err
	}
	return b.addLayout(dockerAnnotations)
}

// writeHybrid writes what Docker 25 to 28 save from their graphdriver store.
// Docker leaves the legacy JSON of each layer among the blobs, too.
func (b *build) writeHybrid() error {
	entries, repos := []manifestEntry{}, repositories{}
	for _, it := range b.items {
		if it.first == nil {
			continue
		}
		e := blobEntry(it.first, it.node.names)
		e.LayerSources = it.first.layerSources()
		entries = append(entries, e)
		if n := len(it.first.layers); n > 0 {
			repos.add(e.RepoTags, it.first.layers[n-1].descriptor.Digest.Encoded())
		}
		if err := b.addLegacyBlobs(it.first); err != nil {
			return err
		}
	}
	if err := b.addJSON("manifest.json", 0o644, entries); err != nil {
		return err
	}
	if err := b.addJSON("repositories", 0o644, repos); err != nil {
		return err
	}
	return b.addLayout(dockerAnnotations)
}

func (img *image) layerSources() map[digest.Digest]v1.Descriptor {
	sources := map[digest.Digest]v1.Descriptor{}
	for _, l := range img.layers {
		sources[l.diffID] = l.descriptor
	}
	return sources
}

func (b *build) addLegacyBlobs(img *image) error {
	chain, err := img.legacyChain()
	if err != nil {
		return err
	}
	for _, doc := range chain {
		raw, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		b.addFile(blobPath(describe("", raw)), 0o444, raw)
	}
	return nil
}

// writeCrane writes what crane and the libraries below it save.
func (b *build) writeCrane() error {
	items, err := b.dockerItems()
	if err != nil {
		return err
	}
	entries := []manifestEntry{}
	for _, it := range items {
		img := it.first
		e := manifestEntry{Config: img.config.Digest.String(), RepoTags: it.node.names, Layers: []string{}}
		b.addConfig(img, e.Config, 0o644)
		for j, l := range img.layers {
			name := l.descriptor.Digest.Encoded() + ".tar.gz"
			b.addLayer(img, j, name, 0o644)
			e.Layers = append(e.Layers, name)
		}
		entries = append(entries, e)
	}
	return b.addJSON("manifest.json", 0o644, entries)
}

// writeBare writes names that say nothing about the content.
func (b *build) writeBare() error {
	items, err := b.dockerItems()
	if err != nil {
		return err
	}
	entries, count := []manifestEntry{}, 0
	for i, it := range items {
		e := manifestEntry{Config: "config.json", RepoTags: it.node.names, Layers: []string{}}
		if i > 0 {
			e.Config = fmt.Sprintf("config%d.json", i)
		}
		b.addConfig(it.first, e.Config, 0o644)
		for j := range it.first.layers {
			name := fmt.Sprintf("layer%d.tar", count)
			count++
			b.addLayer(it.first, j, name, 0o644)
			e.Layers = append(e.Layers, name)
		}
		entries = append(entries, e)
	}
	return b.addJSON("manifest.json", 0o644, entries)
}

func (b *build) addConfig(img *image, name string, mode int64) {
	b.setPlace(fmt.Sprintf("blob:config:%d", img.num), name)
	b.addFile(name, mode, img.raw)
}

// addLayer adds layer j of img, unless it is absent.
func (b *build) addLayer(img *image, j int, name string, mode int64) {
	b.setPlace(fmt.Sprintf("blob:layer:%d:%d", img.num, j), name)
	if !img.layers[j].absent {
		b.addFile(name, mode, img.layers[j].stored)
	}
}

// splitName cuts a name into repository and tag, which may be empty.
func splitName(name string) (repo, tag string) {
	i := strings.LastIndexByte(name, ':')
	if i < 0 || strings.ContainsAny(name[i:], "/") || strings.Contains(name, "@") {
		return name, ""
	}
	return name[:i], name[i+1:]
}

// fullName spells a name out as Docker does: fx is docker.io/library/fx:latest.
func fullName(name string) string {
	host, _, ok := strings.Cut(name, "/")
	switch {
	case !ok:
		name = "docker.io/library/" + name
	case !strings.ContainsAny(host, ".:") && host != "localhost":
		name = "docker.io/" + name
	}
	if _, tag := splitName(name); tag == "" && !strings.Contains(name, "@") {
		name += ":latest"
	}
	return name
}

// familiarName is the short form, with its tag.
func familiarName(name string) string {
	name = strings.TrimPrefix(fullName(name), "docker.io/")
	return strings.TrimPrefix(name, "library/")
}
