package archive

import (
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// damage compares a document with the digest that names it, and notes one that is
// another. Whoever looks may still read what it says; whoever makes something new
// of it must not.
func (l *loader) damage(what string, d ocispec.Descriptor, raw []byte) error {
	got := d.Digest.Algorithm().FromBytes(raw)
	if got == d.Digest {
		return nil
	}
	err := fmt.Errorf("%s: %w", what, &DigestError{Want: d.Digest, Got: got})
	if !l.damaged[d.Digest] {
		l.damaged[d.Digest] = true
		l.archive.Damaged = append(l.archive.Damaged, err)
	}
	return err
}

// Intact fails with a [*DigestError] where n, its config, or an index of a that
// leads to n is not what its digest says. It reads nothing.
func (a *Archive) Intact(n *Node) error {
	if len(a.Damaged) == 0 {
		return nil
	}
	if err := n.Intact(); err != nil {
		return err
	}
	way := way{to: n, leads: map[*Document]bool{}}
	for _, image := range a.Images {
		way.follow(image.Node)
	}
	return way.damage
}

// Intact is [Archive.Intact] for n and its config alone.
func (n *Node) Intact() error {
	if n.Damage == nil && n.Config != nil {
		return n.Config.Damage
	}
	return n.Damage
}

// way finds the indexes that lead to a node, and the first damage in one of them.
type way struct {
	to     *Node
	leads  map[*Document]bool
	damage error
}

func (w *way) follow(n *Node) bool {
	leads, known := w.leads[n.Document]
	if known {
		return leads
	}
	leads = n.Document == w.to.Document
	for _, child := range n.Children {
		leads = w.follow(child) || leads
	}
	if leads && w.damage == nil {
		w.damage = n.Damage
	}
	w.leads[n.Document] = leads
	return leads
}
