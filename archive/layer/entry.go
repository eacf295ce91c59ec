package layer

import (
	"maps"
	"time"
)

// Type says what an entry or an inode is.
type Type uint8

// The types of entry. The last three stand in layers alone, never in a [Tree].
const (
	Regular Type = iota
	Dir
	Symlink
	Char
	Block
	FIFO
	Hardlink // another name for the inode at Link
	Whiteout // removes Path from the layers below
	Opaque   // removes everything below the folder Path from the layers below
)

// String gives the word that listings use.
func (t Type) String() string {
	return [...]string{"file", "dir", "symlink", "char", "block", "fifo", "hardlink", "whiteout", "opaque"}[t]
}

// IsMarker reports an entry that removes and adds nothing.
func (t Type) IsMarker() bool { return t == Whiteout || t == Opaque }

// Entry is one entry of a layer, in the order of its tar.
type Entry struct {
	// Path is clean and relative, "." for the root: for a marker, what it acts
	// on. Its bytes are those of the tar; they need not be UTF-8.
	Path string
	Inode
}

// Inode is a file, a folder or another object of a file system with everything
// that a layer tells about it. It is kept small, since an image has many:
// about 250 bytes with its name and its place in a [Tree].
type Inode struct {
	Type Type
	// Mode are the permission bits with setuid, setgid and sticky, & 07777.
	Mode uint16
	nsec int32
	sec  int64
	// Owner is shared between inodes.
	Owner *Owner
	// Size is the length of a regular file's content in bytes, holes counted.
	Size int64
	// Link is a symlink's target, as stored, or a hardlink's, clean as Path.
	Link string
	// Extra is what few inodes have; nil means none of it. It may be shared.
	Extra *Extra
	// Origin is where the inode was read.
	Origin Origin

	names   int32  // paths of the tree that lead here
	version int32  // what [Tree] counted when an entry made or changed it
	sum     uint64 // of the content, where it was asked for
}

// Owner is who owns an inode. Names may be empty; numbers count.
type Owner struct {
	UID, GID     int
	Uname, Gname string
}

// Extra is what few inodes have.
type Extra struct {
	Major, Minor int64 // of a device
	// AccessTime and ChangeTime are zero where the layer has none.
	AccessTime, ChangeTime time.Time
	// Xattrs are extended attributes with their values as bytes.
	Xattrs map[string]string
	// Records are further PAX records.
	Records map[string]string
}

// Origin says which entry of which layer an inode came from.
type Origin struct {
	// Layer counts from the lowest layer, 0. A layer that stands twice in an
	// image is its first one.
	Layer int32
	// Index counts the headers of the tar from 0. It is -1 for a folder that no
	// layer has an entry for.
	Index int32
	// Offset is where the content begins in the uncompressed tar, or -1 where
	// it is sparse and does not stand there in one piece.
	Offset int64
}

// Implied reports a folder that no layer has an entry for, but for what lies
// below it.
func (o Origin) Implied() bool { return o.Index < 0 }

// ModTime is when the inode was changed, to the nanosecond.
func (i *Inode) ModTime() time.Time { return time.Unix(i.sec, int64(i.nsec)) }

// Names is how many paths of the tree lead to the inode.
func (i *Inode) Names() int { return int(i.names) }

// Xattrs gives the extended attributes; callers may not change them.
func (i *Inode) Xattrs() map[string]string {
	if i.Extra == nil {
		return nil
	}
	return i.Extra.Xattrs
}

// Device gives the numbers of a device node.
func (i *Inode) Device() (major, minor int64) {
	if i.Extra == nil {
		return 0, 0
	}
	return i.Extra.Major, i.Extra.Minor
}

func (e *Extra) equal(o *Extra) bool {
	if e == nil || o == nil {
		return e == o
	}
	return e.Major == o.Major && e.Minor == o.Minor &&
		e.AccessTime.Equal(o.AccessTime) && e.ChangeTime.Equal(o.ChangeTime) &&
		maps.Equal(e.Xattrs, o.Xattrs) && maps.Equal(e.Records, o.Records)
}

// rootOwner owns what no layer has an entry for.
var rootOwner = &Owner{}

// impliedDir is a folder without an entry: what Docker and containerd make of it,
// but for the time, which they take from the clock.
func impliedDir(layer int32) *Inode {
	return &Inode{Type: Dir, Mode: 0o755, Owner: rootOwner, Origin: Origin{Layer: layer, Index: -1, Offset: -1}}
}
