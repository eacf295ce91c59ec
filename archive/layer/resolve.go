package layer

import (
	"fmt"
	"strings"
)

// makeMissing makes a folder that is not there; old is the file that lies in its
// place, or nil. A file that a symlink leads to never gives way.
type makeMissing func(dir *node, name string, old *node) (*node, error)

// resolve walks from the root along p, through symlinks to folders, and never
// out of the root. A symlink at the end is followed if follow is true. Where
// something is missing, the result is nil; or, if missing is set, all of p are
// folders that missing makes. As with containerd and umoci, `..` in a symlink
// takes back a name that is not there, which then is not made.
func (t *Tree) resolve(p string, follow bool, missing makeMissing) (*node, error) {
	at, links := t.root, 0
	var absent []string // below at
	for rest := p; ; {
		var name string
		name, rest = nextName(rest)
		switch {
		case name == "":
			return makeFolders(at, absent, missing)
		case name == ".":
			continue
		case name == ".." && len(absent) > 0:
			absent = absent[:len(absent)-1]
			continue
		case name == "..":
			at = parentOf(at)
			continue
		case len(absent) > 0:
			absent = append(absent, name)
			continue
		}
		next := at.children.get(name)
		last := strings.Trim(rest, "/") == ""
		if next != nil && next.inode.Type == Symlink && (!last || follow) {
			if links++; links > maxLinks {
				return nil, ErrLoop
			}
			if strings.HasPrefix(next.inode.Link, "/") {
				at = t.root
			}
			rest = next.inode.Link + "/" + rest
			continue
		}
		isFile := next != nil && next.inode.Type != Dir && (!last || missing != nil)
		switch {
		case isFile && missing == nil:
			return nil, nil //nolint:nilnil // nothing lies there; only callers in this package see it
		case isFile && links > 0:
			return nil, fmt.Errorf("a symlink on its way leads to %q, no folder: %w", next.path(), ErrMalformed)
		case isFile || next == nil:
			absent = append(absent, name)
		default:
			at = next
		}
	}
}

// makeFolders makes the folders of names, each below the one before, and gives
// the last one; nil where none can be made.
func makeFolders(at *node, names []string, missing makeMissing) (*node, error) {
	for _, name := range names {
		if missing == nil {
			return nil, nil //nolint:nilnil // as in resolve
		}
		var err error
		if at, err = missing(at, name, at.children.get(name)); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// nextName cuts the first name off a path; it is empty at the end.
func nextName(p string) (name, rest string) {
	p = strings.TrimLeft(p, "/")
	name, rest, _ = strings.Cut(p, "/")
	return name, rest
}

func parentOf(n *node) *node {
	if n.parent == nil {
		return n
	}
	return n.parent
}
