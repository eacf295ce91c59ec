package archive

import (
	"fmt"

	"github.com/imgtool/imgtool/archive/ref"
)

// Fits reports whether an archive of the given transport can hold c.
func (c *Content) Fits(t ref.Transport) error {
	if t == ref.Dir && len(c.Images) != 1 {
		return withHint(fmt.Errorf("a dir: folder holds one image, not %d: %w", len(c.Images), ErrUnsupported),
			"choose one with --image, or write oci: or docker-archive:")
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
