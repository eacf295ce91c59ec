package convert

import (
	"fmt"
	"maps"
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
)

// builder gathers images from sources into a plan.
type builder struct {
	plan   *Plan
	filter filter
	mend   bool
	joins  bool // all images to one
	target *Target
	order  []*root
	roots  map[digest.Digest]*root
	owners map[string]*root // by full name
}

// root is an image to write and where it came from.
type root struct {
	image *archive.Image
	from  Source
	// blobs gives its content: the source, and what was made for it.
	blobs archive.Source
}

func newBuilder(to ref.Ref, opts Options) (*builder, error) {
	filter, err := newFilter(opts)
	if err != nil {
		return nil, err
	}
	b := &builder{plan: &Plan{To: to, Content: &archive.Content{}}, filter: filter, mend: opts.mend, joins: opts.As != "", target: opts.For}
	b.clear()
	return b, nil
}

// clear forgets all images.
func (b *builder) clear() {
	b.order, b.roots, b.owners = nil, map[digest.Digest]*root{}, map[string]*root{}
}

func (b *builder) note(format string, args ...any) {
	b.plan.Notes = append(b.plan.Notes, fmt.Sprintf(format, args...))
}

// take adds the chosen images of one source.
func (b *builder) take(s Source, images []*archive.Image) error {
	m := &mender{source: s, note: b.note}
	for _, image := range images {
		if b.filter.drops(image) {
			continue
		}
		if b.mend {
			if image = m.mended(image); image == nil {
				continue
			}
		}
		if err := sound(image.Node); err != nil {
			return fmt.Errorf("carry image %q of %q: %w", title(image), s.Path, err)
		}
		node, err := b.filter.apply(s, image, b.note)
		if err != nil {
			return err
		}
		if err := b.add(&root{image.With(node, b.namesOf(image)), s, s.Archive}); err != nil {
			return err
		}
	}
	b.takeFields(s)
	return nil
}

// sound fails where an index below n is not what its digest says: nothing that is
// chosen of it is what was meant. [archive.Content.Add] looks at the rest.
func sound(n *archive.Node) error {
	return archive.Walk([]*archive.Node{n}, func(n *archive.Node) error {
		if n.Index == nil {
			return nil
		}
		return n.Damage
	})
}

// namesOf gives the names that an image keeps: none where it is to be joined with
// others.
func (b *builder) namesOf(image *archive.Image) []archive.Name {
	if b.joins {
		return nil
	}
	return slices.Clone(image.Names)
}

// add takes one root in. The same digest from another source adds its names; a
// name that means two images would lose one of them.
func (b *builder) add(r *root) error {
	digest := r.image.Descriptor.Digest
	have, ok := b.roots[digest]
	if !ok {
		b.roots[digest] = r
		b.order = append(b.order, r)
		have = r
	}
	for _, name := range r.image.Names {
		owner := b.owners[name.Key()]
		switch {
		case owner == nil:
			b.owners[name.Key()] = have
		case owner != have && owner.from.Archive != r.from.Archive:
			return fmt.Errorf("name %q is %s in %q and %s in %q; convert them one by one and give one another --name",
				name, owner.image.Descriptor.Digest, owner.from.Path, digest, r.from.Path)
		case owner != have:
			b.note("name %q stands for %s and for %s; many tools see one of them alone", name, owner.image.Descriptor.Digest, digest)
		}
	}
	if have != r {
		have.image.Join(r.image)
	}
	return nil
}

// takeFields keeps what the source's index.json has beside its images.
func (b *builder) takeFields(s Source) {
	c := b.plan.Content
	for _, key := range slices.Sorted(maps.Keys(s.IndexFields)) {
		value := s.IndexFields[key]
		have, ok := c.IndexFields[key]
		switch {
		case !ok && c.IndexFields == nil:
			c.IndexFields = map[string]archive.RawJSON{key: value}
		case !ok:
			c.IndexFields[key] = value
		case !archive.SameJSON(have, value):
			b.note("index.json field %q differs between the sources; that of the first is kept", key)
		}
	}
}

// name calls the images by the names that they are to have.
func (b *builder) name(names []archive.Name) error {
	switch {
	case len(b.order) == 0 && len(b.plan.Notes) > 0: // which nobody will see
		return fmt.Errorf("nothing to write: no image is left (%s): %w", b.plan.Notes[0], archive.ErrNotFound)
	case len(b.order) == 0:
		return fmt.Errorf("nothing to write: no image is left: %w", archive.ErrNotFound)
	}
	if len(names) > 0 {
		return b.rename(names)
	}
	return nil
}

// finish fills the plan's content.
func (b *builder) finish() error {
	if err := b.fill(b.plan.Content); err != nil {
		return err
	}
	b.warnings()
	return nil
}

// check fails with what finish would fail with, for work that comes before that.
func (b *builder) check() error { return b.fill(&archive.Content{}) }

func (b *builder) fill(c *archive.Content) error {
	for _, r := range b.order {
		if err := c.Add(r.image, r.blobs); err != nil {
			return fmt.Errorf("carry image %q of %q: %w", title(r.image), r.from.Path, err)
		}
	}
	return c.Fits(b.plan.To.Transport)
}

// rename calls the one image by the given names and no others.
func (b *builder) rename(names []archive.Name) error {
	if len(b.order) != 1 {
		return fmt.Errorf("%q is a name for one image, and %d are chosen; choose one with --image", names[0], len(b.order))
	}
	var distinct []archive.Name
	for _, name := range names {
		if !slices.Contains(distinct, name) {
			distinct = append(distinct, name)
		}
	}
	b.order[0].image = b.order[0].image.Called(distinct)
	return nil
}
