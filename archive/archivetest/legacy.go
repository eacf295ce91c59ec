package archivetest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// legacyImage is the json file of one layer folder: in Docker 1.0 each layer
// was an image of its own, with the one below it as its parent.
type legacyImage struct {
	ID              string          `json:"id"`
	Parent          string          `json:"parent,omitempty"`
	Created         time.Time       `json:"created"`
	ContainerConfig *v1.ImageConfig `json:"container_config,omitempty"`
	DockerVersion   string          `json:"docker_version,omitempty"`
	Config          *v1.ImageConfig `json:"config,omitempty"`
	Architecture    string          `json:"architecture,omitempty"`
	OS              string          `json:"os,omitempty"`
	Size            int64           `json:",omitempty"`
}

const legacyVersion = "1.0"

// setID derives the ID from the document and what else tells two folders
// apart, so that one ID never stands for two contents.
func (doc *legacyImage) setID(content ...digest.Digest) error {
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	doc.ID = fmt.Sprintf("%x", sha256.Sum256(fmt.Append(raw, content)))
	return nil
}

// legacyChain makes what Docker 1.10 and later write for old readers: the top
// layer has the image's own settings, the others have nothing but an ID. The
// top one's ID depends on the config, so that two images share a layer but not
// its folder when it is the top of one and not of the other.
func (img *image) legacyChain() ([]legacyImage, error) {
	chain := make([]legacyImage, len(img.layers))
	parent := ""
	for j, l := range img.layers {
		doc := legacyImage{Parent: parent, Created: time.Unix(0, 0).UTC(), ContainerConfig: &v1.ImageConfig{}, OS: img.node.platform.OS}
		content := []digest.Digest{l.diffID}
		if j == len(img.layers)-1 {
			content = append(content, img.config.Digest)
			img.fillLegacy(&doc)
			doc.Config = &img.node.config
		}
		if err := doc.setID(content...); err != nil {
			return nil, err
		}
		chain[j], parent = doc, doc.ID
	}
	return chain, nil
}

// topID is the ID that repositories names, or empty without layers.
func topID(chain []legacyImage) string {
	if len(chain) == 0 {
		return ""
	}
	return chain[len(chain)-1].ID
}

func (img *image) fillLegacy(doc *legacyImage) {
	n := img.node
	if n.created != nil {
		doc.Created = n.created.UTC()
	}
	doc.OS, doc.Architecture = n.platform.OS, n.platform.Architecture
}

// addLegacyFolder adds a layer folder but for its layer.tar.
func (b *build) addLegacyFolder(doc legacyImage, mode int64) error {
	b.addFile(doc.ID+"/VERSION", mode, []byte(legacyVersion))
	return b.addJSON(doc.ID+"/json", mode, doc)
}

// writeDockerSave writes what Docker 1.10 to 24 save.
func (b *build) writeDockerSave() error {
	items, err := b.dockerItems()
	if err != nil {
		return err
	}
	entries, repos := []manifestEntry{}, repositories{}
	stored := map[digest.Digest]string{}
	for _, it := range items {
		img := it.first
		e := manifestEntry{Config: img.config.Digest.Encoded() + ".json", RepoTags: it.node.names}
		b.addConfig(img, e.Config, 0o644)
		chain, err := img.legacyChain()
		if err != nil {
			return err
		}
		if e.Layers, err = b.addLegacyLayers(img, chain, stored); err != nil {
			return err
		}
		repos.add(it.node.names, topID(chain))
		entries = append(entries, e)
	}
	b.sortMembers()
	if err := b.addJSON("manifest.json", 0o644, entries); err != nil {
		return err
	}
	return b.addJSON("repositories", 0o644, repos)
}

// addLegacyLayers adds a folder for each layer and returns the names of their
// layer.tar. A layer that is stored already, by its digest, becomes a symlink.
func (b *build) addLegacyLayers(img *image, chain []legacyImage, stored map[digest.Digest]string) ([]string, error) {
	names := []string{}
	for j, doc := range chain {
		b.addFolder(doc.ID)
		if err := b.addLegacyFolder(doc, 0o644); err != nil {
			return nil, err
		}
		name, key := doc.ID+"/layer.tar", img.layers[j].descriptor.Digest
		names = append(names, name)
		first, ok := stored[key]
		switch {
		case !ok || first == name:
			stored[key] = name
			b.addLayer(img, j, name, 0o644)
		default:
			b.setPlace(fmt.Sprintf("blob:layer:%d:%d", img.num, j), first)
			b.addLink(name, "../"+first, 0o777)
		}
	}
	return names, nil
}

// writePodman writes what skopeo and podman save: layers and configs at the
// root, and folders with symlinks for old readers.
func (b *build) writePodman() error {
	items, err := b.dockerItems()
	if err != nil {
		return err
	}
	entries, repos := []manifestEntry{}, repositories{}
	for _, it := range items {
		img := it.first
		chain, err := img.legacyChain()
		if err != nil {
			return err
		}
		e := manifestEntry{Config: img.config.Digest.Encoded() + ".json", RepoTags: it.node.names, Layers: []string{}}
		for j, l := range img.layers {
			name := l.diffID.Encoded() + ".tar"
			b.addLayer(img, j, name, 0o444)
			e.Layers = append(e.Layers, name)
		}
		b.addConfig(img, e.Config, 0o444)
		if err := b.addPodmanFolders(chain, e.Layers); err != nil {
			return err
		}
		repos.add(it.node.names, topID(chain))
		entries = append(entries, e)
	}
	if err := b.addJSON("manifest.json", 0o444, entries); err != nil {
		return err
	}
	return b.addJSON("repositories", 0o444, repos)
}

func (b *build) addPodmanFolders(chain []legacyImage, layers []string) error {
	for j, doc := range chain {
		b.addLink(doc.ID+"/layer.tar", "../"+layers[j], 0)
		if err := b.addLegacyFolder(doc, 0o444); err != nil {
			return err
		}
	}
	return nil
}

// writeDockerSave10 writes what Docker before 1.10 saved.
func (b *build) writeDockerSave10() error {
	items, err := b.dockerItems()
	if err != nil {
		return err
	}
	repos := repositories{}
	for _, it := range items {
		top, err := b.addLayers10(it.first)
		if err != nil {
			return err
		}
		if top == "" {
			return it.node.line.errorf("format %s cannot hold an image without layers", b.spec.format)
		}
		repos.add(it.node.names, top)
	}
	b.sortMembers()
	if len(repos) == 0 {
		return nil // Docker left it out, too
	}
	return b.addJSON("repositories", 0o644, repos)
}

// addLayers10 adds a folder for each history entry, since every command made a
// layer in those days, and returns the ID of the top one.
func (b *build) addLayers10(img *image) (top string, err error) {
	j := 0 // counts layers
	for i, h := range img.node.history {
		doc, err := img.legacy10(i, j, top)
		if err != nil {
			return "", err
		}
		b.addFolder(doc.ID)
		if h.EmptyLayer {
			b.addFile(doc.ID+"/layer.tar", 0o644, tarEnd)
		} else {
			b.addLayer(img, j, doc.ID+"/layer.tar", 0o644)
			j++
		}
		if err := b.addLegacyFolder(doc, 0o644); err != nil {
			return "", err
		}
		top = doc.ID
	}
	b.setPlace(fmt.Sprintf("blob:config:%d", img.num), top+"/json")
	return top, nil
}

// legacy10 makes the json file for history entry i, which is layer j unless it
// is an empty one.
func (img *image) legacy10(i, j int, parent string) (legacyImage, error) {
	h := img.node.history[i]
	doc := legacyImage{Parent: parent, DockerVersion: "1.9.1"}
	img.fillLegacy(&doc)
	doc.ContainerConfig = &v1.ImageConfig{Cmd: []string{"/bin/sh", "-c", h.CreatedBy}}
	content := []digest.Digest{digest.FromBytes(tarEnd)}
	if !h.EmptyLayer {
		content[0] = img.layers[j].diffID
		doc.Size = contentSize(img.node.layers[j])
	}
	if i == len(img.node.history)-1 {
		doc.Config = &img.node.config
		content = append(content, img.config.Digest)
	}
	err := doc.setID(content...)
	return doc, err
}

// contentSize is what Docker 1.0 called the size of a layer: bytes in files.
func contentSize(s layerSpec) int64 {
	var sum int64
	for _, m := range s.entries {
		sum += int64(len(m.body))
	}
	return sum
}
