package convert

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// SignaturePolicy says what becomes of signatures of images that change.
type SignaturePolicy string

// The policies. A kept signature still signs the image as it was.
const (
	SignaturesDrop SignaturePolicy = "drop"
	SignaturesKeep SignaturePolicy = "keep"
)

// referrers says what becomes of what is about an image that changes.
type referrers struct {
	// follow has attestations and referrers point at the new image; else they
	// stay behind, since they say nothing of it.
	follow     bool
	signatures SignaturePolicy
}

// replace puts the new images in the place of the old ones, up to the roots.
func (b *builder) replace(made *workshop, policy referrers) error {
	old := b.order
	b.clear()
	w := newRewriter(b, old, made.done, policy)
	for _, r := range old {
		if w.drops(r.image.Node) || w.dropsTagged(r.image) {
			continue
		}
		node := w.rewrite(r.image.Node)
		notes := b.plan.Notes
		if err := b.add(&root{r.image.With(node, r.image.Names), r.from, made.over(r.from.Archive)}); err != nil {
			return err
		}
		b.plan.Notes = notes // what there is to say of names was said of the old images
	}
	return nil
}

// rewriter puts new images in.
type rewriter struct {
	b       *builder
	policy  referrers
	nodes   map[digest.Digest]*archive.Node // all old ones
	done    map[digest.Digest]*archive.Node // the new images, by the old digest
	changes map[digest.Digest]bool
	told    map[digest.Digest]bool // of what was dropped or kept
	asking  map[digest.Digest]bool // whose subject is being looked at: they may be about each other
}

func newRewriter(b *builder, roots []*root, done map[digest.Digest]*archive.Node, policy referrers) *rewriter {
	w := &rewriter{
		b: b, policy: policy, done: done,
		nodes: map[digest.Digest]*archive.Node{}, told: map[digest.Digest]bool{}, asking: map[digest.Digest]bool{},
	}
	var nodes []*archive.Node
	for _, r := range roots {
		nodes = append(nodes, r.image.Node)
	}
	follow := map[digest.Digest][]digest.Digest{} // what changes with it
	_ = archive.Walk(nodes, func(n *archive.Node) error {
		w.nodes[n.Descriptor.Digest] = n
		follow[n.Subject()] = append(follow[n.Subject()], n.Descriptor.Digest)
		for _, child := range n.Children {
			follow[child.Descriptor.Digest] = append(follow[child.Descriptor.Digest], n.Descriptor.Digest)
		}
		return nil
	})
	w.changes = reachable(follow, slices.Collect(maps.Keys(done)))
	return w
}

// reachable gives all that changes once next do: images that others stand in for,
// indexes that name one of these, and what is about one of these.
func reachable(follow map[digest.Digest][]digest.Digest, next []digest.Digest) map[digest.Digest]bool {
	changes := map[digest.Digest]bool{}
	for len(next) > 0 {
		d := next[len(next)-1]
		next = next[:len(next)-1]
		if !changes[d] {
			changes[d] = true
			next = append(next, follow[d]...)
		}
	}
	return changes
}

// drops reports that n is about what changes and cannot follow, and tells it.
func (w *rewriter) drops(n *archive.Node) bool {
	d := n.Descriptor.Digest
	if !w.changes[n.Subject()] || w.asking[d] {
		return false
	}
	w.asking[d] = true
	defer delete(w.asking, d)
	switch {
	case isSignature(n) && w.policy.signatures == SignaturesKeep:
		w.tell(d, "%s %s stays: it signs %s as it was", n.Kind(), d, n.Subject())
		return false
	case !isSignature(n) && w.policy.follow && n.Index == nil && !w.dropsSubject(n):
		return false
	}
	w.tell(d, "%s %s stays behind: it is about %s as it was", n.Kind(), d, n.Subject())
	return true
}

func (w *rewriter) dropsSubject(n *archive.Node) bool {
	subject := w.nodes[n.Subject()]
	return subject == nil || w.drops(subject)
}

// tell notes something of d once.
func (w *rewriter) tell(d digest.Digest, format string, args ...any) {
	if !w.told[d] {
		w.told[d] = true
		w.b.note(format, args...)
	}
}

// cosignTag is how cosign names what is about a manifest, where it does not refer
// to it.
var cosignTag = regexp.MustCompile(`^sha256-([0-9a-f]{64})\.(sig|att|sbom)$`)

// dropsTagged is drops for what says by its tag what it is about.
func (w *rewriter) dropsTagged(image *archive.Image) bool {
	for _, name := range image.Names {
		tag := name.Tag()
		if tag == "" {
			tag = string(name)
		}
		m := cosignTag.FindStringSubmatch(tag)
		if m == nil || !w.changes[digest.NewDigestFromEncoded(digest.SHA256, m[1])] {
			continue
		}
		if w.policy.signatures == SignaturesKeep {
			w.tell(image.Descriptor.Digest, "%s stays: it signs sha256:%s as it was", name, m[1])
			return false
		}
		w.tell(image.Descriptor.Digest, "%s stays behind: it is about sha256:%s as it was", name, m[1])
		return true
	}
	return false
}

// isSignature reports an artifact that signs what it is about: cosign's, sigstore's
// and notation's, and whatever calls itself a signature.
func isSignature(n *archive.Node) bool {
	if n.Manifest == nil {
		return false
	}
	types := []string{n.ArtifactType(), n.Manifest.Config.MediaType}
	for _, l := range n.Manifest.Layers {
		types = append(types, l.MediaType)
	}
	return slices.ContainsFunc(types, func(t string) bool {
		return strings.HasPrefix(t, "application/vnd.dev.cosign.") || strings.HasPrefix(t, "application/vnd.dev.sigstore.") ||
			strings.HasPrefix(t, "application/vnd.cncf.notary.") || strings.Contains(t, "signature")
	})
}

// rewrite gives n with new images in it, or n itself where there is none.
func (w *rewriter) rewrite(n *archive.Node) *archive.Node {
	if stand := w.done[n.Descriptor.Digest]; stand != nil {
		return restated(n, stand)
	}
	switch {
	case !w.changes[n.Descriptor.Digest]:
		return n
	case n.Index == nil:
		return w.repoint(n)
	}
	var children []*archive.Node
	becomesOCI := false
	for _, child := range n.Children {
		if w.drops(child) {
			continue
		}
		next := w.rewrite(child)
		children = append(children, next)
		becomesOCI = becomesOCI || archive.IsDocker(child.Descriptor.MediaType) && !archive.IsDocker(next.Descriptor.MediaType)
	}
	if !becomesOCI || !archive.IsDocker(n.Descriptor.MediaType) {
		return reindex(n, children)
	}
	w.b.note("%s: its media type becomes OCI's, as those of its images", n.Descriptor.Digest)
	return reindexAs(n, archive.OCIMediaType(n.Descriptor.MediaType), children)
}

// repoint gives a referrer or an attestation that is about the new form of what it
// was about.
func (w *rewriter) repoint(n *archive.Node) *archive.Node {
	d, subject := n.Descriptor.Digest, w.nodes[n.Subject()]
	if isSignature(n) || subject == nil || w.asking[d] {
		return n
	}
	w.asking[d] = true
	defer delete(w.asking, d)
	target := w.rewrite(subject)
	if target.Descriptor.Digest == subject.Descriptor.Digest {
		return n
	}
	moved := withSubject(n, target)
	if n.Kind() != archive.KindAttestation {
		w.tell(d, "%s %s is about %s now", n.Kind(), d, target.Descriptor.Digest)
		return moved
	}
	w.tell(d, "%s %s is about %s now, and still tells of %s inside", n.Kind(), d, target.Descriptor.Digest, subject.Descriptor.Digest)
	return moved.About(target.Descriptor.Digest)
}

// withSubject gives a referrer with another subject (image-spec v1.1 manifest.md,
// "subject"), and n itself where it has none.
func withSubject(n, target *archive.Node) *archive.Node {
	if n.Manifest == nil || n.Manifest.Subject == nil {
		return n
	}
	fields := fieldsOf(n.Raw)
	fields["subject"] = withDigest(fields["subject"], target.Descriptor)
	manifest, subject := *n.Manifest, *n.Manifest.Subject
	subject.MediaType, subject.Digest, subject.Size, subject.Data = target.Descriptor.MediaType, target.Descriptor.Digest, target.Descriptor.Size, nil
	manifest.Subject = &subject
	document := *n.Document
	document.Raw, document.Manifest = mustMarshal(fields), &manifest
	return renewed(n, &document)
}
