package convert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// workshop holds what a run makes: blobs, and the images that stand in for
// others.
type workshop struct {
	*archive.Made // over nothing
	// done are new images by the manifest digest of the old ones.
	done map[digest.Digest]*archive.Node
	told int // notes of the plan so far
}

// newWorkshop begins the run of a plan; temporary files are made in dir.
func (b *builder) newWorkshop(dir string) *workshop {
	return &workshop{Made: archive.NewMade(nil, dir), done: map[digest.Digest]*archive.Node{}, told: len(b.plan.Notes)}
}

// over gives the source of images of a and of all that was made: what several
// sources hold is made once.
func (w *workshop) over(a *archive.Archive) *archive.Made { return w.Over(a) }

// isWhole reports that image n of r can be read. Below an index, an image that
// lacks a layer is carried as it is, and told.
func (b *builder) isWhole(r *root, n *archive.Node) (bool, error) {
	what, err := fault(n)
	if err == nil {
		return true, nil
	}
	if n == r.image.Node || !errors.Is(err, archive.ErrNotFound) {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	b.note("%s %s stays as it is: its %s is not in the source", archive.FormatPlatform(n.Platform()), n.Descriptor.Digest, what)
	return false, nil
}

// fault gives the first part of image n that cannot be read, and why.
func fault(n *archive.Node) (what string, err error) {
	if n.Config.Err != nil {
		return "config " + n.Manifest.Config.Digest.String(), n.Config.Err
	}
	for _, l := range n.Layers {
		if l.Err != nil {
			return "layer " + l.Descriptor.Digest.String(), l.Err
		}
	}
	return "", nil
}

// writeMade puts in what was made, tells what there is to say of it, and writes
// the archive.
func (b *builder) writeMade(ctx context.Context, made *workshop, opts RunOptions) error {
	if err := b.replace(made); err != nil {
		return err
	}
	if err := b.finish(); err != nil {
		return err
	}
	for _, note := range b.plan.Notes[made.told:] {
		if opts.Warn != nil {
			opts.Warn(note)
		}
	}
	return b.plan.Run(ctx, opts.WriteOptions)
}

// replace puts the new images in the place of the old ones, up to the roots.
// What was about an old one or about an index of it, an attestation or another
// referrer, says nothing of the new one and stays behind.
func (b *builder) replace(made *workshop) error {
	old := b.order
	b.clear()
	w := &rewriter{b: b, done: made.done, changes: changing(old, made.done), told: map[digest.Digest]bool{}}
	for _, r := range old {
		if w.drops(r.image.Node) {
			continue
		}
		node := w.rewrite(r.image.Node)
		notes := b.plan.Notes
		if err := b.add(&root{r.image.With(node, r.image.Names), r.from, made.over(r.from.Archive)}); err != nil {
			return err
		}
		b.plan.Notes = notes // what there is to say of names was said of the old images
	}
	return nil
}

// changing gives the digests of all that will not be there any more: of images
// that others stand in for, of indexes that name one of these, and of what is
// about one of these.
func changing(roots []*root, done map[digest.Digest]*archive.Node) map[digest.Digest]bool {
	var nodes []*archive.Node
	for _, r := range roots {
		nodes = append(nodes, r.image.Node)
	}
	follow := map[digest.Digest][]digest.Digest{} // what changes with it
	_ = archive.Walk(nodes, func(n *archive.Node) error {
		follow[n.Subject()] = append(follow[n.Subject()], n.Descriptor.Digest)
		for _, child := range n.Children {
			follow[child.Descriptor.Digest] = append(follow[child.Descriptor.Digest], n.Descriptor.Digest)
		}
		return nil
	})
	changes := map[digest.Digest]bool{}
	for next := slices.Collect(maps.Keys(done)); len(next) > 0; {
		d := next[len(next)-1]
		next = next[:len(next)-1]
		if !changes[d] {
			changes[d] = true
			next = append(next, follow[d]...)
		}
	}
	return changes
}

// rewriter puts new images in.
type rewriter struct {
	b       *builder
	done    map[digest.Digest]*archive.Node
	changes map[digest.Digest]bool
	told    map[digest.Digest]bool // what was dropped
}

// drops reports that n is about what changes, and tells it once.
func (w *rewriter) drops(n *archive.Node) bool {
	if !w.changes[n.Subject()] {
		return false
	}
	if !w.told[n.Descriptor.Digest] {
		w.told[n.Descriptor.Digest] = true
		w.b.note("%s %s stays behind: it is about %s as it was", n.Kind(), n.Descriptor.Digest, n.Subject())
	}
	return true
}

// rewrite gives n with new images in it, or n itself where there is none.
func (w *rewriter) rewrite(n *archive.Node) *archive.Node {
	if stand := w.done[n.Descriptor.Digest]; stand != nil {
		return restated(n, stand)
	}
	if !w.changes[n.Descriptor.Digest] {
		return n
	}
	var children []*archive.Node
	becomesOCI := false
	for _, child := range n.Children {
		if w.drops(child) {
			continue
		}
		next := w.rewrite(child)
		children = append(children, next)
		becomesOCI = becomesOCI || archive.IsDocker(child.Descriptor.MediaType) && !archive.IsDocker(next.Descriptor.MediaType)
	}
	if !becomesOCI || !archive.IsDocker(n.Descriptor.MediaType) {
		return reindex(n, children)
	}
	w.b.note("%s: its media type becomes OCI's, as those of its images", n.Descriptor.Digest)
	return reindexAs(n, archive.OCIMediaType(n.Descriptor.MediaType), children)
}
