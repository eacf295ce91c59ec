package inspect

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/imgtool/imgtool/archive/layer"
)

// Listing is what was asked for.
type Listing struct {
	// Groups are in the order in which they are to be told.
	Groups []Group
	// Missing tells, once all groups were gone through, which paths are not there;
	// it matches [fs.ErrNotExist] for each.
	Missing func() error
}

// Group is a part of a listing.
type Group struct {
	// Folder is the folder in which the entries are, as it was asked for. It is
	// empty for paths that stand for themselves.
	Folder string
	// Each calls visit for each entry, and stops at its first error. It may read
	// the image, and works once.
	Each func(visit func(Entry) error) error
}

// newListing puts entries that stand for themselves before folders.
func newListing(alone []Entry, folders []Group, missing error) Listing {
	if len(alone) > 0 {
		folders = append([]Group{{Each: eachOf(alone)}}, folders...)
	}
	return Listing{folders, func() error { return missing }}
}

func eachOf(entries []Entry) func(func(Entry) error) error {
	return func(visit func(Entry) error) error {
		for _, e := range entries {
			if err := visit(e); err != nil {
				return err
			}
		}
		return nil
	}
}

// ListOptions says how to list. The zero value lists the names in a folder, and
// follows symlinks that are asked for to it.
type ListOptions struct {
	// Recursive lists all paths below a folder, the folder itself left out.
	Recursive bool
	// NoFollow takes symlinks that are asked for as they are.
	NoFollow bool
	// Itself lists a folder, not what is in it.
	Itself bool
}

// Entry is a path of a listing, of the merged filesystem or of one layer. Its
// JSON form is a line of `imgtool ls --format jsonl`.
type Entry struct {
	// Name is what the entry is called in its group: a name in a folder, a path as
	// it was asked for, or the whole path.
	Name string `json:"-"`
	// Path is absolute. Where it is no UTF-8, JSON has U+FFFD in it, and all its
	// bytes in PathBase64.
	Path       string `json:"path"`
	PathBase64 []byte `json:"pathBase64,omitempty"`
	// Type is file, dir, symlink, char, block or fifo; in a layer also hardlink,
	// whiteout, which removes Path from the layers below, and opaque, which removes
	// all below Path.
	Type string `json:"type"`
	// Attributes is nil for what removes, and for a folder that a layer has no
	// entry for.
	*Attributes
	// Layer counts from the lowest layer, 0: the one that put this name here.
	Layer int `json:"layer"`
}

// Attributes is what an archive tells of a path.
type Attributes struct {
	Mode Mode `json:"mode"`
	UID  int  `json:"uid"`
	GID  int  `json:"gid"`
	// Uname and Gname are names on the machine that wrote the layer.
	Uname string `json:"uname,omitempty"`
	Gname string `json:"gname,omitempty"`
	// Size is the length of a file in bytes, nil for all else.
	Size    *int64 `json:"size,omitempty"`
	ModTime Time   `json:"mtime"`
	// Link is the target of a symlink, as stored, or the path that a hardlink of a
	// layer is another name of. LinkBase64 is as PathBase64.
	Link       string `json:"link,omitempty"`
	LinkBase64 []byte `json:"linkBase64,omitempty"`
	// Major and Minor are the numbers of a device, nil for all else.
	Major *int64 `json:"major,omitempty"`
	Minor *int64 `json:"minor,omitempty"`
	// Xattrs are extended attributes; what is no UTF-8 in their names is escaped as
	// in Go strings.
	Xattrs map[string][]byte `json:"xattrs,omitempty"`
	// Links is how many paths lead here, where there are several. It is not known
	// in a layer.
	Links int `json:"links,omitempty"`
}

// Mode are permission bits with setuid, setgid and sticky.
type Mode uint16

// MarshalText gives four octal digits.
func (m Mode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint16(m)), nil }

// Time is a time in UTC to the nanosecond, of any year.
type Time struct{ time.Time }

// MarshalJSON gives the time as in RFC 3339, with more digits for a year that
// needs them, which [time.Time] refuses.
func (t Time) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, t.UTC().Format(time.RFC3339Nano)), nil
}

var _ json.Marshaler = Time{}

// NewEntry tells of a file under its whole path.
func NewEntry(f layer.File) Entry { return newEntry(absolute(f.Path), f.Path, f.Layer, f.Inode) }

// newEntry tells of an inode at p, a path as [layer.File] has it.
func newEntry(name, p string, number int, i *layer.Inode) Entry {
	e := bareEntry(name, p, i.Type, number)
	if i.Type.IsMarker() {
		return e
	}
	e.Attributes = &Attributes{
		Mode:    Mode(i.Mode),
		UID:     i.Owner.UID,
		GID:     i.Owner.GID,
		Uname:   i.Owner.Uname,
		Gname:   i.Owner.Gname,
		ModTime: Time{i.ModTime().UTC()},
		Link:    i.Link,
	}
	switch i.Type {
	case layer.Regular:
		e.Size = &i.Size
	case layer.Hardlink:
		e.Link = absolute(i.Link)
	case layer.Char, layer.Block:
		major, minor := i.Device()
		e.Major, e.Minor = &major, &minor
	}
	if i.Names() > 1 {
		e.Links = i.Names()
	}
	e.LinkBase64 = binary(e.Link)
	e.takeXattrs(i.Xattrs())
	return e
}

// bareEntry is an entry of which no more is known.
func bareEntry(name, p string, t layer.Type, number int) Entry {
	p = absolute(p)
	return Entry{Name: name, Path: p, PathBase64: binary(p), Type: t.String(), Layer: number}
}

func (a *Attributes) takeXattrs(xattrs map[string]string) {
	if len(xattrs) == 0 {
		return
	}
	a.Xattrs = make(map[string][]byte, len(xattrs))
	for name, value := range xattrs {
		if !utf8.ValidString(name) {
			quoted := strconv.Quote(name)
			name = quoted[1 : len(quoted)-1]
		}
		a.Xattrs[name] = []byte(value)
	}
}

// absolute gives a relative path of an image from its root on.
func absolute(p string) string { return path.Join("/", p) }

// relative gives what a user wrote as the path of a layer's entries.
func relative(p string) string {
	if p = strings.TrimPrefix(path.Clean("/"+p), "/"); p != "" {
		return p
	}
	return "."
}

// binary gives the bytes of what JSON cannot hold as text.
func binary(s string) []byte {
	if utf8.ValidString(s) {
		return nil
	}
	return []byte(s)
}
