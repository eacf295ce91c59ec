package diff

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"path"
	"runtime"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"golang.org/x/sync/errgroup"
)

// filesystem is a list of layers, the lowest first, of one side.
type filesystem struct {
	stack *layer.Stack
	keys  []string // what tells layers apart, as layerKey gives it
}

func (o Options) filesystem(from archive.Source, layers []archive.Layer) *filesystem {
	f := &filesystem{stack: archive.StackOf(from, layers, archive.StackOptions{
		MaxExpansion: o.MaxExpansion, Jobs: o.jobs(), Progress: o.Progress, TempDir: o.TempDir,
	})}
	for _, l := range layers {
		f.keys = append(f.keys, layerKey(l))
	}
	return f
}

func (o Options) jobs() int {
	if o.Jobs > 0 {
		return o.Jobs
	}
	return runtime.GOMAXPROCS(0)
}

// trees are the filesystems of both sides, merged.
type trees struct {
	a, b *layer.Tree
	// marked is the number of lowest layers whose files have marks in place of
	// sums.
	marked int
	// partial says that the trees have only what the differing layers have, which
	// is all that can differ.
	partial bool
}

// merge merges two filesystems that differ. What the layers at the bottom of both
// are is merged once and not summed; where all the others have the same entries on
// both sides, what lies below them is not read at all.
func (o Options) merge(ctx context.Context, a, b *filesystem) (*trees, error) {
	n := 0
	for n < len(a.keys) && n < len(b.keys) && a.keys[n] == b.keys[n] {
		n++
	}
	if n == 0 {
		return o.mergeApart(ctx, a, b)
	}
	u := &uppers{from: n, a: a, b: b, read: map[upperKey]*changes{}}
	if err := u.readAll(ctx, o.jobs()); err != nil {
		return nil, err
	}
	if u.sameShape() {
		if t, ok := u.partial(); ok {
			return t, nil
		}
	}
	lower := *a.stack
	lower.Layers = lower.Layers[:n]
	base, err := lower.Merge(ctx, layer.MergeOptions{Marks: true})
	if err != nil {
		return nil, err
	}
	t := &trees{a: base, b: base.Clone(), marked: n}
	if err := u.apply(ctx, t.a, a, false); err != nil {
		return nil, fmt.Errorf("side A: %w", err)
	}
	if err := u.apply(ctx, t.b, b, false); err != nil {
		return nil, fmt.Errorf("side B: %w", err)
	}
	return t, nil
}

// mergeApart merges what has nothing in common, both sides at once.
func (o Options) mergeApart(ctx context.Context, a, b *filesystem) (*trees, error) {
	t := &trees{}
	group, ctx := errgroup.WithContext(ctx)
	merge := func(f *filesystem, side string, out **layer.Tree) func() error {
		stack := *f.stack
		stack.Jobs = max(o.jobs()/2, 1)
		return func() (err error) {
			if *out, err = stack.Merge(ctx, layer.MergeOptions{Sums: true}); err != nil {
				return fmt.Errorf("side %s: %w", side, err)
			}
			return nil
		}
	}
	group.Go(merge(a, "A", &t.a))
	group.Go(merge(b, "B", &t.b))
	return t, group.Wait()
}

// uppers are the layers of both sides above those that both have.
type uppers struct {
	from int // the lowest of them
	a, b *filesystem
	read map[upperKey]*changes
}

// upperKey is equal for layers that are read once: what is the same layer at the
// same place. A tree has the number of the layer in it, so that others differ.
type upperKey struct {
	key   string
	place int
}

// changes are a layer, read with sums.
type changes struct {
	layer.Changeset
	// shape is equal for layers with the same raw entries in path, type and link.
	shape [sha256.Size]byte
	// marked are the folders that markers act in, or on.
	marked []string
	uses   int
}

// readAll reads the layers, both sides at once.
func (u *uppers) readAll(ctx context.Context, jobs int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	budget := &layer.Budget{}
	for _, f := range []*filesystem{u.a, u.b} {
		for i := u.from; i < len(f.keys); i++ {
			key := upperKey{f.keys[i], i}
			c := u.read[key]
			if c == nil {
				c = &changes{}
				u.read[key] = c
				group.Go(func() error { return c.fill(ctx, f.stack, i, budget) })
			}
			c.uses++
		}
	}
	return group.Wait()
}

// fill reads layer i.
func (c *changes) fill(ctx context.Context, s *layer.Stack, i int, budget *layer.Budget) error {
	sums, shape := layer.NewSummer(), sha256.New()
	err := s.Read(ctx, i, func(e layer.Entry, content io.Reader) error {
		if err := budget.Take(&e); err != nil {
			return err
		}
		if err := sums.Sum(ctx, &e, content); err != nil {
			return err
		}
		addShape(shape, &e)
		switch e.Type {
		case layer.Whiteout:
			c.marked = append(c.marked, path.Dir(e.Path))
		case layer.Opaque:
			c.marked = append(c.marked, e.Path)
		}
		c.Add(e)
		return nil
	})
	if err != nil {
		return fmt.Errorf("layer %d: %w", i, err)
	}
	shape.Sum(c.shape[:0])
	return nil
}

// addShape hashes what makes the structure of a tree: path, type and link target.
func addShape(h hash.Hash, e *layer.Entry) {
	var head [17]byte
	head[0] = byte(e.Type)
	binary.BigEndian.PutUint64(head[1:], uint64(len(e.Path)))
	binary.BigEndian.PutUint64(head[9:], uint64(len(e.Link)))
	h.Write(head[:])
	io.WriteString(h, e.Path) // a hash takes all
	io.WriteString(h, e.Link)
}

// sameShape reports that both sides have as many layers with the same entries.
func (u *uppers) sameShape() bool {
	if len(u.a.keys) != len(u.b.keys) {
		return false
	}
	for i := u.from; i < len(u.a.keys); i++ {
		if u.of(u.a, i).shape != u.of(u.b, i).shape {
			return false
		}
	}
	return true
}

func (u *uppers) of(f *filesystem, i int) *changes { return u.read[upperKey{f.keys[i], i}] }

// apply puts the layers of one side over a tree. Unless keep is true, those that
// nobody needs any more give their memory back.
func (u *uppers) apply(ctx context.Context, t *layer.Tree, f *filesystem, keep bool) error {
	for i := u.from; i < len(f.keys); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := u.of(f, i)
		c.uses--
		if err := t.Apply(i, &c.Changeset, layer.ApplyOptions{Keep: keep || c.uses > 0}); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

// partial merges the layers alone, as if nothing lay below them. That has all that
// can differ if the layers have the same shape on both sides, and if none of their
// paths and links depends on what lies below: each folder on a way has an entry of
// its own, so that no symlink can be in its place. It reports false where one
// does.
func (u *uppers) partial() (*trees, bool) {
	t := &trees{a: layer.NewTree(), b: layer.NewTree(), partial: true}
	return t, u.stands(t.a, u.a) && u.stands(t.b, u.b)
}

// stands applies the layers of one side to an empty tree, and reports that nothing
// below could change what that gives.
func (u *uppers) stands(t *layer.Tree, f *filesystem) bool {
	for i := u.from; i < len(f.keys); i++ {
		c, leans := u.of(f, i), false
		if i > u.from { // markers of the lowest one act below alone
			for _, dir := range c.marked {
				leans = leans || !isOwn(t, dir)
			}
		}
		err := t.Apply(i, &c.Changeset, layer.ApplyOptions{Keep: true, Watch: func(e *layer.Entry, _ *layer.Inode, _ bool) {
			leans = leans || !isOwn(t, path.Dir(e.Path)) || e.Type == layer.Hardlink && !isOwn(t, path.Dir(e.Link))
		}})
		if err != nil || leans {
			return false
		}
	}
	return true
}

// isOwn reports a folder of t that an entry made, and so all above it: t began
// empty, and what goes takes with it what lies below.
func isOwn(t *layer.Tree, dir string) bool {
	f, err := t.Lstat(dir)
	return err == nil && f.Path == dir && f.Type == layer.Dir && (dir == "." || !f.Origin.Implied())
}
