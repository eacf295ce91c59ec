package layer

import (
	"fmt"
	"path"
	"strings"
)

// Names of markers (image-spec v1.1 layer.md, "Whiteouts"). Names that begin
// with metaPrefix belonged to AUFS; one of them is the opaque marker, the others
// are no files.
const (
	whiteoutPrefix = ".wh."
	metaPrefix     = ".wh..wh."
	opaqueMarker   = ".wh..wh..opq"
)

// cleanPath gives the one spelling of a path: relative, "." for the root. It
// fails with [ErrUnsafePath] where `..` leaves the root.
func cleanPath(name string) (string, error) {
	p := path.Clean(strings.TrimLeft(name, "/"))
	if p == ".." || strings.HasPrefix(p, "../") {
		return "", ErrUnsafePath
	}
	return p, nil
}

// checkLength bounds a clean path.
func checkLength(p string) error {
	if len(p) > MaxPath {
		return fmt.Errorf("path of %d bytes: %w of %d", len(p), ErrTooLarge, MaxPath)
	}
	return nil
}

// marker tells what a clean path means: a marker and what it acts on, or
// nothing at all where it is below a marker, of AUFS, or removes no name.
func marker(p string) (t Type, target string, nothing bool) {
	if !strings.HasPrefix(p, whiteoutPrefix) && !strings.Contains(p, "/"+whiteoutPrefix) {
		return 0, "", false
	}
	dir, base := path.Split(p)
	dir = path.Clean(dir)
	name, isMarker := strings.CutPrefix(base, whiteoutPrefix)
	switch {
	case strings.HasPrefix(dir, whiteoutPrefix), strings.Contains(dir, "/"+whiteoutPrefix):
		return 0, "", true
	case !isMarker:
		return 0, "", false
	case base == opaqueMarker:
		return Opaque, dir, false
	case strings.HasPrefix(base, metaPrefix), name == "", name == ".", name == "..":
		return 0, "", true
	}
	return Whiteout, path.Join(dir, name), false
}
