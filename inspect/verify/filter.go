package verify

import (
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// filter chooses the nodes of one image by platform.
type filter struct {
	platforms []archive.PlatformMatcher
	// left are manifests of other platforms, which attestations refer to.
	left map[digest.Digest]bool
}

func newFilter(root *archive.Node, platforms []archive.PlatformMatcher) *filter {
	f := &filter{platforms, map[digest.Digest]bool{}}
	if len(platforms) == 0 {
		return f
	}
	_ = archive.Walk([]*archive.Node{root}, func(n *archive.Node) error {
		if !f.fits(n) {
			f.left[n.Descriptor.Digest] = true
		}
		return nil
	})
	return f
}

// has reports a node that is to be looked at. What states no platform is.
func (f *filter) has(n *archive.Node) bool {
	return !f.left[n.Descriptor.Digest] && !f.left[n.Subject()]
}

func (f *filter) fits(n *archive.Node) bool {
	p := n.Platform()
	return p == nil || n.Kind() == archive.KindIndex ||
		slices.ContainsFunc(f.platforms, func(m archive.PlatformMatcher) bool { return m.Match(p) })
}
