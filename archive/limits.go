package archive

import (
	"fmt"
	"io"
)

// Limits on input. Passing one is an error that matches [ErrTooLarge]; no
// number that an archive states ever sizes an allocation.
const (
	// MaxDocument bounds a manifest, an index, `manifest.json` and every other
	// JSON document but the config, in bytes. Registries take 4 MiB.
	MaxDocument = 4 << 20
	// MaxConfig bounds an image config, in bytes; histories grow long.
	MaxConfig = 8 << 20
	// MaxMetadata bounds all documents of one archive together, in bytes, since
	// their raw bytes are held while it is open.
	MaxMetadata = 32 << 20
	// MaxDepth bounds the nesting of indexes.
	MaxDepth = 16
	// MaxDescriptors bounds the descriptors in one index or manifest.
	MaxDescriptors = 10_000
	// MaxNodes bounds the descriptors that can be reached from the roots of one
	// archive, counting again what several documents name, so that walking them
	// always ends soon.
	MaxNodes = 200_000
	// MaxPath bounds the name of a member, in bytes, as PATH_MAX does.
	MaxPath = 4096
	// MaxMembers bounds the members of an archive tar; each costs about 200
	// bytes of memory while the archive is open.
	MaxMembers = 200_000
	// maxLinks bounds the links followed from one member to another, as Linux
	// does in path_resolution(7).
	maxLinks = 40
)

// readAll reads a whole document of at most limit bytes.
func readAll(b Blob, limit int64) ([]byte, error) {
	if b.Size() > limit {
		return nil, fmt.Errorf("document of %d bytes: %w of %d", b.Size(), ErrTooLarge, limit)
	}
	data, err := io.ReadAll(io.LimitReader(io.NewSectionReader(b, 0, b.Size()), limit))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) < b.Size() {
		return nil, fmt.Errorf("read %d of %d bytes: %w", len(data), b.Size(), io.ErrUnexpectedEOF)
	}
	return data, nil
}
