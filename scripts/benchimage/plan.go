package main

import (
	"archive/tar"
	"maps"
	"path"
	"slices"
	"strings"
)

// How often upper layers change what is below, and any layer links. Package
// upgrades in real images come to some percent.
const (
	overwriteEvery = 20  // of a layer's own files, one goes to a name of a lower layer
	hardlinkEvery  = 100 // of a layer's own files, one has a second name
)

// entry is one header of a layer, with the file that it is filled from.
type entry struct {
	name   string
	kind   byte // a type flag of archive/tar
	target string
	from   file
}

// planLayers gives each layer its entries, sorted by name, so that folders come
// before what is in them and files before their links.
func planLayers(picked []file, links map[string][]link, count int) [][]entry {
	s := stack{live: map[string]bool{}, links: links, dirs: map[string]bool{".": true}}
	var layers [][]entry
	for i, own := range shares(picked, count) {
		l := layer{}
		if i > 0 {
			own = s.change(l, own, i)
		}
		l.addFiles(own)
		layers = append(layers, s.push(l))
	}
	return layers
}

// shares cuts files into one piece for each layer; the lowest, as the base of an
// image, is three times as large as each other.
func shares(files []file, count int) [][]file {
	var pieces [][]file
	for i := range count {
		from, to := 0, len(files)*(i+3)/(count+2)
		if i > 0 {
			from = len(files) * (i + 2) / (count + 2)
		}
		pieces = append(pieces, files[from:to])
	}
	return pieces
}

// layer is the entries of a layer that is being planned, by name.
type layer map[string]entry

func (l layer) add(e entry) { l[e.name] = e }

func (l layer) addFile(name string, f file) {
	l.add(entry{name: name, kind: tar.TypeReg, from: f})
}

func (l layer) addFiles(files []file) {
	for i, f := range files {
		l.addFile(f.name, f)
		if i%hardlinkEvery == hardlinkEvery-1 {
			l.add(entry{name: f.name + ".hardlink", kind: tar.TypeLink, target: f.name})
		}
	}
}

// addWhiteout adds the empty file that deletes something (image-spec v1.1
// layer.md, "Whiteouts").
func (l layer) addWhiteout(name string) {
	l.add(entry{name: name, kind: tar.TypeReg})
}

// stack is what the layers so far come to.
type stack struct {
	live  map[string]bool // files and hard links that are there
	dirs  map[string]bool // folders that some layer has
	links map[string][]link
}

// change has layer i delete and overwrite names below it, and returns what is
// left of its own files.
func (s *stack) change(l layer, own []file, i int) []file {
	if dir := s.someLeaf(i); dir != "" && len(own) > 0 {
		l.addWhiteout(dir + "/.wh..wh..opq")
		maps.DeleteFunc(s.live, func(name string, _ bool) bool { return path.Dir(name) == dir })
		l.addFile(dir+"/replaced", own[0])
		own = own[1:]
	}
	names := slices.Sorted(maps.Keys(s.live))
	changes := min(len(own)/overwriteEvery, len(names)/2)
	for j := range changes {
		at := j * len(names) / changes // two or more apart
		l.addFile(names[at], own[j])
		deleted := names[at+1]
		delete(s.live, deleted)
		l.addWhiteout(path.Dir(deleted) + "/.wh." + path.Base(deleted))
	}
	return own[changes:]
}

// someLeaf is a folder of some files and no folders, another one for each layer,
// or "" where there is none.
func (s *stack) someLeaf(i int) string {
	files := map[string]int{}
	inner := map[string]bool{}
	for name := range s.live {
		dir := path.Dir(name)
		files[dir]++
		for dir != "." && !inner[path.Dir(dir)] {
			dir = path.Dir(dir)
			inner[dir] = true
		}
	}
	maps.DeleteFunc(files, func(dir string, n int) bool { return n < 5 || inner[dir] || dir == "." })
	if len(files) == 0 {
		return ""
	}
	return slices.Sorted(maps.Keys(files))[i*7919%len(files)] // a prime: anywhere
}

// push ends the planning of a layer: it gets its folders, and the symbolic links
// of those that are new.
func (s *stack) push(l layer) []entry {
	for _, e := range slices.Collect(maps.Values(l)) {
		if !strings.HasPrefix(path.Base(e.name), ".wh.") {
			s.live[e.name] = true
		}
		for dir := path.Dir(e.name); dir != "."; dir = path.Dir(dir) {
			l.add(entry{name: dir, kind: tar.TypeDir})
			if s.dirs[dir] {
				continue
			}
			s.dirs[dir] = true
			for _, link := range s.links[dir] {
				l.add(entry{name: link.name, kind: tar.TypeSymlink, target: link.target})
			}
		}
	}
	return slices.SortedFunc(maps.Values(l), func(a, b entry) int { return strings.Compare(a.name, b.name) })
}
