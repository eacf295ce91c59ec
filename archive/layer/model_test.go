package layer_test

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive/layer"
)

// model is a filesystem as slow and as plain as can be: a map of real paths, ""
// for the root. It is written from the rules, not from the package.
type model map[string]*modelInode

type modelInode struct {
	item
	implied bool
}

// modelEntry is one entry of a random layer.
type modelEntry struct {
	kind   string // those of item, whiteout and opaque
	path   string // clean: for a marker what it acts on
	spell  string // how the tar has it
	target string
	attr   item // mode, owner, time, content, numbers and attributes
}

func (m model) clone() model {
	c := model{}
	inodes := map[*modelInode]*modelInode{}
	for p, n := range m {
		if inodes[n] == nil {
			copied := *n
			inodes[n] = &copied
		}
		c[p] = inodes[n]
	}
	return c
}

func (m model) root() *modelInode {
	if m[""] == nil {
		m[""] = &modelInode{item: item{kind: "dir", mode: 0o755}, implied: true}
	}
	return m[""]
}

// apply puts a layer over m: markers first, all resolved in what lies below.
func (m model) apply(entries []modelEntry) error {
	var doomed []string
	for _, e := range entries {
		if e.kind == "whiteout" || e.kind == "opaque" {
			doomed = append(doomed, m.doomed(e)...)
		}
	}
	for _, p := range doomed {
		delete(m, p)
	}
	for _, e := range entries {
		if e.kind == "whiteout" || e.kind == "opaque" {
			continue
		}
		if err := m.add(e); err != nil {
			return err
		}
	}
	return nil
}

// doomed gives the paths that a marker removes.
func (m model) doomed(e modelEntry) []string {
	p, ok := m.find(e.path, e.kind == "opaque")
	if !ok || p == "" && e.kind == "whiteout" {
		return nil
	}
	var paths []string
	for q := range m {
		if below(q, p) || q == p && e.kind == "whiteout" {
			paths = append(paths, q)
		}
	}
	return paths
}

// below reports that the path q leads through the folder p.
func below(q, p string) bool { return q != p && (p == "" || strings.HasPrefix(q, p+"/")) }

// find gives the real path of what lies at p.
func (m model) find(p string, follow bool) (string, bool) {
	real, _, err := m.real(p, follow)
	if err != nil || real != "" && m[real] == nil {
		return "", false
	}
	return real, true
}

// real resolves symlinks on the way to p, and at its end if follow is true. What
// is not there counts as a folder. It reports whether there were links.
func (m model) real(p string, follow bool) (real string, linked bool, err error) {
	m.root()
	names := strings.Split(p, "/")
	links := 0
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if name == "" || name == "." {
			continue
		}
		if name == ".." {
			real = parent(real)
			continue
		}
		next := path.Join(real, name)
		last := strings.Join(names, "") == ""
		n := m[next]
		switch {
		case n != nil && n.kind == "symlink" && (!last || follow):
			if links++; links > 40 {
				return "", true, layer.ErrLoop
			}
			if strings.HasPrefix(n.target, "/") {
				real = ""
			}
			names = append(strings.Split(n.target, "/"), names...)
		case n != nil && n.kind != "dir" && !last:
			return "", links > 0, fmt.Errorf("%q is a file: %w", next, layer.ErrMalformed)
		default:
			real = next
		}
	}
	return real, links > 0, nil
}

func parent(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return ""
}

// folder gives the real path of a folder, made where it is not there. A file
// gives way unless a symlink leads to it.
func (m model) folder(p string) (string, error) {
	made := ""
	for _, name := range strings.Split(p, "/") {
		made = path.Join(made, name)
		if n := m[made]; n != nil && n.kind == "symlink" {
			return m.linkedFolder(p)
		}
	}
	return m.make(p), nil
}

func (m model) linkedFolder(p string) (string, error) {
	// Files that stand in the way before the first link give way, but then there
	// is nothing below them that could be a link.
	real, _, err := m.real(p, true)
	if err != nil {
		return "", err
	}
	for q := real; q != ""; q = parent(q) {
		if n := m[q]; n != nil && n.kind != "dir" {
			return "", fmt.Errorf("%q is a file: %w", q, layer.ErrMalformed)
		}
		if strings.HasPrefix(path.Base(q), ".wh.") {
			return "", fmt.Errorf("%q: %w", q, layer.ErrMalformed)
		}
	}
	return m.make(real), nil
}

// make makes all folders down to a real path.
func (m model) make(p string) string {
	if p == "" || p == "." {
		return ""
	}
	m.make(parent(p))
	if n := m[p]; n == nil || n.kind != "dir" {
		m[p] = &modelInode{item: item{kind: "dir", mode: 0o755, mtime: time.Unix(0, 0)}, implied: true}
	}
	return p
}

func (m model) add(e modelEntry) error {
	n := &modelInode{item: e.attr}
	n.kind, n.target = e.kind, e.target
	if e.path == "." {
		if e.kind != "dir" {
			return layer.ErrMalformed
		}
		m[""] = n
		return nil
	}
	dir, name := path.Split(e.path)
	dir, err := m.folder(path.Clean(dir))
	if err != nil {
		return err
	}
	p := path.Join(dir, name)
	if e.kind == "hardlink" {
		return m.link(p, e)
	}
	if old := m[p]; old != nil && old.kind == "dir" && e.kind == "dir" {
		m[p] = n
		return nil
	}
	m.replace(p, n)
	return nil
}

func (m model) replace(p string, n *modelInode) {
	for q := range m {
		if below(q, p) {
			delete(m, q)
		}
	}
	m[p] = n
}

func (m model) link(p string, e modelEntry) error {
	target, _, err := m.real(e.target, false)
	if err != nil {
		return err
	}
	n := m[target]
	if n == nil || n.kind == "dir" {
		return layer.ErrMalformed
	}
	n.uid, n.gid, n.mtime = e.attr.uid, e.attr.gid, e.attr.mtime
	if n.kind != "symlink" {
		n.mode = e.attr.mode
	}
	if len(e.attr.extra) > 0 {
		n.extra = e.attr.extra
	}
	if target != p {
		m.replace(p, n)
	}
	return nil
}

// items gives the paths of m.
func (m model) items() []item {
	var items []item
	first := map[*modelInode]string{}
	for p, n := range m {
		if old, ok := first[n]; !ok || comparePaths(p, old) < 0 {
			first[n] = p
		}
	}
	for p, n := range m {
		i := n.item
		i.path = p
		switch {
		case p == "" && n.implied:
			continue
		case p == "":
			i.path = "."
		case first[n] != p:
			i = item{kind: "hardlink", path: p, target: first[n]}
		}
		items = append(items, i)
	}
	return items
}
