package archive

import (
	"fmt"
	"os"
	"path"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Format is the form that an archive was found in. It is told to people; past
// opening nothing depends on it.
type Format string

// The forms that are read.
const (
	DockerSaveV10 Format = "docker-save 1.0"          // `repositories`, no manifest.json
	DockerSave    Format = "docker-save"              // manifest.json
	Hybrid        Format = "docker-save + OCI layout" // both faces over the same blobs
	OCILayout     Format = "OCI layout"               // index.json
	DirTransport  Format = "dir"                      // skopeo's folder
)

// Archive is an opened image archive: its images as OCI descriptors, and the
// blobs behind them. What its fields say is what the archive states; only
// documents were hashed, and what else [Open] tells. An Archive is safe for concurrent use
// until it is closed.
type Archive struct {
	// Path is what was opened, as the user wrote it.
	Path   string
	Format Format
	// Outer is the compression of the whole file; [codec.None] for a folder.
	Outer codec.Compression
	// Size is the stored size of the file in bytes, or -1 for a folder or a pipe.
	Size int64
	// Images are the roots that the archive names, in its own order. An image
	// that has several names stands here once.
	Images []*Image
	// Conflicts tell what manifest.json and index.json of a [Hybrid] say
	// differently, one line each.
	Conflicts []string
	// Damaged are the indexes, manifests and configs that are not what their digest
	// says, each a [*DigestError] with what it is about. They are told all the same.
	Damaged []error
	// IndexFields are the fields of index.json other than schemaVersion and
	// manifests, as stored.
	IndexFields map[string]RawJSON

	info    os.FileInfo // of a named file or folder, to tell it from an output
	members members
	// located maps what has another place than blobs/ALGORITHM/ENCODED.
	located map[digest.Digest]string
	// made holds documents that stand in no member: those of a docker-save
	// archive that has no manifests of its own.
	made map[digest.Digest][]byte
	// blobName gives the member of a blob that is not located otherwise.
	blobName func(digest.Digest) string
}

// Open gives the stored bytes of d. It fails with [ErrNotFound] where the
// archive does not hold them; content embedded in the descriptor counts as
// held. Nothing is verified: see [Copy].
func (a *Archive) Open(d ocispec.Descriptor) (Blob, error) {
	if raw, ok := a.made[d.Digest]; ok {
		return newMemoryBlob(raw), nil
	}
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %q: %w", d.Digest, ErrMalformed)
	}
	name, ok := a.located[d.Digest]
	if !ok {
		name = a.blobName(d.Digest)
	}
	blob, err := a.members.open(name)
	if err != nil && len(d.Data) > 0 && !isFault(err) {
		return newMemoryBlob(d.Data), nil
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	return blob, nil
}

// Close releases the archive and the temporary file that it may have. Blobs
// must be closed before.
func (a *Archive) Close() error { return a.members.Close() }

// Fault gives the first I/O error that reading the archive met, or nil. Where there
// is one, nothing that was found to be absent or wrong need be so.
func (a *Archive) Fault() error {
	if w, ok := a.members.(*watched); ok {
		return w.fault()
	}
	return nil
}

// Member gives a file of the archive by its name, such as `manifest.json`. It
// fails with [ErrNotFound] where there is none.
func (a *Archive) Member(name string) (Blob, error) { return a.members.open(name) }

// IsFolder reports an archive that is a folder and no file.
func (a *Archive) IsFolder() bool { return a.isFolder() }

func (a *Archive) isFolder() bool { return a.info != nil && a.info.IsDir() }

// layoutBlobName places blobs as image-spec v1.1 image-layout.md, "Blobs" does.
func layoutBlobName(d digest.Digest) string {
	return path.Join("blobs", d.Algorithm().String(), d.Encoded())
}
