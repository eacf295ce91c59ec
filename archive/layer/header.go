package layer

import (
	"archive/tar"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Names of PAX records that hold extended attributes: those of star, which
// everybody reads and we write, and those of libarchive, in base 64.
const (
	schilyXattr     = "SCHILY.xattr."
	libarchiveXattr = "LIBARCHIVE.xattr."
)

// ownRecords are PAX records whose content is kept elsewhere: POSIX pax, "pax
// Extended Header".
var ownRecords = []string{
	"path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime", "hdrcharset", "charset",
}

// maxDevice is the largest device number that PAX has digits for. Linux stops at
// 20 bits.
const maxDevice = 1<<21 - 1

// types says what the tar types are that layers have. Old GNU sparse files and
// contiguous files are files; what v7 tars have, archive/tar gives in new types.
var types = map[byte]Type{
	tar.TypeReg: Regular, tar.TypeCont: Regular, tar.TypeGNUSparse: Regular,
	tar.TypeDir: Dir, tar.TypeSymlink: Symlink, tar.TypeLink: Hardlink,
	tar.TypeChar: Char, tar.TypeBlock: Block, tar.TypeFifo: FIFO,
}

// inode reads what h says. Owners are taken from the reader's set.
func (r *Reader) inode(h *tar.Header) (Inode, error) {
	t, ok := types[h.Typeflag]
	if !ok {
		return Inode{}, fmt.Errorf("tar type %q: %w", h.Typeflag, ErrUnsupported)
	}
	if err := checkNumbers(h, t); err != nil {
		return Inode{}, err
	}
	if h.ModTime.IsZero() {
		h.ModTime = time.Unix(0, 0) // as archive/tar would write it
	}
	i := Inode{
		Type:  t,
		Mode:  uint16(h.Mode & 0o7777),
		sec:   h.ModTime.Unix(),
		nsec:  int32(h.ModTime.Nanosecond()),
		Owner: r.owner(Owner{UID: h.Uid, GID: h.Gid, Uname: h.Uname, Gname: h.Gname}),
		Extra: extra(h, t),
	}
	switch t {
	case Regular:
		i.Size = h.Size
	case Symlink:
		i.Link = strings.Clone(h.Linkname)
	}
	if i.Extra != nil && i.Extra.hasXattr("") {
		return i, fmt.Errorf("extended attribute without a name: %w", ErrMalformed)
	}
	return i, checkTarget(h.Linkname, t)
}

// checkTarget refuses link targets that no file system takes: symlink(2) wants one
// byte at least, and PATH_MAX with the byte that ends it at most.
func checkTarget(target string, t Type) error {
	limit := MaxPath
	if t == Symlink {
		limit = MaxPath - 1
	}
	switch {
	case len(target) > limit:
		return fmt.Errorf("link target of %d bytes: %w of %d", len(target), ErrTooLarge, limit)
	case t == Symlink && target == "":
		return fmt.Errorf("symlink without a target: %w", ErrMalformed)
	}
	return nil
}

// checkNumbers refuses what tars can hold only in base 256, and Linux not at all.
func checkNumbers(h *tar.Header, t Type) error {
	if h.Uid < 0 || h.Gid < 0 {
		return fmt.Errorf("owner %d:%d: %w", h.Uid, h.Gid, ErrMalformed)
	}
	device := t == Char || t == Block
	if device && (h.Devmajor < 0 || h.Devmajor > maxDevice || h.Devminor < 0 || h.Devminor > maxDevice) {
		return fmt.Errorf("device %d:%d: %w", h.Devmajor, h.Devminor, ErrMalformed)
	}
	return nil
}

// extra reads what few entries have, or nil.
func extra(h *tar.Header, t Type) *Extra {
	e := &Extra{AccessTime: h.AccessTime, ChangeTime: h.ChangeTime}
	if t == Char || t == Block {
		e.Major, e.Minor = h.Devmajor, h.Devminor
	}
	for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) { // of two spellings of one name the same one wins
		e.take(strings.Clone(key), strings.Clone(h.PAXRecords[key]))
	}
	if e.equal(&Extra{}) {
		return nil
	}
	return e
}

// take keeps a PAX record as what it means.
func (e *Extra) take(key, value string) {
	if name, ok := strings.CutPrefix(key, schilyXattr); ok {
		e.setXattr(name, value)
		return
	}
	if name, ok := strings.CutPrefix(key, libarchiveXattr); ok && e.takeLibarchive(name, value) {
		return
	}
	if slices.Contains(ownRecords, key) || strings.HasPrefix(key, "GNU.sparse.") {
		return
	}
	if e.Records == nil {
		e.Records = map[string]string{}
	}
	e.Records[key] = value
}

// takeLibarchive reads libarchive's spelling of an attribute, a name with
// percent signs and a value in base 64 without padding; star's goes before it. It
// reports false for what it cannot read, and for names that star's spelling
// cannot hold: they stay as they are.
func (e *Extra) takeLibarchive(name, encoded string) bool {
	name, nameErr := url.PathUnescape(name)
	value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if nameErr != nil || err != nil || strings.ContainsAny(name, "=\x00") {
		return false
	}
	if _, ok := e.Xattrs[name]; !ok {
		e.setXattr(name, string(value))
	}
	return true
}

func (e *Extra) hasXattr(name string) bool {
	_, ok := e.Xattrs[name]
	return ok
}

func (e *Extra) setXattr(name, value string) {
	if e.Xattrs == nil {
		e.Xattrs = map[string]string{}
	}
	e.Xattrs[name] = value
}

// header gives the PAX header of an inode under a path, or of a hardlink to it.
func (i *Inode) header(p string, link string) *tar.Header {
	h := &tar.Header{
		Typeflag: typeflags[i.Type],
		Name:     p,
		Linkname: i.Link,
		Size:     i.Size,
		Mode:     int64(i.Mode),
		Uid:      i.Owner.UID,
		Gid:      i.Owner.GID,
		Uname:    i.Owner.Uname,
		Gname:    i.Owner.Gname,
		ModTime:  time.Unix(i.sec, int64(i.nsec)),
		Format:   tar.FormatPAX,
	}
	if link != "" {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, link, 0
	}
	if i.Type == Dir {
		h.Name += "/"
	}
	if e := i.Extra; e != nil {
		h.Devmajor, h.Devminor = e.Major, e.Minor
		h.AccessTime, h.ChangeTime = e.AccessTime, e.ChangeTime
		h.PAXRecords = maps.Clone(e.Records)
		for name, value := range e.Xattrs {
			setRecord(h, schilyXattr+name, value)
		}
	}
	if !utf8.ValidString(h.Name) || !utf8.ValidString(h.Linkname) {
		setRecord(h, "hdrcharset", "BINARY")
	}
	return h
}

func setRecord(h *tar.Header, key, value string) {
	if h.PAXRecords == nil {
		h.PAXRecords = map[string]string{}
	}
	h.PAXRecords[key] = value
}

var typeflags = map[Type]byte{
	Regular: tar.TypeReg, Dir: tar.TypeDir, Symlink: tar.TypeSymlink,
	Char: tar.TypeChar, Block: tar.TypeBlock, FIFO: tar.TypeFifo,
}

// whiteoutHeader is the marker that removes the path p from the layers below
// (image-spec v1.1 layer.md, "Whiteouts").
func whiteoutHeader(p string) *tar.Header {
	dir, name := path.Split(p)
	return &tar.Header{Typeflag: tar.TypeReg, Name: dir + whiteoutPrefix + name, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
}
