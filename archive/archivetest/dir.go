package archivetest

import "fmt"

// writeDir writes skopeo's dir: folder.
func (b *build) writeDir() error {
	if len(b.items) != 1 {
		return fmt.Errorf("format dir holds one image or index, not %d", len(b.items))
	}
	top := b.items[0].descriptor.Digest
	for _, bl := range b.blobs {
		name := bl.descriptor.Digest.Encoded()
		switch {
		case bl.descriptor.Digest == top:
			name = "manifest.json"
		case bl.manifest:
			name += ".manifest.json"
		}
		b.setPlace(bl.place, name)
		if !bl.absent {
			b.addFile(name, 0o644, bl.data)
		}
	}
	b.addFile("version", 0o644, []byte("Directory Transport Version: 1.1\n"))
	b.sortMembers()
	return nil
}
