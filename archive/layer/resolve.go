package layer

import (
	"fmt"
	"strings"
)

// makeMissing stands in for a component of a path that is not there, or is no
// folder while the path goes on: old is what lies there, or nil. A file that a
// symlink leads to never gives way.
type makeMissing func(dir *node, name string, old *node) (*node, error)

// resolve walks from the root along p, through symlinks to folders, and never
// out of the root. A symlink at the end is followed if follow is true. What is
// missing on the way is nil, or what missing makes of it.
func (t *Tree) resolve(p string, follow bool, missing makeMissing) (*node, error) {
	at, links := t.root, 0
	for rest := p; ; {
		var name string
		name, rest = nextName(rest)
		switch name {
		case "":
			return at, nil
		case ".":
			continue
		case "..":
			at = parentOf(at)
			continue
		}
		next := at.children[name]
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
		if next == nil || !last && next.inode.Type != Dir {
			if missing == nil {
				return nil, nil //nolint:nilnil // nothing lies there; only callers in this package see it
			}
			if next != nil && links > 0 {
				return nil, fmt.Errorf("a symlink on its way leads to %q, no folder: %w", next.path(), ErrMalformed)
			}
			made, err := missing(at, name, next)
			if err != nil {
				return nil, err
			}
			next = made
		}
		at = next
	}
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
