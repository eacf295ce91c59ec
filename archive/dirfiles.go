package archive

import (
	"fmt"

	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
)

// Fits reports whether an archive of the given transport can hold c.
func (c *Content) Fits(t ref.Transport) error {
	switch {
	case t != ref.Dir:
		return nil
	case len(c.Images) != 1:
		return withHint(fmt.Errorf("a dir: folder holds one image, not %d: %w", len(c.Images), ErrUnsupported),
			"choose one with --image, or write oci: or docker-archive:")
	}
	root := c.Images[0]
	mediaType, err := dirMediaType(root.Raw)
	if err != nil || !isDirManifest(root.Raw) || mediaType != root.Descriptor.MediaType || root.Descriptor.Digest.Algorithm() != digest.SHA256 {
		return withHint(fmt.Errorf("a dir: folder tells of its image by the text of that alone, and %s of media type %q would be read as something else: %w",
			root.Descriptor.Digest, root.Descriptor.MediaType, ErrUnsupported), "write oci: or docker-archive:")
	}
	return nil
}

// dirFiles plans a dir: folder, which holds one image and no name.
func dirFiles(c *Content) ([]file, error) {
	if err := c.Fits(ref.Dir); err != nil {
		return nil, err
	}
	root := c.Images[0].Node
	files := []file{{name: dirVersionFile, data: []byte(dirVersion)}}
	for i, b := range c.Blobs {
		name := dirBlobName(b.Descriptor.Digest)
		switch {
		case b.Descriptor.Digest == root.Descriptor.Digest:
			name = dirManifestFile
		case b.nested:
			name += dirChildSuffix
		}
		files = append(files, file{name: name, blob: &c.Blobs[i]})
	}
	return files, nil
}
