package diff

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect"
)

// Effect tells what layer number of image n of a did to what lies below it. The
// number is as in [inspect.LayerNumber]. It reads that layer, and all below it.
// Its report has one platform, with the filesystem level alone.
func Effect(ctx context.Context, a *archive.Archive, n *archive.Node, number int, opts Options) (*Report, error) {
	at, err := checkLayer(n, number, opts)
	if err != nil {
		return nil, err
	}
	r := newReport(ModeLayer, a, a, opts)
	upper := opts.filesystem(a, n.Layers[:at+1])
	lower := opts.filesystem(a, n.Layers[:at])
	c := &comparison{Options: opts, a: lower, b: upper}
	if c.trees, err = opts.mergeLower(ctx, lower, upper); err != nil {
		return nil, err
	}
	c.collect()
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	p := Platform{A: instance(n), B: instance(n)}
	if err := c.tell(ctx, &p); err != nil {
		return nil, err
	}
	r.Layer = &LayerEffect{Layer: *newLayer(n, at), CreatedBy: createdBy(n, at)}
	if err := c.weigh(ctx, r.Layer); err != nil {
		return nil, err
	}
	r.add(n, p)
	return r, nil
}

func checkLayer(n *archive.Node, number int, opts Options) (int, error) {
	if err := opts.check(); err != nil {
		return 0, err
	}
	return inspect.LayerNumber(n, number)
}

// add puts the one platform into a report.
func (r *Report) add(n *archive.Node, p Platform) {
	p.Same = p.isSame()
	root := Root{Names: []string{}, Kind: n.Kind(), MediaType: n.Descriptor.MediaType, Digest: n.Descriptor.Digest}
	image := Image{A: root, B: root, Platforms: []Platform{p}}
	image.Same = image.isSame()
	r.Images = append(r.Images, image)
	r.judge()
}

// mergeLower merges the layers below one layer, and with it.
func (o Options) mergeLower(ctx context.Context, lower, upper *filesystem) (*trees, error) {
	u := &uppers{from: len(lower.keys), a: lower, b: upper, read: map[upperKey]*changes{}}
	if err := u.readAll(ctx, o.jobs()); err != nil {
		return nil, err
	}
	base, err := lower.stack.Merge(ctx, layer.MergeOptions{Marks: true})
	if err != nil {
		return nil, err
	}
	t := &trees{a: base, b: base.Clone(), marked: len(lower.keys)}
	return t, u.apply(ctx, t.b, upper, false)
}

// createdBy is the command of the step that made a layer: layers and steps that
// made one are paired from the lowest on.
func createdBy(n *archive.Node, at int) string {
	for _, step := range n.Config.History {
		if step.EmptyLayer {
			continue
		}
		if at == 0 {
			return step.CreatedBy
		}
		at--
	}
	return ""
}

// weigh adds up what the layer brings and what it covers.
func (c *comparison) weigh(ctx context.Context, e *LayerEffect) error {
	visible := map[layer.Origin]bool{}
	if err := eachFile(c.trees.b, func(f layer.File) {
		visible[f.Origin] = true
		if int(f.Origin.Layer) == e.Number {
			e.AddedBytes += f.Size
		}
	}); err != nil {
		return err
	}
	var covered, again []layer.File
	if err := eachFile(c.trees.a, func(f layer.File) {
		if visible[f.Origin] {
			return
		}
		e.WastedBytes += f.Size
		e.WastedFiles++
		over, err := c.trees.b.Lstat(f.Path)
		if err == nil && over.Path == f.Path && over.Type == layer.Regular && over.Size == f.Size {
			covered, again = append(covered, f), append(again, over)
		}
	}); err != nil {
		return err
	}
	before, after, err := c.digests(ctx, covered, again)
	if err != nil {
		return fmt.Errorf("compare content: %w", err)
	}
	for i := range covered {
		if before[i] == after[i] {
			e.SameBytes += covered[i].Size
			e.SameFiles++
		}
	}
	return nil
}

// eachFile visits the regular files of a tree, each once whatever names it has.
func eachFile(t *layer.Tree, visit func(layer.File)) error {
	all, err := t.Walk(".")
	if err != nil {
		return err
	}
	seen := map[*layer.Inode]bool{}
	for f := range all {
		if f.Type != layer.Regular || seen[f.Inode] {
			continue
		}
		if f.Names() > 1 {
			seen[f.Inode] = true
		}
		visit(f)
	}
	return nil
}

// Layers compares two layers of image n of a, each as it stands: entry by entry,
// whatever lies below them, markers among the entries. Of entries of one path the
// last one counts. The numbers are as in [inspect.LayerNumber]. It reads both.
func Layers(ctx context.Context, a *archive.Archive, n *archive.Node, numbers [2]int, opts Options) (*Report, error) {
	r := newReport(ModeLayers, a, a, opts)
	var sides [2]map[entryKey]*layer.Inode
	var fs [2]*filesystem
	var at [2]int
	for i := range numbers {
		var err error
		if at[i], err = checkLayer(n, numbers[i], opts); err != nil {
			return nil, err
		}
		fs[i] = opts.filesystem(a, n.Layers)
	}
	r.A.Layer, r.B.Layer = &at[0], &at[1]
	p := Platform{A: instance(n), B: instance(n)}
	if layerKey(n.Layers[at[0]]) != layerKey(n.Layers[at[1]]) {
		for i := range at {
			var err error
			if sides[i], err = entriesOf(ctx, fs[i].stack, at[i]); err != nil {
				return nil, err
			}
		}
	}
	c := &comparison{Options: opts, a: fs[0], b: fs[1], trees: &trees{}, changes: opts.compareEntries(sides[0], sides[1])}
	if err := c.tell(ctx, &p); err != nil {
		return nil, err
	}
	r.add(n, p)
	return r, nil
}

// entryKey tells entries of one layer apart: a folder may be opaque, and what a
// whiteout removes below may stand in the layer itself.
type entryKey struct {
	path   string
	marker layer.Type // Whiteout, Opaque or, for all else, Regular
}

func entriesOf(ctx context.Context, s *layer.Stack, at int) (map[entryKey]*layer.Inode, error) {
	entries := map[entryKey]*layer.Inode{}
	sums, budget := layer.NewSummer(), &layer.Budget{}
	err := s.Read(ctx, at, func(e layer.Entry, content io.Reader) error {
		if err := budget.Take(&e); err != nil {
			return err
		}
		if err := sums.Sum(ctx, &e, content); err != nil {
			return err
		}
		key := entryKey{path: e.Path}
		if e.Type.IsMarker() {
			key.marker = e.Type
		}
		inode := e.Inode
		entries[key] = &inode
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("layer %d: %w", at, err)
	}
	return entries, nil
}

// compareEntries compares the entries of two layers, sorted by path.
func (o Options) compareEntries(a, b map[entryKey]*layer.Inode) []FileChange {
	meant, ignored := matcher(o.Paths), o.ignoredAspects()
	var keys []entryKey
	for key := range a {
		keys = append(keys, key)
	}
	for key := range b {
		if a[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b entryKey) int {
		return cmp.Or(comparePaths(a.path, b.path), cmp.Compare(a.marker, b.marker))
	})
	var out []FileChange
	for _, key := range keys {
		if !meant(key.path) {
			continue
		}
		c := entryChange(key.path, a[key], b[key])
		if c.Aspects &^= ignored; c.Kind != Changed || c.Aspects != 0 {
			out = append(out, c)
		}
	}
	return out
}

func entryChange(p string, a, b *layer.Inode) FileChange {
	found := layer.Change{Path: p, Before: a, After: b}
	switch {
	case a == nil:
		found.Aspects = layer.Added
	case b == nil:
		found.Aspects = layer.Removed
	case a.Type.IsMarker():
	default:
		found.Aspects = a.Differs(b)
	}
	return newChange(found)
}

// comparePaths sorts paths as a walk through their folders does.
func comparePaths(a, b string) int {
	names := func(p string) []string {
		if p == "." {
			return nil
		}
		return strings.Split(p, "/")
	}
	return slices.Compare(names(a), names(b))
}
