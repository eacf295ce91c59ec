package diff

import (
	"maps"
	"path"
	"slices"

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
		for dir := parentOf(c.Path); dir != ""; dir = parentOf(dir) {
			f := all[dir]
			if f == nil {
				f = &Folder{Path: dir}
				all[dir] = f
			}
			f.add(grown)
		}
	}
	var out []Folder
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		if f := all[dir]; f.Added != 0 || f.Removed != 0 {
			out = append(out, *f)
		}
	}
	return out
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
