package convert

import (
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// filter keeps some platforms of an image, and attestations or not. An index
// that loses children becomes another index, with another digest; the children
// that stay are kept byte for byte.
type filter struct {
	names    []string
	matchers []archive.PlatformMatcher
	strip    bool
	whole    bool // leave out what the source does not hold
	one      bool // keep one platform
}

func newFilter(opts Options) (filter, error) {
	f := filter{strip: opts.StripAttestations}
	if t := opts.For; t != nil {
		f.strip, f.whole, f.one = f.strip || !t.Attestations, !t.Absent, !t.Platforms
	}
	if slices.Contains(opts.Platforms, "all") {
		return f, nil
	}
	for _, name := range opts.Platforms {
		matcher, err := archive.ParsePlatform(name)
		if err != nil {
			return f, err
		}
		f.names = append(f.names, name)
		f.matchers = append(f.matchers, matcher)
	}
	return f, nil
}

// drops reports that nothing of image is kept: an attestation that stands alone.
func (f filter) drops(image *archive.Image) bool {
	return f.strip && image.Kind() == archive.KindAttestation
}

// apply gives what is kept of image. One chosen platform is kept as an image
// without an index.
func (f filter) apply(s Source, image *archive.Image, note func(string, ...any)) (*archive.Node, error) {
	kept, err := f.instances(s, image)
	if err != nil {
		return nil, err
	}
	if f.whole || f.one {
		kept = f.wholeOnes(kept, note)
	}
	if f.one && len(kept) > 1 {
		kept = []*archive.Node{preferred(kept)}
	}
	if len(kept) == 1 && (len(f.matchers) > 0 || f.one) && image.Index != nil {
		only := kept[0]
		note("took %s alone from index %s; its attestations and the other platforms stay behind",
			archive.FormatPlatform(only.Platform()), image.Descriptor.Digest)
		return only, nil
	}
	if len(kept) == 0 {
		f.names, f.matchers = nil, nil // artifacts run anywhere
	}
	keep := map[digest.Digest]bool{}
	for _, n := range kept {
		keep[n.Descriptor.Digest] = true
	}
	node := f.prune(image.Node, keep)
	if node != image.Node {
		note("index %s becomes %s: %s", image.Descriptor.Digest, node.Descriptor.Digest, f.what(image.Node, node))
	}
	return node, nil
}

// wholeOnes gives the images that the source holds whole, all of them where none
// is.
func (f filter) wholeOnes(all []*archive.Node, note func(string, ...any)) []*archive.Node {
	var whole []*archive.Node
	for _, n := range all {
		if what, err := lacking(n); err != nil {
			note("%s %s is left out: its %s: %v", archive.FormatPlatform(n.Platform()), n.Descriptor.Digest, what, err)
			continue
		}
		whole = append(whole, n)
	}
	if len(whole) == 0 {
		return all // which cannot be written, and the error says why
	}
	return whole
}

// preferred gives the one platform that tools get who take one, as
// [archive.Content.DockerInstance] does.
func preferred(images []*archive.Node) *archive.Node {
	for _, n := range images {
		if archive.FormatPlatform(n.Platform()) == "linux/amd64" {
			return n
		}
	}
	return images[0]
}

// what says how the filter made an index of another.
func (f filter) what(old, now *archive.Node) string {
	var parts []string
	if len(f.names) > 0 {
		parts = append(parts, "kept "+strings.Join(f.names, ", "))
	}
	left := map[digest.Digest]bool{}
	_ = archive.Walk([]*archive.Node{now}, func(n *archive.Node) error {
		left[n.Descriptor.Digest] = true
		return nil
	})
	attestations, absent := false, false
	_ = archive.Walk([]*archive.Node{old}, func(n *archive.Node) error {
		dropped := !left[n.Descriptor.Digest]
		attestations = attestations || dropped && n.Kind() == archive.KindAttestation
		absent = absent || dropped && n.Absent() && n.Kind() != archive.KindAttestation
		return nil
	})
	if attestations {
		parts = append(parts, "left out attestations")
	}
	if absent {
		parts = append(parts, "left out what is not in the archive")
	}
	return strings.Join(parts, ", ")
}

// instances gives the images below image whose platform is chosen; every chosen
// platform must be there.
func (f filter) instances(s Source, image *archive.Image) ([]*archive.Node, error) {
	all := archive.Instances(image.Node)
	if len(f.matchers) == 0 || len(all) == 0 {
		return all, nil
	}
	var kept []*archive.Node
	taken := map[*archive.Node]bool{}
	for i, matcher := range f.matchers {
		found := false
		for _, n := range all {
			if matcher.Match(n.Platform()) {
				found = true
				if !taken[n] {
					taken[n] = true
					kept = append(kept, n)
				}
			}
		}
		if !found {
			return nil, s.NoPlatform(f.names[i], image.Node)
		}
	}
	return kept, nil
}

// prune gives n without the children that the filter does not keep, or n itself
// where nothing goes.
func (f filter) prune(n *archive.Node, keep map[digest.Digest]bool) *archive.Node {
	if n.Index == nil {
		return n
	}
	var children []*archive.Node
	changed := false
	for _, child := range n.Children {
		if !f.keeps(child, keep) {
			changed = true
			continue
		}
		pruned := f.prune(child, keep)
		if pruned.Index != nil && len(pruned.Children) == 0 && len(child.Children) > 0 {
			changed = true
			continue
		}
		changed = changed || pruned != child
		children = append(children, pruned)
	}
	if !changed {
		return n
	}
	return reindex(n, children)
}

// keeps decides for one child. With platforms chosen, attestations and referrers
// go with what they are about, and what has no platform of its own goes.
func (f filter) keeps(child *archive.Node, keep map[digest.Digest]bool) bool {
	if f.strip && child.Kind() == archive.KindAttestation {
		return false
	}
	switch {
	case f.whole && child.Absent():
		return false
	case f.whole && child.Kind() == archive.KindImage:
		return keep[child.Descriptor.Digest]
	case len(f.matchers) == 0 || child.Index != nil:
		return true
	}
	return keep[child.Descriptor.Digest] || keep[child.Subject()]
}
