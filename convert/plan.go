package convert

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
)

// Source is an opened archive and what of it is meant.
type Source struct {
	*archive.Archive
	// Image selects one image of it, as [archive.Archive.Find] does; empty
	// means those that [Options.Images] selects.
	Image string
}

// Options says what to take from the sources and what to call it. The zero
// value takes everything as it is.
type Options struct {
	// Images selects images, by name, tag, @N or digest. Each selector must fit
	// in at least one source. None means all.
	Images []string
	// Platforms selects platforms, OS/ARCH[/VARIANT]; each image must have all
	// of them. None, or "all", means all.
	Platforms []string
	// Names are what the one image that is taken is to be called, in place of
	// the names that it has.
	Names []archive.Name
	// StripAttestations leaves out BuildKit attestations.
	StripAttestations bool
	// For is what the result is for, or nil. What it does not take is left out,
	// but for the compression of layers, which [NewRecompress] changes.
	For *Target
	// As joins all images that are taken to one of several platforms, by this
	// name. Empty means that they stay apart.
	As archive.Name

	mend bool // what the sources say, for [NewRepair]
}

// Plan says what will be written, and where. It is made by [NewPlan] and valid
// until the sources are closed.
type Plan struct {
	To      ref.Ref
	Content *archive.Content
	// Notes tell what is left out, changed or not taken by common targets, one
	// line each.
	Notes []string
}

// NewPlan decides what to write to the archive at to. It reads no layer. It
// fails with an [*archive.SelectionError] where something chosen is not there,
// with [archive.ErrSame] where to is a source, and with whatever keeps an image
// from being carried whole.
func NewPlan(sources []Source, to ref.Ref, opts Options) (*Plan, error) {
	b, err := gather(sources, to, opts)
	if err != nil {
		return nil, err
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	return b.plan, nil
}

// gather takes in what is chosen of the sources, under the names that it is to
// have.
func gather(sources []Source, to ref.Ref, opts Options) (*builder, error) {
	to, err := archive.ResolveTarget(to)
	if err != nil {
		return nil, err
	}
	if err := opts.For.checkForm(to.Transport); err != nil {
		return nil, err
	}
	b, err := newBuilder(to, opts)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(sources, opts.Images)
	if err != nil {
		return nil, err
	}
	for i, s := range sources {
		if to.Path != ref.Stdio && s.Holds(to.Path) {
			return nil, fmt.Errorf("write %q: it %w", to.Path, archive.ErrSame)
		}
		if err := b.take(s, chosen[i]); err != nil {
			return nil, err
		}
	}
	if opts.As != "" {
		return b, b.join(opts.As)
	}
	return b, b.name(opts.Names)
}

// Run writes what p says; see [archive.Write].
func (p *Plan) Run(ctx context.Context, opts archive.WriteOptions) error {
	return archive.Write(ctx, p.To, p.Content, opts)
}

// choose gives the images to take of each source.
func choose(sources []Source, selectors []string) ([][]*archive.Image, error) {
	chosen := make([][]*archive.Image, len(sources))
	found := make([]bool, len(selectors))
	var missing error
	for i, s := range sources {
		fitting, err := fit(s, selectors, found, &missing)
		if err != nil {
			return nil, err
		}
		if len(fitting) == 0 && len(selectors) > 0 {
			continue
		}
		if chosen[i], err = s.Find(fitting...); err != nil {
			return nil, err
		}
	}
	for i, selector := range selectors {
		switch {
		case !found[i] && missing != nil:
			return nil, missing
		case !found[i]:
			return nil, fmt.Errorf("no source is left for image %q: each names its own: %w", selector, archive.ErrNotFound)
		}
	}
	return chosen, nil
}

// fit gives the selectors that mean something in s. Of those that do not, it
// keeps the error for the case that they fit nowhere.
func fit(s Source, selectors []string, found []bool, missing *error) ([]string, error) {
	if s.Image != "" {
		return []string{s.Image}, nil
	}
	var fitting []string
	for i, selector := range selectors {
		_, err := s.Find(selector)
		var selection *archive.SelectionError
		switch {
		case err == nil:
			found[i] = true
			fitting = append(fitting, selector)
		case !errors.As(err, &selection) || selection.Ambiguous:
			return nil, err
		case !found[i]:
			*missing = err
		}
	}
	return fitting, nil
}
