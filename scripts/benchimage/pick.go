package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// largeSize parts small files, which are most of an image by number, from large
// ones, which are most of it by bytes.
const largeSize = 64 << 10

// file is a regular file of this machine.
type file struct {
	path string // where it is
	name string // what the image calls it: slashes, none in front
	size int64
	perm fs.FileMode
}

// link is a symbolic link.
type link struct {
	name, target string
}

// found is what the roots hold, in the order of the walk.
type found struct {
	small, large []file
	links        map[string][]link // by the folder that they are in
}

// walk finds what there is below roots. Files over limit bytes are left out,
// and so is what this user may not read.
func walk(ctx context.Context, roots []root, limit int64) (found, error) {
	f := found{links: map[string][]link{}}
	seen := map[string]bool{} // roots may lie in each other
	for _, r := range roots {
		err := filepath.WalkDir(r.path, func(p string, e fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return context.Cause(ctx)
			case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case e.IsDir() && p == r.skip:
				return fs.SkipDir
			}
			name := imageName(p)
			// What begins so would be a whiteout in a layer.
			if seen[name] || strings.HasPrefix(path.Base(name), ".wh.") {
				return nil
			}
			seen[name] = !e.IsDir()
			return f.add(p, name, e, limit)
		})
		if err != nil {
			return found{}, err
		}
	}
	return f, nil
}

// imageName is the whole path of a file on this machine as a layer has it.
func imageName(p string) string {
	return strings.TrimLeft(filepath.ToSlash(strings.TrimPrefix(p, filepath.VolumeName(p))), "/")
}

func (f *found) add(p, name string, e fs.DirEntry, limit int64) error {
	switch {
	case e.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(p)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		f.links[dir] = append(f.links[dir], link{name, filepath.ToSlash(target)})
	case e.Type().IsRegular():
		info, err := e.Info()
		if err != nil {
			return err
		}
		got := file{path: p, name: name, size: info.Size(), perm: info.Mode().Perm()}
		switch {
		case got.size > limit || !readable(p):
		case got.size < largeSize:
			f.small = append(f.small, got)
		default:
			f.large = append(f.large, got)
		}
	}
	return nil
}

func readable(p string) bool {
	r, err := os.Open(p)
	if err != nil {
		return false
	}
	r.Close()
	return true
}

// pick takes count files of about size bytes together. Small and large ones
// alternate so that the mean size is held all the way, and any stretch of the
// result has the same mix. Where there are too few, they come again under
// another name.
func (f *found) pick(size int64, count int) ([]file, error) {
	small, large := stock{files: f.small}, stock{files: f.large}
	mean := size / int64(count)
	picked := make([]file, 0, count)
	var sum int64
	for len(picked) < count {
		var next file
		ok := false
		if sum < mean*int64(len(picked)) {
			next, ok = large.next(size - sum)
		}
		if !ok {
			next, ok = small.next(size - sum)
		}
		if !ok {
			break
		}
		sum += next.size
		picked = append(picked, next)
	}
	if off := size - sum; len(picked) < count || off > size/20 {
		return nil, fmt.Errorf("the files found make %d of %d files, %d of %d bytes; add folders with -from, or ask for another size",
			len(picked), count, sum, size)
	}
	return picked, nil
}

// stock gives out files in order, again and again.
type stock struct {
	files []file
	at    int
}

// next is the next file of at most limit bytes. It is false where there is none.
func (s *stock) next(limit int64) (file, bool) {
	for range s.files {
		round, i := s.at/len(s.files), s.at%len(s.files)
		s.at++
		if f := s.files[i]; f.size <= limit {
			if round > 0 {
				f.name = fmt.Sprintf("again%d/%s", round, f.name)
			}
			return f, true
		}
	}
	return file{}, false
}

func total(files []file) int64 {
	var sum int64
	for _, f := range files {
		sum += f.size
	}
	return sum
}
