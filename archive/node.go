package archive

import (
	"encoding/json"
	"errors"
	"maps"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// RawJSON is a JSON value as it is stored.
type RawJSON = json.RawMessage

// Node is one descriptor of an archive and the document that it points at. Two
// nodes with the same digest share their document.
type Node struct {
	// Descriptor is what the parent states.
	Descriptor ocispec.Descriptor
	// RawDescriptor is the descriptor as stored, unknown fields included.
	RawDescriptor RawJSON
	*Document
}

// Document is a manifest or an index, parsed and as stored. Callers may not
// change it.
type Document struct {
	// Err says why the document could not be read; it matches [ErrNotFound]
	// where the archive does not hold it. All else but Damage is then zero.
	Err error
	// Damage is a [*DigestError] where the stored bytes are not what the digest
	// says. Nothing new may be made of such a document.
	Damage error
	// Raw are the stored bytes; digests are taken of them alone.
	Raw []byte
	// Index and Children are set for an index.
	Index    *ocispec.Index
	Children []*Node
	// Manifest, Config and Layers are set for a manifest.
	Manifest *ocispec.Manifest
	Config   *Config
	Layers   []Layer

	// weight is the number of descriptors in and below the document.
	weight int
}

// Config is an image config, parsed and as stored.
type Config struct {
	// Err and Damage are as for [Document].
	Err    error
	Damage error
	Raw    []byte
	ocispec.Image
}

// Layer is one layer of a manifest.
type Layer struct {
	Descriptor ocispec.Descriptor
	// DiffID is what the config claims, or empty where it has none for this
	// layer.
	DiffID digest.Digest
	// Compression is found by the first stored bytes. It is empty where the
	// blob could not be read.
	Compression codec.Compression
	// Err says why the blob could not be read, as for [Document].
	Err error
}

// Kind says what a node is.
type Kind string

// The kinds of node.
const (
	KindImage       Kind = "image"
	KindIndex       Kind = "index"
	KindAttestation Kind = "attestation" // BuildKit provenance or SBOM
	KindArtifact    Kind = "artifact"    // any other manifest
	KindUnknown     Kind = "unknown"     // absent, unreadable, or no manifest
)

// Annotations of attestation manifests, as BuildKit's attestation-storage
// document defines them.
const (
	annotationReferenceType   = "vnd.docker.reference.type"
	annotationReferenceDigest = "vnd.docker.reference.digest"
	attestationManifest       = "attestation-manifest"
)

// Kind tells what n is, by its descriptor and its document.
func (n *Node) Kind() Kind {
	switch {
	case n.Descriptor.Annotations[annotationReferenceType] == attestationManifest:
		return KindAttestation
	case n.Index != nil:
		return KindIndex
	case n.Manifest == nil:
		return KindUnknown
	case isImage(n.Manifest, n.ArtifactType()):
		return KindImage
	}
	return KindArtifact
}

// isImage tells an image from an artifact that borrows its config media type,
// as signatures do (image-spec v1.1 manifest.md, "Guidelines for Artifact
// Usage").
func isImage(m *ocispec.Manifest, artifactType string) bool {
	if !isImageConfig(m.Config.MediaType) || artifactType != "" && !isImageConfig(artifactType) {
		return false
	}
	for _, layer := range m.Layers {
		if !isLayer(layer.MediaType) {
			return false
		}
	}
	return true
}

// ArtifactType is the type that n states for itself, or its config's media
// type where that is no image config, or empty.
func (n *Node) ArtifactType() string {
	switch {
	case n.Manifest != nil && n.Manifest.ArtifactType != "":
		return n.Manifest.ArtifactType
	case n.Index != nil && n.Index.ArtifactType != "":
		return n.Index.ArtifactType
	case n.Manifest != nil && !isImageConfig(n.Manifest.Config.MediaType):
		return n.Manifest.Config.MediaType
	}
	return n.Descriptor.ArtifactType
}

// Subject is the digest of the manifest that n refers to, or empty where n is
// no referrer.
func (n *Node) Subject() digest.Digest {
	switch {
	case n.Manifest != nil && n.Manifest.Subject != nil:
		return n.Manifest.Subject.Digest
	case n.Index != nil && n.Index.Subject != nil:
		return n.Index.Subject.Digest
	}
	return digest.Digest(n.Descriptor.Annotations[annotationReferenceDigest])
}

// About gives n with a descriptor that says that it is about the manifest d, as
// BuildKit's attestations do, and with the same document.
func (n *Node) About(d digest.Digest) *Node {
	r := root{Descriptor: n.Descriptor, raw: n.RawDescriptor}
	annotations := maps.Clone(n.Descriptor.Annotations)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[annotationReferenceDigest] = d.String()
	r = r.annotated(annotations)
	return &Node{Descriptor: r.Descriptor, RawDescriptor: r.raw, Document: n.Document}
}

// Absent reports that the archive does not hold the document of n.
func (n *Node) Absent() bool { return errors.Is(n.Err, ErrNotFound) }

// Platform is where the image runs: what the config says or, where there is no
// config, what the descriptor says. It is nil for what is no image.
func (n *Node) Platform() *ocispec.Platform {
	if n.Kind() == KindImage && n.Config.Err == nil && n.Config.OS != "" {
		p := n.Config.Platform
		if p.Variant == "" && n.Descriptor.Platform != nil {
			p.Variant = n.Descriptor.Platform.Variant
		}
		return &p
	}
	if n.Kind() == KindAttestation {
		return nil
	}
	return n.Descriptor.Platform
}

// Walk calls visit for each node below and including the roots, parents first
// and each digest once for each media type, and stops at the first error.
func Walk(roots []*Node, visit func(*Node) error) error {
	seen := map[documentKey]bool{}
	var walk func(*Node) error
	walk = func(n *Node) error {
		key := documentKey{digest: n.Descriptor.Digest, mediaType: n.Descriptor.MediaType}
		if seen[key] {
			return nil
		}
		seen[key] = true
		if err := visit(n); err != nil {
			return err
		}
		for _, child := range n.Children {
			if err := walk(child); err != nil {
				return err
			}
		}
		return nil
	}
	for _, root := range roots {
		if err := walk(root); err != nil {
			return err
		}
	}
	return nil
}
