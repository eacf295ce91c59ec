package hostile

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// doc is a JSON object.
type doc = map[string]any

// Media types of OCI.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"
)

func marshal(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // only values that this package makes of maps, lists and texts
	}
	return string(raw)
}

func digestOf(data string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(data))) }

// Files are the members of an OCI layout by name, held in memory, for layouts that
// no listing of archivetest describes.
type Files map[string]string

// Blob adds a blob and gives its descriptor, which may be changed.
func (f Files) Blob(mediaType, data string) doc {
	d := digestOf(data)
	f[blobName(d)] = data
	return doc{"mediaType": mediaType, "digest": d, "size": len(data)}
}

func blobName(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// Finish adds what makes the files an OCI layout, an index.json of descriptors, and
// gives f.
func (f Files) Finish(roots ...any) Files {
	if roots == nil {
		roots = []any{}
	}
	f["oci-layout"] = `{"imageLayoutVersion":"1.0.0"}`
	f["index.json"] = marshal(doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": roots})
	return f
}

// Tar writes the files as a tar, sorted by name.
func (f Files) Tar(path string) error {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		parts = append(parts, file(name, f[name]))
	}
	return bytesOf(tarOf(parts...))(path)
}

// Folder writes the files below path, which need not be there.
func (f Files) Folder(path string) error {
	for name, data := range f {
		at := filepath.Join(path, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(at, []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// image is an OCI layout of one image. Each hook changes one part before the
// digest of it is taken, but for files, which come last.
type image struct {
	layers       []string               // tars; none means one good layer
	compress     func(string) string    // nil leaves the last layer plain
	layer        func(doc)              // descriptor of the last layer
	config       func(doc)              //
	configText   func(string) string    //
	configDesc   func(doc)              // descriptor of the config
	manifest     func(doc)              //
	manifestText func(string) string    //
	root         func(doc)              // descriptor in index.json
	index        func(doc)              // index.json
	indexText    func(string) string    //
	roots        func(Files, doc) []any // in place of the one root
	files        func(Files, parts)
	folder       bool
}

// parts are the digests of what an image was made of.
type parts struct{ layer, config, manifest string }

// over is an image with a hostile layer over a good one.
func over(entries ...string) image { return image{layers: []string{baseLayer, tarOf(entries...)}} }

// uncut is over for a tar that ends as it is.
func uncut(tar string) image { return image{layers: []string{baseLayer, tar}} }

func call(hook func(doc), m doc) {
	if hook != nil {
		hook(m)
	}
}

func edit(hook func(string) string, s string) string {
	if hook != nil {
		return hook(s)
	}
	return s
}

func (m image) write(path string) error {
	f := m.make()
	if m.folder {
		return f.Folder(path)
	}
	return f.Tar(path)
}

func (m image) make() Files {
	f := Files{}
	if m.layers == nil {
		m.layers = []string{baseLayer}
	}
	var layers, diffIDs []any
	var last doc
	for i, tar := range m.layers {
		stored := tar
		if i == len(m.layers)-1 {
			stored = edit(m.compress, tar)
		}
		last = f.Blob(typeLayer, stored)
		layers, diffIDs = append(layers, last), append(diffIDs, digestOf(tar))
	}
	p := parts{layer: last["digest"].(string)}
	call(m.layer, last)
	config := doc{"architecture": "amd64", "os": "linux", "rootfs": doc{"type": "layers", "diff_ids": diffIDs}}
	call(m.config, config)
	configDesc := f.Blob(typeConfig, edit(m.configText, marshal(config)))
	p.config = configDesc["digest"].(string)
	call(m.configDesc, configDesc)
	manifest := doc{"schemaVersion": 2, "mediaType": typeManifest, "config": configDesc, "layers": layers}
	call(m.manifest, manifest)
	root := f.Blob(typeManifest, edit(m.manifestText, marshal(manifest)))
	p.manifest = root["digest"].(string)
	m.finish(f, root)
	if m.files != nil {
		m.files(f, p)
	}
	return f
}

// finish writes index.json.
func (m image) finish(f Files, root doc) {
	root["annotations"] = doc{"org.opencontainers.image.ref.name": "example.com/app:v1"}
	call(m.root, root)
	roots := []any{root}
	if m.roots != nil {
		roots = m.roots(f, root)
	}
	f.Finish(roots...)
	index := doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": roots}
	call(m.index, index)
	f["index.json"] = edit(m.indexText, marshal(index))
}

// set makes a hook that sets one field.
func set(key string, value any) func(doc) { return func(m doc) { m[key] = value } }

// unset makes a hook that removes one field.
func unset(key string) func(doc) { return func(m doc) { delete(m, key) } }

// docker is a docker-save archive of one image whose members are as given. LAYER
// and CONFIG in their texts stand for nothing; names are layer.tar and config.json.
func docker(manifest string, members ...string) string {
	return tarOf(append([]string{file("config.json", dockerConfig), file("layer.tar", baseLayer), file("manifest.json", manifest)}, members...)...)
}

// dockerConfig is the config of an image of the one good layer.
var dockerConfig = marshal(doc{"architecture": "amd64", "os": "linux", "rootfs": doc{"type": "layers", "diff_ids": []any{digestOf(baseLayer)}}})

const dockerManifest = `[{"Config":"config.json","RepoTags":["example.com/app:v1"],"Layers":["layer.tar"]}]`
