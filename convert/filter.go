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
}

func newFilter(opts Options) (filter, error) {
	f := filter{strip: opts.StripAttestations}
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
	if len(kept) == 1 && len(f.matchers) > 0 && image.Index != nil {
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
		note("index %s becomes %s: %s", image.Descriptor.Digest, node.Descriptor.Digest, f.what())
	}
	return node, nil
}

// what says how the filter changes an index.
func (f filter) what() string {
	var parts []string
	if len(f.names) > 0 {
		parts = append(parts, "kept "+strings.Join(f.names, ", "))
	}
	if f.strip {
		parts = append(parts, "left out attestations")
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
	if len(f.matchers) == 0 || child.Index != nil {
		return true
	}
	return keep[child.Descriptor.Digest] || keep[child.Subject()]
}
