package layer

import (
	"fmt"
	"path"
	"strings"
)

// Changeset is one layer, read: its entries in order, markers apart. The zero
// value is empty. It is not safe for concurrent use.
type Changeset struct {
	markers []Entry
	added   chunks
	// entries and text are what a [Budget] counted of it.
	entries, text int64
}

// Add takes the next entry of the layer.
func (c *Changeset) Add(e Entry) {
	c.entries++
	c.text += e.text()
	if e.Type.IsMarker() {
		c.markers = append(c.markers, e)
		return
	}
	c.added.add(e)
}

// ApplyOptions says how to apply a changeset. The zero value stops at the first
// entry that cannot be applied.
type ApplyOptions struct {
	// Keep leaves the changeset as it is, to be applied again. Without it, its
	// memory is given back while it is applied.
	Keep bool
	// Fault is told of an entry that cannot be applied, which is then left out.
	Fault func(*EntryError)
	// Watch is told of each entry before it is put in: what its own layer had at
	// its path so far, or nil, and whether the path led through a symlink.
	Watch func(e *Entry, earlier *Inode, throughLink bool)
}

// NewTree gives the empty filesystem that the lowest layer is applied to.
func NewTree() *Tree { return newTree() }

// Apply puts layer number n over the tree, which nobody else may use meanwhile
// (image-spec v1.1 layer.md, "Applying Changesets"). It fails with an
// [*EntryError].
//
// Markers act on the layers below alone, wherever they stand in their own, so
// they come first and are resolved in the tree as the layers below left it.
func (t *Tree) Apply(n int, c *Changeset, opts ApplyOptions) error {
	t.removeMarked(c.markers)
	for e := range c.added.all(opts.Keep) {
		err := t.add(int32(n), e, opts.Watch)
		if err == nil {
			continue
		}
		fault := &EntryError{Path: e.Path, Offset: e.Origin.Offset, Err: err}
		if opts.Fault == nil {
			return fault
		}
		opts.Fault(fault)
	}
	return nil
}

// removeMarked removes what markers name. All are looked up before the first one
// acts, so that their order does not count. What is not there is no error.
func (t *Tree) removeMarked(markers []Entry) {
	var doomed, emptied []*node
	for _, m := range markers {
		n, err := t.resolve(m.Path, m.Type == Opaque, nil)
		switch {
		case err != nil || n == nil:
		case m.Type == Opaque:
			emptied = append(emptied, n)
		case n != t.root:
			doomed = append(doomed, n)
		}
	}
	for _, n := range doomed {
		n.remove()
	}
	for _, n := range emptied {
		n.empty()
	}
}

// add puts one entry into the tree.
func (t *Tree) add(layer int32, e *Entry, watch func(*Entry, *Inode, bool)) error {
	if t.version++; t.version > MaxEntries {
		return fmt.Errorf("entries, as often as they are applied, and folders without one: %w of %d", ErrTooLarge, MaxEntries)
	}
	if e.Path == "." {
		return t.setRoot(layer, e)
	}
	dir, name := path.Split(e.Path)
	parent, err := t.resolve(dir, true, func(at *node, name string, old *node) (*node, error) {
		dir := impliedDir(layer)
		dir.version = t.version
		t.version++
		return at.bind(name, old, dir, layer)
	})
	if err != nil {
		return err
	}
	old := parent.children.get(name)
	if watch != nil {
		watch(e, old.addedBy(layer), parent.path() != path.Clean(dir))
	}
	if e.Type == Hardlink {
		return t.link(layer, e, parent, name, old)
	}
	inode := e.Inode
	inode.version = t.version
	if old != nil && old.inode.Type == Dir && e.Type == Dir {
		old.inode.names--
		inode.names = 1
		old.inode, old.layer = &inode, layer
		return nil
	}
	_, err = parent.bind(name, old, &inode, layer)
	return err
}

// addedBy gives the inode of n if an entry of that layer put it there.
func (n *node) addedBy(layer int32) *Inode {
	if n == nil || n.layer != layer || n.inode.Origin.Implied() {
		return nil
	}
	return n.inode
}

func (t *Tree) setRoot(layer int32, e *Entry) error {
	if e.Type != Dir {
		return fmt.Errorf("the root is a folder, not a %s: %w", e.Type, ErrMalformed)
	}
	inode := e.Inode
	inode.version = t.version
	t.root.inode, t.root.layer = &inode, layer
	return nil
}

// link gives the inode at the entry's target another name. As with Docker and
// containerd, what the entry says of owner, mode, time and attributes holds for
// the inode. Its size says nothing.
func (t *Tree) link(layer int32, e *Entry, parent *node, name string, old *node) error {
	target, err := t.resolve(e.Link, false, nil)
	switch {
	case err != nil:
		return fmt.Errorf("hardlink to %q: %w", e.Link, err)
	case target == nil:
		return fmt.Errorf("hardlink to %q, which is not there: %w", e.Link, ErrMalformed)
	case target.inode.Type == Dir:
		return fmt.Errorf("hardlink to %q, which is a folder: %w", e.Link, ErrMalformed)
	}
	target.inode.touch(&e.Inode, t.version)
	if target == old {
		old.layer = layer
		return nil
	}
	_, err = parent.bind(name, old, target.inode, layer)
	return err
}

// touch takes over the attributes of a hardlink's header.
func (i *Inode) touch(link *Inode, version int32) {
	before := *i
	i.Owner, i.sec, i.nsec = link.Owner, link.sec, link.nsec
	if i.Type != Symlink {
		i.Mode = link.Mode
	}
	if len(link.Xattrs()) > 0 {
		extra := Extra{Xattrs: link.Extra.Xattrs}
		if i.Extra != nil {
			extra = *i.Extra
			extra.Xattrs = link.Extra.Xattrs
		}
		i.Extra = &extra
	}
	if !before.sameAttributes(i) {
		i.version = version
	}
}

// bind puts inode under a name of the folder n in place of old, which may be
// nil, and of everything below old.
func (n *node) bind(name string, old *node, inode *Inode, layer int32) (*node, error) {
	if strings.HasPrefix(name, whiteoutPrefix) {
		return nil, fmt.Errorf("a symlink on its way leads to %q, a whiteout: %w", path.Join(n.path(), name), ErrMalformed)
	}
	child := &node{name: strings.Clone(name), parent: n, inode: inode, layer: layer, length: n.length + int32(len(name)) + 1}
	if child.length > MaxPath {
		return nil, fmt.Errorf("path of %d bytes through symlinks: %w of %d", child.length, ErrTooLarge, MaxPath)
	}
	inode.names++ // before old goes, which may be its last name
	if old != nil {
		old.release()
	}
	if n.children == nil {
		n.children = &children{}
	}
	n.children.set(child)
	return child, nil
}

// remove takes n and everything below it out of its folder, unless that was
// done before.
func (n *node) remove() {
	if n.parent.children.get(n.name) == n {
		n.release()
		n.parent.children.remove(n.name)
	}
}

// release counts the names that go with n.
func (n *node) release() {
	n.inode.names--
	n.empty()
}

// empty takes out everything below n, once.
func (n *node) empty() {
	for child := range n.children.all() {
		child.release()
	}
	n.children = nil
}

// chunkSize is how many entries are freed at once while a layer is applied.
const chunkSize = 1024

// chunks is a list that gives its memory back while it is read.
type chunks struct{ list [][]Entry }

func (c *chunks) add(e Entry) {
	last := len(c.list) - 1
	if last < 0 || len(c.list[last]) == chunkSize {
		c.list = append(c.list, nil)
		last++
	}
	c.list[last] = append(c.list[last], e)
}

// all gives the entries in order. Unless keep is true, that works once.
func (c *chunks) all(keep bool) func(yield func(*Entry) bool) {
	return func(yield func(*Entry) bool) {
		for i, chunk := range c.list {
			if !keep {
				c.list[i] = nil
			}
			for k := range chunk {
				if !yield(&chunk[k]) {
					return
				}
			}
		}
	}
}
