package archivetest

import (
	"fmt"

	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// makeArtifact makes an artifact or a referrer as image-spec v1.1 manifest.md,
// "Guidelines for Artifact Usage", describes it.
func (b *build) makeArtifact(n *node, subject v1.Descriptor, absent bool) (item, error) {
	data := []byte("content of " + n.artifactType + "\n")
	content := describe("application/octet-stream", data)
	var about *v1.Descriptor
	if n.kind == "referrer" {
		about = &subject
	}
	b.addBlob("", content, data, absent)
	d, err := b.artifactManifest(n.artifactType, content, about, absent)
	d.ArtifactType = n.artifactType
	return item{node: n, descriptor: d}, err
}

// makeAttestation makes what BuildKit attaches to an image: a manifest that
// pretends to be for the platform unknown/unknown.
func (b *build) makeAttestation(n *node, subject v1.Descriptor, absent bool) (item, error) {
	const predicate = "https://slsa.dev/provenance/v1"
	data := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","predicateType":%q,`+
		`"subject":[{"name":"_","digest":{%q:%q}}],"predicate":{}}`,
		predicate, subject.Digest.Algorithm(), subject.Digest.Encoded())
	content := describe("application/vnd.in-toto+json", data)
	content.Annotations = map[string]string{"in-toto.io/predicate-type": predicate}
	b.addBlob("", content, data, absent)
	d, err := b.artifactManifest(attestationType, content, &subject, absent)
	d.Annotations = map[string]string{
		"vnd.docker.reference.digest": subject.Digest.String(),
		"vnd.docker.reference.type":   "attestation-manifest",
	}
	d.Platform = &v1.Platform{Architecture: "unknown", OS: "unknown"}
	return item{node: n, descriptor: d}, err
}

func (b *build) artifactManifest(kind string, content v1.Descriptor, subject *v1.Descriptor, absent bool) (v1.Descriptor, error) {
	raw, err := marshal(v1.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    v1.MediaTypeImageManifest,
		ArtifactType: kind,
		Config:       v1.DescriptorEmptyJSON,
		Layers:       []v1.Descriptor{content},
		Subject:      subject,
	}, nil)
	if err != nil {
		return v1.Descriptor{}, err
	}
	d := describe(v1.MediaTypeImageManifest, raw)
	b.addBlob("", v1.DescriptorEmptyJSON, v1.DescriptorEmptyJSON.Data, absent)
	b.addManifest(fmt.Sprintf("blob:artifact:%d", b.next("artifact")), d, raw, absent)
	return d, nil
}
