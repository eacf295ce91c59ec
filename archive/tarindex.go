package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// tarIndex gives the members of a tar as sections of its file. It is made in
// one pass over the headers; member data is never read for it.
type tarIndex struct {
	file    io.ReaderAt
	close   func() error
	entries map[string]tarEntry
	census  census
}

// tarEntry is where a member lies, or which member it stands for.
type tarEntry struct {
	offset, size int64
	target       string // of a link, as a clean member name
	kind         entryKind
}

type entryKind uint8

const (
	regularEntry entryKind = iota
	linkEntry
	otherEntry // a folder, device, sparse file: nothing to open
)

// errNoTar says that not even the first header is one.
var errNoTar = errors.New("no tar")

// indexTar reads the headers of the size bytes of file. Of members with the
// same name the last counts, as for tar(1). The result takes over closing.
// Past [MaxMembers] it gives what it has beside the error.
func indexTar(ctx context.Context, file io.ReaderAt, size int64, closing func() error) (*tarIndex, error) {
	x := &tarIndex{file: file, close: closing, entries: map[string]tarEntry{}}
	section := io.NewSectionReader(file, 0, size)
	reader := tar.NewReader(section)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		header, err := reader.Next()
		if err == io.EOF {
			return x, nil
		}
		offset, _ := section.Seek(0, io.SeekCurrent)
		if err != nil && offset <= firstHeaderEnd && !isFault(err) {
			return nil, errNoTar
		}
		if err != nil {
			return nil, x.fault(err, offset)
		}
		if len(x.entries) == MaxMembers {
			return x, fmt.Errorf("members in the tar: %w of %d", ErrTooLarge, MaxMembers)
		}
		x.add(header, offset)
	}
}

// firstHeaderEnd is the offset after the first block of a tar.
const firstHeaderEnd = 512

// fault says where the header walk ended. A tar that ends early has its size
// named, since a broken download is the common cause.
func (x *tarIndex) fault(err error, offset int64) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("truncated after %d members: %w", len(x.entries), err)
		return withHint(err, "the file is cut short; copy or save it again")
	}
	return fmt.Errorf("tar header before offset %d: %w", offset, err)
}

func (x *tarIndex) add(h *tar.Header, offset int64) {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return // no member, whatever it says that it is called
	}
	name, ok := cleanMember(h.Name)
	if !ok {
		x.census.unsafe(h.Name)
		return
	}
	x.census.count(name)
	if _, again := x.entries[name]; again && h.Typeflag != tar.TypeDir {
		x.census.duplicate(name)
	}
	x.entries[name] = newTarEntry(h, name, offset)
}

func newTarEntry(h *tar.Header, name string, offset int64) tarEntry {
	switch {
	case h.Typeflag == tar.TypeReg && !isSparse(h):
		return tarEntry{offset: offset, size: h.Size}
	case h.Typeflag == tar.TypeLink:
		return linkTo(h.Linkname)
	case h.Typeflag == tar.TypeSymlink && !path.IsAbs(h.Linkname):
		return linkTo(path.Join(path.Dir(name), h.Linkname))
	}
	return tarEntry{kind: otherEntry}
}

func linkTo(target string) tarEntry {
	target, ok := cleanMember(target)
	if !ok {
		return tarEntry{kind: otherEntry}
	}
	return tarEntry{kind: linkEntry, target: target}
}

// isSparse reports a file whose data in the tar is not its content (GNU sparse
// formats, old and PAX 0.0 to 1.0).
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// cleanMember gives the one spelling of a member name, and false for a name
// that is absolute, leaves the archive, holds a NUL byte or is too long.
func cleanMember(name string) (string, bool) {
	if path.IsAbs(name) || len(name) > MaxPath || strings.IndexByte(name, 0) >= 0 {
		return "", false
	}
	name = path.Clean(name)
	return name, name != ".." && !strings.HasPrefix(name, "../")
}

func (x *tarIndex) open(name string) (Blob, error) {
	at := name
	for range maxLinks + 1 {
		entry, ok := x.entries[at]
		switch {
		case !ok:
			return nil, fmt.Errorf("member %q: %w", at, ErrNotFound)
		case entry.kind == regularEntry:
			return sectionBlob{io.NewSectionReader(x.file, entry.offset, entry.size)}, nil
		case entry.kind == otherEntry:
			return nil, fmt.Errorf("member %q is no regular file: %w", at, ErrMalformed)
		}
		at = entry.target
	}
	return nil, fmt.Errorf("member %q: more than %d links: %w", name, maxLinks, ErrMalformed)
}

func (x *tarIndex) names() ([]string, error) {
	var names []string
	for name, entry := range x.entries {
		if entry.kind == regularEntry {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// hasFace reports whether the members make an image archive of any form.
func (x *tarIndex) hasFace() bool {
	for _, name := range []string{dockerManifestFile, indexFile, repositoriesFile} {
		if _, ok := x.entries[name]; ok {
			return true
		}
	}
	return false
}

func (x *tarIndex) Close() error { return x.close() }
