package layer

import (
	"slices"
	"strings"
)

// fewChildren is how many names a folder has in a slice. Most folders have fewer,
// and a map takes hundreds of bytes for a single one.
const fewChildren = 16

// children are the nodes in a folder. Nil is an empty one.
type children struct {
	few  []*node          // sorted by name
	many map[string]*node // in its place where there are more
}

func (c *children) len() int {
	if c == nil {
		return 0
	}
	return len(c.few) + len(c.many)
}

// get gives the node of a name, or nil.
func (c *children) get(name string) *node {
	if c == nil {
		return nil
	}
	if c.many != nil {
		return c.many[name]
	}
	if i, ok := c.search(name); ok {
		return c.few[i]
	}
	return nil
}

func (c *children) search(name string) (int, bool) {
	return slices.BinarySearchFunc(c.few, name, func(n *node, name string) int { return strings.Compare(n.name, name) })
}

// set puts a node under its name, in place of what has that name.
func (c *children) set(n *node) {
	if c.many != nil {
		c.many[n.name] = n
		return
	}
	i, ok := c.search(n.name)
	switch {
	case ok:
		c.few[i] = n
	case len(c.few) < fewChildren:
		c.few = slices.Insert(c.few, i, n)
	default:
		c.many = make(map[string]*node, 2*fewChildren)
		for _, old := range c.few {
			c.many[old.name] = old
		}
		c.few = nil
		c.many[n.name] = n
	}
}

// remove takes out a name that is there.
func (c *children) remove(name string) {
	if c.many != nil {
		delete(c.many, name)
		return
	}
	if i, ok := c.search(name); ok {
		c.few = slices.Delete(c.few, i, i+1)
	}
}

// all gives the nodes in no order.
func (c *children) all() func(yield func(*node) bool) {
	return func(yield func(*node) bool) {
		if c == nil {
			return
		}
		for _, n := range c.few {
			if !yield(n) {
				return
			}
		}
		for _, n := range c.many {
			if !yield(n) {
				return
			}
		}
	}
}

// sorted gives the nodes by name. Callers may not change the slice.
func (c *children) sorted() []*node {
	switch {
	case c == nil:
		return nil
	case c.many == nil:
		return c.few
	}
	nodes := make([]*node, 0, len(c.many))
	for _, n := range c.many {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	return nodes
}

// clone copies the nodes with what copy makes of them.
func (c *children) clone(copied func(*node) *node) *children {
	if c.len() == 0 {
		return nil
	}
	out := &children{}
	if c.many != nil {
		out.many = make(map[string]*node, len(c.many))
	} else {
		out.few = make([]*node, 0, len(c.few))
	}
	for n := range c.all() {
		out.set(copied(n))
	}
	return out
}
