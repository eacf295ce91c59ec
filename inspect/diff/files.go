package diff

import (
	"context"
	"fmt"
	"maps"

	"github.com/imgtool/imgtool/archive/layer"
)

// comparison is two filesystems that are being compared.
type comparison struct {
	Options
	a, b *filesystem
	*trees
	changes []FileChange
	// touched are paths whose content may differ, and moved says that a database of
	// packages may be another one: see touch.
	touched map[string]bool
	moved   bool
}

// compareFiles gives what differs between two filesystems, in paths that are
// meant. Without a tree nothing was read, for the layers are the same.
func (o Options) compareFiles(ctx context.Context, a, b *filesystem) (*comparison, error) {
	c := &comparison{Options: o, a: a, b: b, trees: &trees{}}
	if sameKeys(a.keys, b.keys) {
		return c, nil
	}
	var err error
	if c.trees, err = o.merge(ctx, a, b); err != nil {
		return nil, err
	}
	c.collect()
	if err := c.settle(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func sameKeys(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// collect takes over what the trees tell of each path.
func (c *comparison) collect() {
	meant, ignored := matcher(c.Paths), c.ignoredAspects()
	c.touched = map[string]bool{}
	layer.Compare(c.trees.a, c.trees.b, func(found layer.Change) bool {
		c.touch(found)
		if !meant(found.Path) {
			return true
		}
		change := newChange(found)
		change.Aspects &^= ignored
		if change.Kind != Changed || change.Aspects != 0 {
			c.changes = append(c.changes, change)
		}
		return true
	})
}

func newChange(found layer.Change) FileChange {
	c := FileChange{Path: found.Path, Kind: Changed, Before: newFile(found.Before), After: newFile(found.After)}
	switch {
	case found.Aspects&layer.Added != 0:
		c.Kind = Added
	case found.Aspects&layer.Removed != 0:
		c.Kind = Removed
	default:
		c.Aspects = aspectsOf(found.Aspects, found.Before, found.After)
	}
	return c
}

// sameAspects are those that a tree tells as a report does.
var sameAspects = []struct {
	from layer.Aspect
	to   Aspects
}{
	{layer.TypeChanged, AspectType}, {layer.TimeChanged, AspectTimes}, {layer.LinkChanged, AspectLink},
	{layer.NamesChanged, AspectHardlinks}, {layer.DeviceChanged, AspectDevice}, {layer.XattrsChanged, AspectXattrs},
	{layer.ContentChanged, AspectContent},
}

// aspectsOf tells finer what differs than a tree does.
func aspectsOf(found layer.Aspect, a, b *layer.Inode) Aspects {
	var out Aspects
	for _, same := range sameAspects {
		if found&same.from != 0 {
			out |= same.to
		}
	}
	if found&layer.ModeChanged != 0 && a.Type != layer.Symlink {
		out |= AspectMode
	}
	if found&layer.OwnerChanged != 0 {
		out |= ownerAspects(a.Owner, b.Owner)
	}
	if found&layer.RecordsChanged != 0 {
		out |= recordAspects(a.Extra, b.Extra)
	}
	return out
}

func ownerAspects(a, b *layer.Owner) Aspects {
	var out Aspects
	if a.UID != b.UID || a.GID != b.GID {
		out |= AspectOwner
	}
	if a.Uname != b.Uname || a.Gname != b.Gname {
		out |= AspectOwnerNames
	}
	return out
}

func recordAspects(a, b *layer.Extra) Aspects {
	if a == nil {
		a = &layer.Extra{}
	}
	if b == nil {
		b = &layer.Extra{}
	}
	var out Aspects
	if !a.AccessTime.Equal(b.AccessTime) || !a.ChangeTime.Equal(b.ChangeTime) {
		out |= AspectTimes
	}
	if !maps.Equal(a.Records, b.Records) {
		out |= AspectRecords
	}
	return out
}

// files sums the changes up, or gives nil where there are none.
func (c *comparison) files() *Files {
	if len(c.changes) == 0 {
		return nil
	}
	f := &Files{Changes: c.changes, Aspects: map[string]int{}}
	for i := range c.changes {
		change := &c.changes[i]
		switch change.Kind {
		case Added:
			f.Added++
		case Removed:
			f.Removed++
		default:
			f.Changed++
		}
		for _, word := range change.Aspects.Words() {
			f.Aspects[word]++
		}
		before, after := change.Sizes()
		f.BytesBefore += before
		f.BytesAfter += after
	}
	return f
}

// settle reads files of which the trees cannot tell whether their content differs:
// those of one size that lie in layers which were not summed.
func (c *comparison) settle(ctx context.Context) error {
	var open []int
	var a, b []layer.File
	for i, change := range c.changes {
		if !c.isOpen(change) {
			continue
		}
		open = append(open, i)
		a = append(a, layer.File{Path: change.Path, Inode: change.Before.Inode})
		b = append(b, layer.File{Path: change.Path, Inode: change.After.Inode})
	}
	if len(open) == 0 {
		return nil
	}
	left, right, err := c.digests(ctx, a, b)
	if err != nil {
		return fmt.Errorf("compare content: %w", err)
	}
	for k, i := range open {
		if left[k] == right[k] {
			c.changes[i].Aspects &^= AspectContent
		}
	}
	kept := c.changes[:0]
	for _, change := range c.changes {
		if change.Kind != Changed || change.Aspects != 0 {
			kept = append(kept, change)
		}
	}
	clear(c.changes[len(kept):])
	c.changes = kept
	return nil
}

func (c *comparison) isOpen(change FileChange) bool {
	if change.Aspects&AspectContent == 0 || change.Before.Size != change.After.Size {
		return false
	}
	return int(min(change.Before.Origin.Layer, change.After.Origin.Layer)) < c.marked
}
