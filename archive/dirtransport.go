package archive

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Members of the folder that skopeo and podman call dir: (containers-transports(5)).
const (
	dirVersionFile  = "version"
	dirManifestFile = dockerManifestFile
	dirVersion      = "Directory Transport Version: 1.1\n"
)

// isDir tells a dir: folder from an unpacked docker-save archive: its
// manifest.json is one document, not a list.
func (l *loader) isDir() bool {
	if !l.archive.isFolder() {
		return false
	}
	raw, err := l.member(dirManifestFile)
	return err == nil && isDirManifest(raw)
}

func isDirManifest(raw []byte) bool {
	var document struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	return json.Unmarshal(raw, &document) == nil && document.SchemaVersion != 0
}

// loadDir reads the one image of the folder, which has no name.
func (l *loader) loadDir() error {
	l.archive.Format = DirTransport
	l.archive.blobName = dirBlobName
	w := l.archive.members.(*watched) // what it met stays known
	w.members = dirMembers{w.members}
	raw, err := l.member(dirManifestFile)
	if err != nil {
		return err
	}
	mediaType, err := dirMediaType(raw)
	if err != nil {
		return fmt.Errorf("read %s: %w", dirManifestFile, err)
	}
	l.archive.located[digest.FromBytes(raw)] = dirManifestFile
	l.add(&Image{Node: l.node(describe(mediaType, raw), 1)})
	return nil
}

// dirMediaType is what the one image of a folder is, which no descriptor tells.
func dirMediaType(raw []byte) (string, error) {
	var document struct {
		MediaType string  `json:"mediaType"`
		Manifests RawJSON `json:"manifests"`
	}
	err := decode(raw, &document)
	switch {
	case err != nil, document.MediaType != "":
		return document.MediaType, err
	case document.Manifests != nil:
		return ocispec.MediaTypeImageIndex, nil
	}
	return ocispec.MediaTypeImageManifest, nil
}

// dirMembers finds blobs under the names that dir: has for them.
type dirMembers struct{ members }

func (m dirMembers) open(name string) (Blob, error) {
	blob, err := m.members.open(name)
	if errors.Is(err, ErrNotFound) {
		if child, childErr := m.members.open(name + dirChildSuffix); childErr == nil {
			return child, nil
		}
	}
	return blob, err
}

// dirChildSuffix ends the name of a manifest that an index names.
const dirChildSuffix = ".manifest.json"

// dirBlobName is the digest without its algorithm, where that is sha256.
func dirBlobName(d digest.Digest) string {
	if d.Algorithm() == digest.SHA256 {
		return d.Encoded()
	}
	return d.Algorithm().String() + "-" + d.Encoded()
}
