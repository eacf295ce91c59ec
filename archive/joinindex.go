package archive

import (
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// indexJoin adds roots to those of an index.json.
type indexJoin struct {
	// owners are the names that come and what they stand for; coming has all of
	// it where a name stands for several images.
	owners map[string]digest.Digest
	coming map[naming]bool
	// named are the digests that some root names.
	named map[digest.Digest]bool

	joined []root
	// bare are old roots without a name that get one now.
	bare map[digest.Digest]root
	// has is what joined names, reached what its reference names are, present
	// what it points at, refs the first owner of each reference name.
	has, reached map[naming]bool
	present      map[digest.Digest]bool
	refs         map[string]digest.Digest
}

// joinRoots gives the roots of an index.json with added in it. What is there stays
// as it is stored. Only a name that another image has there moves; that image
// stays without the name.
func joinRoots(old, added []root, warn func(string, ...any)) []root {
	j := newIndexJoin(added)
	comesNamed := maps.Clone(j.named)
	left := make([]root, len(old))
	for i, r := range old {
		left[i] = j.giveWay(r, warn)
		j.named[r.Digest] = j.named[r.Digest] || len(left[i].names()) > 0
	}
	for i, r := range left {
		lost := len(old[i].names()) > len(r.names())
		switch {
		case len(r.names()) > 0, !lost && !comesNamed[r.Digest], lost && !j.named[r.Digest] && !j.present[r.Digest]:
			j.add(r)
		case !lost:
			j.bare[r.Digest] = r
		}
	}
	for _, r := range added {
		j.addNew(r)
	}
	return j.joined
}

func newIndexJoin(added []root) *indexJoin {
	j := &indexJoin{
		owners:  map[string]digest.Digest{},
		coming:  map[naming]bool{},
		named:   map[digest.Digest]bool{},
		bare:    map[digest.Digest]root{},
		has:     map[naming]bool{},
		reached: map[naming]bool{},
		present: map[digest.Digest]bool{},
		refs:    map[string]digest.Digest{},
	}
	for _, r := range added {
		for _, name := range r.names() {
			j.owners[name.Key()] = r.Digest
			j.coming[naming{name.Key(), r.Digest}] = true
			j.named[r.Digest] = true
		}
	}
	return j
}

// giveWay takes from an old root the names that move to another image. Where only
// its tag is wanted by another, it is known by its whole name from now on.
func (j *indexJoin) giveWay(r root, warn func(string, ...any)) root {
	for _, name := range r.names() {
		owner, wanted := j.owners[name.Key()]
		if !wanted || j.coming[naming{name.Key(), r.Digest}] {
			continue
		}
		warn("name %q moves from %s to %s", name, r.Digest, owner)
		if spell(r.imageName()).Key() == name.Key() {
			r = r.without(AnnotationImageName)
		}
		if ref := spell(r.refName()); ref.Key() == name.Key() || ref.IsTag() {
			r = r.without(ocispec.AnnotationRefName)
		}
	}
	if owner, wanted := j.owners[r.refName()]; wanted && owner != r.Digest && r.imageName() != "" {
		r = r.called(spell(r.imageName()))
	}
	return r
}

func (j *indexJoin) add(r root) {
	j.joined = append(j.joined, r)
	j.present[r.Digest] = true
	j.reached[naming{r.refName(), r.Digest}] = true
	if _, taken := j.refs[r.refName()]; !taken && r.refName() != "" {
		j.refs[r.refName()] = r.Digest
	}
	for _, name := range r.names() {
		j.has[naming{name.Key(), r.Digest}] = true
	}
}

// addNew adds a root unless the index names it so already.
func (j *indexJoin) addNew(r root) {
	isNew := func(n Name) bool { return !j.has[naming{n.Key(), r.Digest}] }
	reached := r.refName() == "" || j.reached[naming{r.refName(), r.Digest}]
	if j.present[r.Digest] && reached && !slices.ContainsFunc(r.names(), isNew) {
		return
	}
	if bare, ok := j.bare[r.Digest]; ok {
		annotations := map[string]string{}
		maps.Copy(annotations, bare.without(AnnotationImageName, ocispec.AnnotationRefName).Annotations)
		for _, key := range []string{AnnotationImageName, ocispec.AnnotationRefName} {
			if value, ok := r.Annotations[key]; ok {
				annotations[key] = value
			}
		}
		r = bare.annotated(annotations)
	}
	if owner, taken := j.refs[r.refName()]; taken && owner != r.Digest && r.imageName() != "" {
		r = r.called(spell(r.imageName()))
	}
	j.add(r)
}
