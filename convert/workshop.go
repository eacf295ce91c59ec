package convert

import (
	"context"
	"errors"
	"fmt"

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
	if err := n.Intact(); err != nil {
		return false, fmt.Errorf("%q: %w", r.from.Path, err)
	}
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
func (b *builder) writeMade(ctx context.Context, made *workshop, policy referrers, opts RunOptions) error {
	if err := b.replace(made, policy); err != nil {
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
