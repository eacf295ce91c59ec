package diff

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
)

// Input is one side of a comparison: images of an archive, and the platforms of
// them that are meant, which none means all.
type Input struct {
	Archive   *archive.Archive
	Images    []*archive.Image
	Platforms []archive.PlatformMatcher
}

// Archives compares the images of two archives. One image on each side is one
// pair; of several, those of one name or else of one digest are, and the others
// stand alone. Images of one pair are paired by platform.
//
// Images of one digest are not read. Of others the layers are read as follows:
// none, where both have the same ones; those that differ, where these are the
// uppermost, have the same entries on both sides, and an entry for each folder
// that they write to; else all, those at the bottom that both have once. Content
// is summed while it is read. Memory: two merged trees, as [layer.Tree] tells, and
// what differs.
//
// It fails where a document or a layer that is needed cannot be read.
func Archives(ctx context.Context, a, b Input, opts Options) (*Report, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	r := newReport(ModeImages, a.Archive, b.Archive, opts)
	pairs, onlyA, onlyB := pairImages(a.Images, b.Images)
	for _, p := range pairs {
		image, err := opts.compareImages(ctx, a, b, p[0], p[1])
		if err != nil {
			return nil, fmt.Errorf("compare %q (A) and %q (B): %w", a.Archive.Path, b.Archive.Path, err)
		}
		r.Images = append(r.Images, image)
	}
	slices.SortStableFunc(r.Images, func(a, b Image) int { return compareRoots(a.A, b.A) })
	r.OnlyA, r.OnlyB = roots(onlyA), roots(onlyB)
	r.judge()
	return r, nil
}

func newReport(mode Mode, a, b *archive.Archive, opts Options) *Report {
	return &Report{
		SchemaVersion: SchemaVersion,
		Mode:          mode,
		A:             Side{Path: a.Path, Format: a.Format},
		B:             Side{Path: b.Path, Format: b.Format},
		Ignored:       opts.ignored(),
		Paths:         opts.Paths,
		Images:        []Image{},
	}
}

// pairImages says which images are compared with each other.
func pairImages(a, b []*archive.Image) (pairs [][2]*archive.Image, onlyA, onlyB []*archive.Image) {
	if len(a) == 1 && len(b) == 1 {
		return [][2]*archive.Image{{a[0], b[0]}}, nil, nil
	}
	names := func(i *archive.Image) (keys []string) {
		for _, n := range i.Names {
			keys = append(keys, n.Key())
		}
		return keys
	}
	pairs, onlyA, onlyB = pairUp(a, b, names)
	more, onlyA, onlyB := pairUp(onlyA, onlyB, func(i *archive.Image) []string { return []string{i.Descriptor.Digest.String()} })
	return append(pairs, more...), onlyA, onlyB
}

// pairUp pairs what has a key in common, in the order of a and of its keys. The
// rest stays in order.
func pairUp[T any](a, b []T, keys func(T) []string) (pairs [][2]T, onlyA, onlyB []T) {
	places := map[string][]int{}
	for i, v := range b {
		for _, key := range keys(v) {
			places[key] = append(places[key], i)
		}
	}
	taken := make([]bool, len(b))
	partner := func(key string) (int, bool) {
		for len(places[key]) > 0 {
			i := places[key][0]
			places[key] = places[key][1:]
			if !taken[i] {
				return i, true
			}
		}
		return 0, false
	}
	for _, v := range a {
		if i, ok := firstOf(keys(v), partner); ok {
			taken[i] = true
			pairs = append(pairs, [2]T{v, b[i]})
		} else {
			onlyA = append(onlyA, v)
		}
	}
	for i, v := range b {
		if !taken[i] {
			onlyB = append(onlyB, v)
		}
	}
	return pairs, onlyA, onlyB
}

func firstOf(keys []string, find func(string) (int, bool)) (int, bool) {
	for _, key := range keys {
		if i, ok := find(key); ok {
			return i, true
		}
	}
	return 0, false
}

func newRoot(image *archive.Image) Root {
	r := Root{Names: []string{}, Kind: image.Kind(), MediaType: image.Descriptor.MediaType, Digest: image.Descriptor.Digest}
	for _, name := range image.Names {
		r.Names = append(r.Names, string(name))
	}
	slices.Sort(r.Names)
	return r
}

func roots(images []*archive.Image) []Root {
	var out []Root
	for _, image := range images {
		out = append(out, newRoot(image))
	}
	slices.SortStableFunc(out, compareRoots)
	return out
}

func compareRoots(a, b Root) int {
	return cmp.Or(slices.Compare(a.Names, b.Names), cmp.Compare(a.Digest, b.Digest))
}

// compareImages compares a pair of images or indexes.
func (o Options) compareImages(ctx context.Context, a, b Input, left, right *archive.Image) (Image, error) {
	image := Image{A: newRoot(left), B: newRoot(right), Platforms: []Platform{}}
	if !o.ignores("names") {
		image.Names = compareNames(left.Names, right.Names)
	}
	if err := o.compareIndexes(&image, left, right); err != nil {
		return image, err
	}
	of := func(in Input, n *archive.Node) []*archive.Node {
		return slices.DeleteFunc(archive.Instances(n), func(n *archive.Node) bool { return !meant(n, in.Platforms) })
	}
	pairs, onlyA, onlyB := pairPlatforms(of(a, left.Node), of(b, right.Node))
	for _, p := range pairs {
		platform, err := o.comparePlatforms(ctx, [2]archive.Source{a.Archive, b.Archive}, p[0], p[1])
		if err != nil {
			return image, err
		}
		image.Platforms = append(image.Platforms, platform)
	}
	if !o.ignores("platforms") {
		image.OnlyA, image.OnlyB = append(image.OnlyA, manifests(onlyA)...), append(image.OnlyB, manifests(onlyB)...)
	}
	sortManifests(image.OnlyA)
	sortManifests(image.OnlyB)
	image.Same = image.isSame()
	return image, nil
}

func (i *Image) isSame() bool {
	return len(i.Names)+len(i.Annotations)+len(i.Index)+len(i.OnlyA)+len(i.OnlyB) == 0 &&
		!slices.ContainsFunc(i.Platforms, func(p Platform) bool { return !p.Same })
}

func meant(n *archive.Node, platforms []archive.PlatformMatcher) bool {
	return len(platforms) == 0 || slices.ContainsFunc(platforms, func(m archive.PlatformMatcher) bool { return m.Match(n.Platform()) })
}

// pairPlatforms says which images of two indexes are compared with each other,
// sorted by platform. Those of one digest go first, where a platform stands twice.
func pairPlatforms(a, b []*archive.Node) (pairs [][2]*archive.Node, onlyA, onlyB []*archive.Node) {
	if len(a) == 1 && len(b) == 1 {
		return [][2]*archive.Node{{a[0], b[0]}}, nil, nil
	}
	platform := func(n *archive.Node) string { return archive.FormatPlatform(n.Platform()) }
	same, onlyA, onlyB := pairUp(a, b, func(n *archive.Node) []string { return []string{n.Descriptor.Digest.String()} })
	pairs, onlyA, onlyB = pairUp(onlyA, onlyB, func(n *archive.Node) []string { return []string{platform(n)} })
	pairs = append(same, pairs...)
	slices.SortStableFunc(pairs, func(a, b [2]*archive.Node) int { return strings.Compare(platform(a[0]), platform(b[0])) })
	return pairs, onlyA, onlyB
}

func manifests(nodes []*archive.Node) []Manifest {
	var out []Manifest
	for _, n := range nodes {
		m := Manifest{
			Kind: n.Kind(), ArtifactType: n.ArtifactType(), MediaType: n.Descriptor.MediaType,
			Digest: n.Descriptor.Digest, Size: n.Descriptor.Size,
		}
		if n.Platform() != nil {
			m.Platform = archive.FormatPlatform(n.Platform())
		}
		if m.Kind == archive.KindImage {
			m.ArtifactType = ""
		}
		out = append(out, m)
	}
	return out
}

func sortManifests(all []Manifest) {
	slices.SortStableFunc(all, func(a, b Manifest) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.ArtifactType, b.ArtifactType), cmp.Compare(a.Digest, b.Digest))
	})
}

// compareNames gives the names that one side alone has.
func compareNames(a, b []archive.Name) []Field {
	var out []Field
	add := func(kind Kind, names, others []archive.Name) {
		for _, n := range names {
			if !slices.ContainsFunc(others, func(o archive.Name) bool { return n.Key() == o.Key() }) {
				out = append(out, Field{Field: string(n), Kind: kind})
			}
		}
	}
	add(Removed, a, b)
	add(Added, b, a)
	slices.SortStableFunc(out, func(a, b Field) int { return strings.Compare(a.Field, b.Field) })
	return out
}
