package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
)

// load reads the archive, in whatever form it is.
func (l *loader) load(ctx context.Context) error {
	if l.opts.Mend {
		return l.mend(ctx)
	}
	return l.loadFaces(ctx)
}

// loadFaces finds out which form the members have and reads it.
func (l *loader) loadFaces(ctx context.Context) error {
	switch {
	case l.has(indexFile):
		return l.loadLayoutOrHybrid(ctx)
	case l.isDir():
		return l.loadDir()
	case l.has(dockerManifestFile):
		l.archive.Format = DockerSave
		face, err := l.dockerFace()
		if err != nil {
			return err
		}
		return l.loadDockerSave(ctx, face)
	case l.has(repositoriesFile):
		l.archive.Format = DockerSaveV10
		l.opts.warn("docker-save 1.0 states no digests: read every layer of %q to hash it", l.archive.Path)
		return l.loadDockerSaveV10(ctx)
	}
	return l.archive.noLayout()
}

func (l *loader) has(name string) bool {
	blob, err := l.archive.members.open(name)
	if err != nil {
		return false
	}
	blob.Close()
	return true
}

// checkTransport refuses a reference that asks for another form than is there.
func (a *Archive) checkTransport(t ref.Transport) error {
	found := map[ref.Transport]bool{
		ref.Any:           true,
		ref.OCI:           a.isFolder() && (a.Format == OCILayout || a.Format == Hybrid),
		ref.Dir:           a.Format == DirTransport,
		ref.OCIArchive:    !a.isFolder() && (a.Format == OCILayout || a.Format == Hybrid),
		ref.DockerArchive: !a.isFolder() && a.Format != OCILayout,
	}
	if found[t] {
		return nil
	}
	what := "a file"
	if a.isFolder() {
		what = "a folder"
	}
	return withHint(fmt.Errorf("it is %s of the form %s, not %s: %w", what, a.Format, t, ErrUnsupported),
		"write the path without %s: and its form is found out", t)
}

// noLayout says what members without any face are.
func (a *Archive) noLayout() error {
	if table, ok := unwatched(a.members).(*tarIndex); ok && !table.hasFace() {
		return a.noImage(&table.census)
	}
	if !a.isFolder() {
		return &InputError{Path: a.Path, What: a.wrapping() + "a tar whose manifest.json, index.json or repositories is no file"}
	}
	return &InputError{Path: a.Path, What: "a folder without index.json or manifest.json",
		hint: "an OCI layout folder holds oci-layout, index.json and blobs/"}
}

// noImage says what a tar without any face is.
func (a *Archive) noImage(c *census) error {
	what, hint := c.describe()
	return &InputError{Path: a.Path, What: a.wrapping() + what, hint: hint}
}

// wrapping is what to say before what a compressed file holds.
func (a *Archive) wrapping() string {
	if a.Outer == codec.None {
		return ""
	}
	return string(a.Outer) + " of "
}

// noTar says what a file that is no tar is.
func (a *Archive) noTar(file io.ReaderAt, size int64) error {
	head := make([]byte, min(size, 512))
	if _, err := file.ReadAt(head, 0); err != nil && err != io.EOF {
		return err
	}
	what, hint := describeBytes(head)
	return &InputError{Path: a.Path, What: a.wrapping() + what, hint: hint}
}

// describeBytes names the kinds of file that people take for an archive.
func describeBytes(head []byte) (what, hint string) {
	text := strings.ToLower(string(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))))
	starts := func(prefixes ...string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(text, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case len(head) == 0:
		return "an empty file", "the command that wrote it may have failed; save the image again"
	case starts("<!doctype html", "<html"):
		return "an HTML page", "a download ended at a login or error page; look at the file, then fetch it again"
	case starts("<?xml"):
		return "an XML document", "a download may have ended at an error page; look at the file, then fetch it again"
	case starts("{", "["):
		return "a JSON document", "give the archive or layout folder that it belongs to"
	case starts("pk\x03\x04"):
		return "a ZIP file", "unzip it and give the archive inside"
	case starts("\x7felf"):
		return "an ELF program", "give the archive that `docker save` wrote"
	case starts("hsqs"):
		return "a squashfs file system", "give the archive that `docker save` wrote"
	case bytes.Count(head, []byte{0}) == len(head):
		return "a file of zero bytes or an empty tar", "the command that wrote it may have failed; save the image again"
	}
	return "no tar", "image archives come from `docker save`, `podman save`, `skopeo copy` or BuildKit"
}

// splitHint guesses at `image.tar:v1`, which other tools take, and at a
// transport that does not exist.
func splitHint(path string) string {
	file, image, found := strings.Cut(path, ":")
	if !found {
		return ""
	}
	if _, err := os.Stat(file); err == nil {
		return fmt.Sprintf("to choose one image of %q, add --image %q", file, image)
	}
	return fmt.Sprintf("if %q is meant for a transport: they are docker-archive, oci-archive, oci and dir", file)
}
