package diff

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive/layer"
)

// folders adds changes up over the folders that they lie in, sorted by path.
// Folders that neither gained nor lost a byte are left out.
func folders(changes []FileChange) []Folder {
	all := map[string]*Folder{}
	seen := map[*layer.Inode]bool{}
	once := func(f *File) int64 { // names of one file count once
		if f == nil || f.Names() > 1 && seen[f.Inode] {
			return 0
		}
		if f.Names() > 1 {
			seen[f.Inode] = true
		}
		return f.size()
	}
	for _, c := range changes {
		grown := once(c.After) - once(c.Before)
		dir := parentOf(c.Path)
		for d := dir; d != "" && all[d] == nil; d = parentOf(d) {
			all[d] = &Folder{Path: d}
		}
		if dir != "" {
			all[dir].add(grown)
		}
	}
	sumUp(all)
	var out []Folder
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		if f := all[dir]; f.Added != 0 || f.Removed != 0 {
			out = append(out, *f)
		}
	}
	return out
}

// sumUp adds each folder to the one that it lies in, the deepest first. Going up
// from each change would take the square of the depth, and paths of 2,000 folders
// are cheap to make.
func sumUp(all map[string]*Folder) {
	depth := func(dir string) int {
		if dir == "." {
			return 0
		}
		return 1 + strings.Count(dir, "/")
	}
	deepest := func(a, b *Folder) int { return cmp.Compare(depth(b.Path), depth(a.Path)) }
	for _, f := range slices.SortedFunc(maps.Values(all), deepest) {
		if parent := all[parentOf(f.Path)]; parent != nil {
			parent.Files += f.Files
			parent.Added += f.Added
			parent.Removed += f.Removed
		}
	}
}

func (f *Folder) add(grown int64) {
	f.Files++
	f.Added += max(grown, 0)
	f.Removed += max(-grown, 0)
}

// parentOf gives the folder that a path lies in, empty for the root.
func parentOf(p string) string {
	if p == "." {
		return ""
	}
	return path.Dir(p)
}
