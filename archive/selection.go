package archive

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// SelectionError says that what the user chose is not there, or is not one
// thing, and what there is.
type SelectionError struct {
	Archive string
	Reason  string
	// Have lists what could have been chosen.
	Have []string
	// Ambiguous says that what was chosen means several things.
	Ambiguous bool
}

func (e *SelectionError) Error() string { return fmt.Sprintf("%q: %s", e.Archive, e.Reason) }

// Hint lists what there is.
func (e *SelectionError) Hint() string {
	if len(e.Have) == 0 {
		return "it holds nothing to choose from"
	}
	lines := []string{"it holds:"}
	for _, have := range e.Have {
		if strings.IndexFunc(have, unicode.IsControl) >= 0 {
			have = strconv.Quote(have) // a line is one thing
		}
		lines = append(lines, "  "+have)
	}
	return strings.Join(lines, "\n")
}

// Find gives the images that the selectors name, in the order of the archive;
// without selectors, all. A selector is a name, a tag that only one image has,
// `@N` with N counted from zero, or a manifest digest or image ID. It fails
// with a [*SelectionError] that lists the images where one is not found.
func (a *Archive) Find(selectors ...string) ([]*Image, error) {
	if len(selectors) == 0 {
		return a.Images, nil
	}
	chosen := make([]bool, len(a.Images))
	for _, s := range selectors {
		found := a.match(s)
		switch {
		case len(found) == 0:
			return nil, a.selectionError("no image %q in it", s)
		case len(found) > 1:
			err := a.selectionError("%q means %d images in it", s, len(found))
			err.Ambiguous = true
			return nil, err
		}
		chosen[found[0]] = true
	}
	var images []*Image
	for i, image := range a.Images {
		if chosen[i] {
			images = append(images, image)
		}
	}
	return images, nil
}

// One gives the image that the selectors name or, without any, the only one.
func (a *Archive) One(selectors ...string) (*Image, error) {
	images, err := a.Find(selectors...)
	if err != nil {
		return nil, err
	}
	if len(images) != 1 {
		return nil, a.selectionError("it holds %d images, and one is needed; choose it with --image", len(images))
	}
	return images[0], nil
}

// match gives the numbers of the images that s means: by number, by digest, by
// name, and only then by tag.
func (a *Archive) match(s string) []int {
	if digits, ok := strings.CutPrefix(s, "@"); ok {
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || int(n) >= len(a.Images) {
			return nil
		}
		return []int{int(n)}
	}
	tests := []func(*Image) bool{
		func(image *Image) bool { return image.hasDigest(s) },
		func(image *Image) bool { return image.hasName(s) },
		func(image *Image) bool {
			return slices.ContainsFunc(image.Names, func(n Name) bool { return n.Tag() == s })
		},
	}
	for _, test := range tests {
		var found []int
		for i, image := range a.Images {
			if test(image) {
				found = append(found, i)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func (i *Image) hasName(s string) bool {
	if slices.ContainsFunc(i.roots, func(r root) bool { return r.refName() == s }) {
		return true
	}
	wanted, err := ParseName(s)
	return slices.ContainsFunc(i.Names, func(n Name) bool {
		return string(n) == s || err == nil && n.Key() == wanted.Key()
	})
}

// hasDigest looks for a manifest digest or an image ID, whole or at least
// twelve digits of it.
func (i *Image) hasDigest(s string) bool {
	const shortest = len("sha256:") + 12
	if len(s) < shortest || !strings.Contains(s, ":") {
		return false
	}
	if strings.HasPrefix(i.Descriptor.Digest.String(), s) {
		return true
	}
	return i.Kind() == KindImage && strings.HasPrefix(i.Manifest.Config.Digest.String(), s)
}

func (a *Archive) selectionError(format string, args ...any) *SelectionError {
	e := &SelectionError{Archive: a.Path, Reason: fmt.Sprintf(format, args...)}
	for i, image := range a.Images {
		e.Have = append(e.Have, strings.TrimRight(fmt.Sprintf("@%d %s %s", i, image.Descriptor.Digest, JoinNames(image.Names)), " "))
	}
	return e
}

// PlatformMatcher chooses platforms as the user spelled them.
type PlatformMatcher struct {
	platform   ocispec.Platform
	anyVariant bool
}

// ParsePlatform reads OS/ARCH[/VARIANT]. Without a variant every variant is
// meant.
func ParsePlatform(s string) (PlatformMatcher, error) {
	p, err := platforms.Parse(s)
	if err != nil || !strings.Contains(s, "/") {
		return PlatformMatcher{}, withHint(fmt.Errorf("platform %q: %w", s, ErrMalformed), "write it as linux/amd64 or linux/arm/v7")
	}
	return PlatformMatcher{platforms.Normalize(p), strings.Count(s, "/") == 1}, nil
}

// Match reports whether p is meant; a nil platform never is.
func (m PlatformMatcher) Match(p *ocispec.Platform) bool {
	if p == nil {
		return false
	}
	n := platforms.Normalize(*p)
	return n.OS == m.platform.OS && n.Architecture == m.platform.Architecture &&
		(m.anyVariant || n.Variant == m.platform.Variant)
}

// FormatPlatform spells p as OS/ARCH[/VARIANT]; nil is "unknown".
func FormatPlatform(p *ocispec.Platform) string {
	if p == nil {
		return "unknown"
	}
	return platforms.Format(*p)
}

// Instances gives the images at and below n, one for each platform, in order.
func Instances(n *Node) []*Node {
	var images []*Node
	_ = Walk([]*Node{n}, func(n *Node) error {
		if n.Kind() == KindImage {
			images = append(images, n)
		}
		return nil
	})
	return images
}

// Instance gives the one image at or below root that is meant: the one that
// platform names or, where that is empty, the only one, else the best one for
// host. It fails with a [*SelectionError] that lists the platforms.
func (a *Archive) Instance(root *Node, platform string, host ocispec.Platform) (*Node, error) {
	images := Instances(root)
	switch {
	case platform != "":
		matcher, err := ParsePlatform(platform)
		if err != nil {
			return nil, err
		}
		images = slices.DeleteFunc(images, func(n *Node) bool { return !matcher.Match(n.Platform()) })
		if len(images) == 0 {
			return nil, a.NoPlatform(platform, root)
		}
	case len(images) > 1:
		images = bestFor(images, host)
	}
	if len(images) == 1 {
		return images[0], nil
	}
	return nil, &SelectionError{
		Archive: a.Path,
		Reason:  fmt.Sprintf("%d images of %s fit, and one is needed; choose it with --platform", len(images), root.Descriptor.Digest),
		Have:    platformNames(root),
	}
}

// NoPlatform is the error for a platform that none of roots has.
func (a *Archive) NoPlatform(platform string, roots ...*Node) error {
	what := "it"
	if len(roots) == 1 {
		what = "image " + roots[0].Descriptor.Digest.String()
	}
	return &SelectionError{
		Archive: a.Path,
		Reason:  fmt.Sprintf("%s has no platform %s in it", what, platform),
		Have:    platformNames(roots...),
	}
}

// platformNames lists the platforms of the images at and below roots, each once.
func platformNames(roots ...*Node) []string {
	var names []string
	for _, root := range roots {
		for _, n := range Instances(root) {
			names = append(names, FormatPlatform(n.Platform()))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// bestFor gives the image that host runs best, or none.
func bestFor(images []*Node, host ocispec.Platform) []*Node {
	matcher := platforms.Only(host)
	var best []*Node
	for _, n := range images {
		p := n.Platform()
		if p == nil || !matcher.Match(*p) {
			continue
		}
		if best == nil || matcher.Less(*p, *best[0].Platform()) {
			best = []*Node{n}
		}
	}
	return best
}
