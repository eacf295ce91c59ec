package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
)

// LayerFiles is one layer of an image as it stands, whatever the other layers
// have. It is valid until its archive is closed.
type LayerFiles struct {
	stack  *layer.Stack
	number int
}

// LayerNumber gives the layer of image n that a person means by a number: counted
// from the lowest, 0, or from above where it is negative, -1 for the uppermost.
func LayerNumber(n *archive.Node, number int) (int, error) {
	at, count := number, len(n.Layers)
	if at < 0 {
		at += count
	}
	switch {
	case count == 0:
		return 0, fmt.Errorf("no layer %d: the image has none", number)
	case at < 0 || at >= count:
		return 0, fmt.Errorf("no layer %d: the image has %d, counted from 0", number, count)
	}
	return at, nil
}

// OpenLayer gives a layer of image n, as [LayerNumber] numbers it, whether or not
// the others are in a. Nothing is read.
func OpenLayer(a *archive.Archive, n *archive.Node, number int, opts archive.StackOptions) (*LayerFiles, error) {
	at, err := LayerNumber(n, number)
	if err != nil {
		return nil, err
	}
	return &LayerFiles{archive.StackOf(a, n.Layers, opts), at}, nil
}

// Number is the number of the layer, from 0.
func (l *LayerFiles) Number() int { return l.number }

// List lists the entries at or in paths. Links are not followed.
//
// With opts.Recursive all entries at and below paths are told in the order of the
// tar while Each reads the layer; else List reads it, and what is in a folder is
// sorted, with the folders among it that the layer has no entry for.
func (l *LayerFiles) List(ctx context.Context, paths []string, opts ListOptions) (Listing, error) {
	r := &layerLister{LayerFiles: l, opts: opts}
	for _, p := range paths {
		r.asked = append(r.asked, &asked{as: p, path: relative(p)})
	}
	if opts.Recursive {
		all := Group{Each: func(visit func(Entry) error) error { return r.stream(ctx, visit) }}
		return Listing{[]Group{all}, r.missing}, nil
	}
	if err := r.read(ctx, r.sort); err != nil {
		return Listing{}, err
	}
	return r.listing(), nil
}

// layerLister sorts the entries of a layer to the paths that were asked for.
type layerLister struct {
	*LayerFiles
	opts  ListOptions
	asked []*asked
	kept  int
}

// asked is a path that was asked for.
type asked struct {
	as, path string
	found    bool
	folder   bool          // it is one, or something lies below it
	itself   []layer.Entry // what stands at the path and is no folder
	children []layer.Entry
	implied  map[string]bool // folders in it that something lies below
}

func (l *layerLister) read(ctx context.Context, visit func(layer.Entry) error) error {
	err := l.stack.Read(ctx, l.number, func(e layer.Entry, _ io.Reader) error { return visit(e) })
	if err != nil {
		return fmt.Errorf("layer %d: %w", l.number, err)
	}
	return nil
}

// stream tells of the entries at and below what was asked for, but not of the
// folders asked for themselves.
func (l *layerLister) stream(ctx context.Context, visit func(Entry) error) error {
	return l.read(ctx, func(e layer.Entry) error {
		wanted := false
		for _, a := range l.asked {
			_, below := cutParent(e.Path, a.path)
			if e.Path == a.path || below {
				a.found = true
				wanted = wanted || below || e.Type != layer.Dir
			}
		}
		if !wanted {
			return nil
		}
		return visit(l.entry(absolute(e.Path), e))
	})
}

// cutParent gives the path below parent that p is.
func cutParent(p, parent string) (rest string, below bool) {
	if parent == "." {
		return p, p != "."
	}
	if rest, below = strings.CutPrefix(p, parent); below {
		rest, below = strings.CutPrefix(rest, "/")
	}
	return rest, below
}

// sort keeps what is to be listed of an entry.
func (l *layerLister) sort(e layer.Entry) error {
	for _, a := range l.asked {
		l.kept += a.take(e, l.opts.Itself)
	}
	if l.kept > layer.MaxEntries {
		return fmt.Errorf("entries: %w of %d", layer.ErrTooLarge, layer.MaxEntries)
	}
	return nil
}

// take keeps e where it is asked for, and gives how much was kept.
func (a *asked) take(e layer.Entry, itself bool) int {
	rest, below := cutParent(e.Path, a.path)
	name, _, deeper := strings.Cut(rest, "/")
	switch {
	case e.Path == a.path && (itself || e.Type != layer.Dir && e.Type != layer.Opaque):
		a.found, a.itself = true, append(a.itself, e)
	case e.Path == a.path && e.Type == layer.Opaque:
		a.found, a.folder, a.children = true, true, append(a.children, e)
	case e.Path == a.path, below && itself:
		a.found, a.folder = true, true
		return 0
	case below && (deeper || e.Type == layer.Opaque):
		a.found, a.folder = true, true
		if a.implied[name] {
			return 0
		}
		if a.implied == nil {
			a.implied = map[string]bool{}
		}
		a.implied[strings.Clone(name)] = true
	case below:
		a.found, a.folder, a.children = true, true, append(a.children, e)
	default:
		return 0
	}
	return 1
}

// listing gives what was kept.
func (l *layerLister) listing() Listing {
	var alone []Entry
	var folders []Group
	for _, a := range l.asked {
		for _, e := range a.itself {
			alone = append(alone, l.entry(a.as, e))
		}
		switch {
		case l.opts.Itself && len(a.itself) == 0 && a.folder:
			alone = append(alone, bareEntry(a.as, a.path, layer.Dir, l.number))
		case a.folder && !l.opts.Itself, a.isEmptyRoot():
			folders = append(folders, Group{Folder: a.as, Each: eachOf(l.children(a))})
		}
	}
	return newListing(alone, folders, l.missing())
}

// isEmptyRoot: the root is there, whatever a layer has.
func (a *asked) isEmptyRoot() bool { return a.path == "." && !a.found }

// children gives what is in a folder, sorted by name. What has one name stands in
// the order of the tar.
func (l *layerLister) children(a *asked) []Entry {
	var entries []Entry
	for _, e := range a.children {
		rest, _ := cutParent(e.Path, a.path)
		if e.Path == a.path {
			rest = "."
		}
		if !e.Type.IsMarker() {
			delete(a.implied, rest)
		}
		entries = append(entries, l.entry(rest, e))
	}
	for _, name := range slices.Sorted(maps.Keys(a.implied)) {
		entries = append(entries, bareEntry(name, a.path+"/"+name, layer.Dir, l.number))
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

func (l *layerLister) entry(name string, e layer.Entry) Entry {
	return newEntry(name, e.Path, l.number, &e.Inode)
}

func (l *layerLister) missing() error {
	var errs []error
	for _, a := range l.asked {
		if !a.found && a.path != "." {
			errs = append(errs, fmt.Errorf("%q: %w in layer %d", a.as, fs.ErrNotExist, l.number))
		}
	}
	return errors.Join(errs...)
}
