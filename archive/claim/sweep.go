package claim

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// Tell is told what was removed and what cannot be, one line each.
type Tell func(format string, args ...any)

const killed = "which a run that was killed left"

// Sweep removes what runs that were killed left beside name, below root.
func Sweep(root *os.Root, name string, tell Tell) {
	dir, base := path.Split(name)
	for _, temp := range temporary(root, path.Clean(dir)) {
		if of, _, _ := split(path.Base(temp)); of == base {
			sweepOne(root, temp, tell)
		}
	}
}

// SweepFolder is Sweep for whatever name in the folder that root is.
func SweepFolder(root *os.Root, tell Tell) {
	for _, temp := range temporary(root, ".") {
		sweepOne(root, temp, tell)
	}
}

// sweepOne removes what stands under a temporary name, unless its run lives, and
// tells.
func sweepOne(root *os.Root, temp string, tell Tell) {
	if remove(root, temp, tell) {
		tell("removed %s, %s", place(root, temp), killed)
	}
}

// remove is sweepOne, and leaves it to the caller to tell what it removed.
func remove(root *os.Root, temp string, tell Tell) (removed bool) {
	lock, err := takeSettled(root, temp)
	if isLiving(err) {
		return false
	}
	if err == nil {
		err = errors.Join(removeAll(root, temp), lock.Close())
	}
	if err != nil {
		tell("%s may be what a run that was killed left, and cannot be removed: %v", place(root, temp), err)
	}
	return err == nil
}

// settled is how old something is when its maker has locked it, as a rule.
const settled = 50 * time.Millisecond

// takeSettled is take for what may just have been made, and not locked yet. Its
// maker then removes it and makes another one, so that nobody is told of it.
func takeSettled(root *os.Root, temp string) (*os.File, error) {
	lock, err := take(root, temp)
	if err != nil {
		return nil, err
	}
	info, err := lock.Stat()
	if err == nil {
		if age := time.Since(info.ModTime()); age >= 0 && age < settled {
			time.Sleep(settled - age)
			err = isStill(root, temp, lock)
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// place is where a file below root is, as the user knows it.
func place(root *os.Root, name string) string {
	return filepath.Join(root.Name(), filepath.FromSlash(name))
}

// isLiving reports that what was to be taken is somebody's, may be, or is gone.
func isLiving(err error) bool {
	return errors.Is(err, errHeld) || errors.Is(err, errNoLocks) || errors.Is(err, fs.ErrNotExist)
}

// SweepMarked removes the files in those folders below root that runs were about
// to write which are no more, and their marks, which are called after mark.
func SweepMarked(root *os.Root, mark string, folders []string, tell Tell) {
	runs := map[string][]string{} // what there is of each run, by its digits
	for _, folder := range folders {
		for _, temp := range temporary(root, folder) {
			_, id, _ := split(path.Base(temp))
			runs[id] = append(runs[id], temp)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(runs)) {
		sweepRun(root, (&Claim{id: id}).For(mark), runs[id], tell)
	}
}

// sweepRun removes files of the run with that mark, unless it lives. A file that
// was seen before its mark was found gone is no longer being written: a run makes
// its mark first and removes it last.
func sweepRun(root *os.Root, mark string, temps []string, tell Tell) {
	held, err := take(root, mark)
	if isLiving(err) && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if held != nil {
		defer held.Close() // it was only locked
	}
	var removed []string
	for _, temp := range temps {
		if temp != mark && remove(root, temp, tell) {
			removed = append(removed, temp)
		}
	}
	if held != nil && root.Remove(mark) == nil {
		removed = append(removed, mark)
	}
	switch len(removed) {
	case 0:
	case 1:
		tell("removed %s, %s", place(root, removed[0]), killed)
	default:
		tell("removed %s, %s, and its files: %d", place(root, removed[len(removed)-1]), killed, len(removed)-1)
	}
}

// Is reports a temporary name.
func Is(base string) bool {
	_, _, ok := split(base)
	return ok
}

// Abandoned gives a mark in the folder that root is, called after name, whose run
// is no more, or nothing.
func Abandoned(root *os.Root, name string) string {
	for _, temp := range temporary(root, ".") {
		if of, _, _ := split(temp); of != name {
			continue
		}
		if lock, err := take(root, temp); err == nil {
			_ = lock.Close() // it was only locked
			return temp
		}
	}
	return ""
}

// temporary gives the temporary names in a folder below root, sorted. It gives
// none where the folder cannot be read, or nothing can be told of them.
func temporary(root *os.Root, folder string) []string {
	if !Locks {
		return nil
	}
	dir, err := root.Open(folder)
	if err != nil {
		return nil
	}
	defer dir.Close()
	all, _ := dir.Readdirnames(-1) // what it gives before an error is something
	var temps []string
	for _, base := range all {
		if _, _, ok := split(base); ok {
			temps = append(temps, path.Join(folder, base))
		}
	}
	slices.Sort(temps)
	return temps
}

// removeAll removes a file or a folder, one that has folders without permissions
// too: unpacking makes them.
func removeAll(root *os.Root, name string) error {
	err := root.RemoveAll(name)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = fs.WalkDir(root.FS(), name, func(at string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return root.Chmod(at, 0o700)
		}
		return nil
	})
	return root.RemoveAll(name)
}
