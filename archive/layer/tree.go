package layer

import (
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
)

// Tree is a merged filesystem: what the layers of an image give one over the
// other. [Stack.Merge] makes it. It is safe for concurrent use; nothing changes
// it afterwards.
//
// A tree takes about 250 bytes for each path, names, link targets and attributes
// besides.
type Tree struct {
	root *node
	// version counts the entries that were applied and the folders that were made
	// for them, so that each state of an inode has a number of its own.
	version int32
}

// node is a name in a folder. Hardlinks are nodes that share their inode.
type node struct {
	name     string
	parent   *node // the root has none
	inode    *Inode
	children *children // of a folder
	layer    int32     // that bound the name
	length   int32     // bytes of the path; -1 for the root, whose children have no slash before them
}

func newTree() *Tree {
	return &Tree{root: &node{name: ".", inode: impliedDir(0), length: -1}}
}

// File is a path of a tree and what lies there. Callers may not change it.
type File struct {
	Path string // relative, "." for the root
	// Layer counts from the lowest layer, 0: the one that put this name here.
	Layer int
	*Inode
}

func (n *node) file() File {
	return File{Path: n.path(), Layer: int(n.layer), Inode: n.inode}
}

// path spells where n is.
func (n *node) path() string {
	if n.parent == nil {
		return "."
	}
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// Lstat gives what lies at a path, which links on the way may lead to; at its
// end a symlink is given as it is. It fails with [fs.ErrNotExist] where nothing
// lies there, with [ErrLoop] where links do not end.
func (t *Tree) Lstat(name string) (File, error) {
	return t.stat(name, false)
}

// Stat is [Tree.Lstat], but follows a symlink at the end of the path too. Links
// never lead out of the image: its root is the root of absolute ones, and `..`
// stays there.
func (t *Tree) Stat(name string) (File, error) {
	return t.stat(name, true)
}

func (t *Tree) stat(name string, follow bool) (File, error) {
	n, err := t.find(name, follow)
	if err != nil {
		return File{}, err
	}
	return n.file(), nil
}

// find resolves a path that a person wrote, where `..` is no fault. A slash at
// its end asks for a folder, as in path_resolution(7).
func (t *Tree) find(name string, follow bool) (*node, error) {
	n, err := t.resolve(name, follow || strings.HasSuffix(name, "/"), nil)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w", name, err)
	case n == nil, strings.HasSuffix(name, "/") && n.inode.Type != Dir:
		return nil, fmt.Errorf("%q: %w", name, fs.ErrNotExist)
	}
	return n, nil
}

// List gives what lies in a folder, which links may lead to, sorted by name.
func (t *Tree) List(dir string) ([]File, error) {
	n, err := t.find(dir, true)
	if err != nil {
		return nil, err
	}
	if n.inode.Type != Dir {
		return nil, fmt.Errorf("%q: it is a %s, not a folder", dir, n.inode.Type)
	}
	var files []File
	for _, child := range n.sorted() {
		files = append(files, child.file())
	}
	return files, nil
}

// Walk gives all paths at and below a folder, parents first, the paths of each
// folder sorted by the bytes of their names. A path that is no folder gives
// itself.
func (t *Tree) Walk(dir string) (iter.Seq[File], error) {
	n, err := t.find(dir, true)
	if err != nil {
		return nil, err
	}
	return func(yield func(File) bool) {
		n.walk(n.path(), func(p string, n *node) bool {
			return yield(File{Path: p, Layer: int(n.layer), Inode: n.inode})
		})
	}, nil
}

// walk visits n, which lies at p, and all below it until visit is false.
func (n *node) walk(p string, visit func(string, *node) bool) bool {
	if !visit(p, n) {
		return false
	}
	for _, child := range n.sorted() {
		if !child.walk(path.Join(p, child.name), visit) {
			return false
		}
	}
	return true
}

// sorted gives the children by name. Callers may not change the slice.
func (n *node) sorted() []*node { return n.children.sorted() }

// Len is the number of paths below the root.
func (t *Tree) Len() int { return t.root.count() - 1 }

func (n *node) count() int {
	total := 1
	for child := range n.children.all() {
		total += child.count()
	}
	return total
}

// Clone gives a tree of its own that is as t is, to be changed by [Tree.Apply].
func (t *Tree) Clone() *Tree { return t.clone() }

// clone copies the whole tree, with inodes of its own.
func (t *Tree) clone() *Tree {
	inodes := map[*Inode]*Inode{}
	return &Tree{root: t.root.clone(nil, inodes), version: t.version}
}

func (n *node) clone(parent *node, inodes map[*Inode]*Inode) *node {
	c := *n
	c.parent = parent
	c.inode = inodes[n.inode]
	if c.inode == nil {
		inode := *n.inode
		c.inode = &inode
	}
	if n.inode.names > 1 {
		inodes[n.inode] = c.inode
	}
	c.children = n.children.clone(func(child *node) *node { return child.clone(&c, inodes) })
	return &c
}

// Folders gives each folder with what lies in it, sorted by name, parents first.
func (t *Tree) Folders() iter.Seq2[string, []File] {
	return func(yield func(string, []File) bool) {
		t.root.walk(".", func(p string, n *node) bool {
			if n.inode.Type != Dir {
				return true
			}
			var files []File
			for _, child := range n.sorted() {
				files = append(files, File{Path: path.Join(p, child.name), Layer: int(child.layer), Inode: child.inode})
			}
			return yield(p, files)
		})
	}
}
