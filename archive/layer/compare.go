package layer

import (
	"fmt"
	"path"
	"strings"
)

// Aspect is what can differ between two files; aspects add up.
type Aspect uint16

// The aspects of a file. Added and Removed stand alone.
const (
	Added Aspect = 1 << iota
	Removed
	TypeChanged
	ModeChanged
	OwnerChanged
	TimeChanged
	LinkChanged    // target of a symlink
	DeviceChanged  // numbers of a device
	XattrsChanged  // extended attributes
	RecordsChanged // further PAX records, access and change time
	ContentChanged // where both trees have sums, else the size
	NamesChanged   // which paths are hardlinks of each other
)

var aspectNames = []string{
	"added", "removed", "type", "mode", "owner", "time", "link target", "device numbers", "extended attributes", "PAX records",
	"content", "hardlinks",
}

// String lists the aspects for people.
func (a Aspect) String() string {
	var names []string
	for i, name := range aspectNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Change is a path at which two trees differ.
type Change struct {
	Path    string
	Aspects Aspect
	// Before and After are nil for what was added or removed. Callers may not
	// change them.
	Before, After *Inode
}

// Compare calls visit for each path at which two trees differ, parents first,
// sorted, until it is false. Content is compared by the sums of
// [MergeOptions.Sums], which both trees must have; no file is read.
func Compare(a, b *Tree, visit func(Change) bool) {
	c := &comparison{visit: visit, pairs: map[*Inode]*Inode{}, back: map[*Inode]*Inode{}}
	c.folder(".", a.root, b.root)
}

type comparison struct {
	visit func(Change) bool
	// pairs say which hardlinked inode of one tree is which of the other.
	pairs, back map[*Inode]*Inode
}

// folder compares two nodes at one path and all below them.
func (c *comparison) folder(p string, a, b *node) bool {
	if aspects := c.aspects(a, b); aspects != 0 && !c.visit(Change{p, aspects, inodeOf(a), inodeOf(b)}) {
		return false
	}
	for left, right := range pairUp(a, b) {
		name := nameOf(left, right)
		if !c.folder(path.Join(p, name), left, right) {
			return false
		}
	}
	return true
}

func inodeOf(n *node) *Inode {
	if n == nil {
		return nil
	}
	return n.inode
}

func nameOf(a, b *node) string {
	if a != nil {
		return a.name
	}
	return b.name
}

// pairUp gives the children of two folders by name, nil where one has none.
func pairUp(a, b *node) func(yield func(a, b *node) bool) {
	return func(yield func(a, b *node) bool) {
		left, right := a.sortedOrNone(), b.sortedOrNone()
		for len(left) > 0 || len(right) > 0 {
			var l, r *node
			if len(right) == 0 || len(left) > 0 && left[0].name <= right[0].name {
				l = left[0]
			}
			if len(left) == 0 || len(right) > 0 && right[0].name <= left[0].name {
				r = right[0]
			}
			if l != nil {
				left = left[1:]
			}
			if r != nil {
				right = right[1:]
			}
			if !yield(l, r) {
				return
			}
		}
	}
}

func (n *node) sortedOrNone() []*node {
	if n == nil {
		return nil
	}
	return n.sorted()
}

func (c *comparison) aspects(a, b *node) Aspect {
	switch {
	case a == nil:
		return Added
	case b == nil:
		return Removed
	}
	aspects := a.inode.differsFrom(b.inode)
	if !c.sameGroup(a.inode, b.inode) {
		aspects |= NamesChanged
	}
	return aspects
}

// sameGroup reports that both inodes have one name, or have been each other's
// at all paths so far.
func (c *comparison) sameGroup(a, b *Inode) bool {
	if a.names <= 1 && b.names <= 1 {
		return true
	}
	pair, ok := c.pairs[a]
	backPair, backOK := c.back[b]
	if !ok && !backOK {
		c.pairs[a], c.back[b] = b, a
		return a.names == b.names
	}
	return pair == b && backPair == a && a.names == b.names
}

// Differs tells in what two inodes differ; of content it knows the size, and the
// sum where both have one.
func (i *Inode) Differs(o *Inode) Aspect { return i.differsFrom(o) }

func (i *Inode) differsFrom(o *Inode) Aspect {
	if i.Type != o.Type {
		return TypeChanged
	}
	var a Aspect
	mark := func(differs bool, aspect Aspect) {
		if differs {
			a |= aspect
		}
	}
	mark(i.Mode != o.Mode, ModeChanged)
	mark(*i.Owner != *o.Owner, OwnerChanged)
	mark(i.sec != o.sec || i.nsec != o.nsec, TimeChanged)
	mark(i.Link != o.Link, LinkChanged)
	mark(i.Size != o.Size || i.sum != o.sum, ContentChanged)
	a |= i.Extra.differsFrom(o.Extra)
	return a
}

func (e *Extra) differsFrom(o *Extra) Aspect {
	if e.equal(o) {
		return 0
	}
	if e == nil {
		e = &Extra{}
	}
	if o == nil {
		o = &Extra{}
	}
	var a Aspect
	if e.Major != o.Major || e.Minor != o.Minor {
		a |= DeviceChanged
	}
	if !(&Extra{Xattrs: e.Xattrs}).equal(&Extra{Xattrs: o.Xattrs}) {
		a |= XattrsChanged
	}
	left, right := *e, *o
	left.Xattrs, left.Major, left.Minor = right.Xattrs, right.Major, right.Minor
	if !left.equal(&right) {
		a |= RecordsChanged
	}
	return a
}

func (i *Inode) sameAttributes(o *Inode) bool { return i.differsFrom(o) == 0 }

// CheckEqual fails with an error that matches [ErrDiffer] and names the first
// paths at which two trees differ, as in [Compare].
func CheckEqual(a, b *Tree) error {
	const shown = 3
	var found []string
	more := 0
	Compare(a, b, func(c Change) bool {
		if len(found) < shown {
			found = append(found, fmt.Sprintf("%q (%s)", c.Path, c.Aspects))
			return true
		}
		more++
		return true
	})
	switch {
	case len(found) == 0:
		return nil
	case more > 0:
		return fmt.Errorf("%w at %s and %d more", ErrDiffer, strings.Join(found, ", "), more)
	}
	return fmt.Errorf("%w at %s", ErrDiffer, strings.Join(found, ", "))
}
