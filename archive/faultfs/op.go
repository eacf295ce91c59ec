//go:build linux && !386

package faultfs

// Kind says what an operation does. What the kernel asks for on its own, such as
// to forget a name, is none.
type Kind string

// The kinds of operation.
const (
	Lookup   Kind = "lookup" // of one name in a folder
	Stat     Kind = "stat"
	Access   Kind = "access"
	Statfs   Kind = "statfs"
	Open     Kind = "open"
	Create   Kind = "create"
	Read     Kind = "read"
	Write    Kind = "write"
	Seek     Kind = "seek" // to data or a hole
	Copy     Kind = "copy" // from one file to another
	Allocate Kind = "allocate"
	Sync     Kind = "sync"
	Close    Kind = "close"
	Lock     Kind = "lock"
	Setattr  Kind = "setattr" // mode, owner, size or times
	OpenDir  Kind = "opendir"
	ReadDir  Kind = "readdir"
	SyncDir  Kind = "syncdir"
	Mkdir    Kind = "mkdir"
	Mknod    Kind = "mknod"
	Rmdir    Kind = "rmdir"
	Unlink   Kind = "unlink"
	Rename   Kind = "rename"
	Link     Kind = "link"
	Symlink  Kind = "symlink"
	Readlink Kind = "readlink"
	GetXattr Kind = "getxattr" // or list them
	SetXattr Kind = "setxattr" // or remove them
	Ioctl    Kind = "ioctl"
)

// Op is one operation.
type Op struct {
	Kind Kind
	// Path is where the file was last looked up, below the mount.
	Path string
}

func (o Op) String() string { return string(o.Kind) + " " + o.Path }
