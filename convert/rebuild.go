package convert

import (
	"encoding/json"
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// reindex gives n with other children: a new document with the other fields of
// the old one.
func reindex(n *archive.Node, children []*archive.Node) *archive.Node {
	fields := fieldsOf(n.Raw)
	index := *n.Index
	index.Manifests = nil
	descriptors := []archive.RawJSON{}
	for _, child := range children {
		index.Manifests = append(index.Manifests, child.Descriptor)
		descriptors = append(descriptors, child.RawDescriptor)
	}
	fields["manifests"] = mustMarshal(descriptors)
	document := *n.Document
	document.Raw, document.Index, document.Children = mustMarshal(fields), &index, children
	return renewed(n, &document)
}

// renewed gives n with another document, and with a descriptor that says so.
func renewed(n *archive.Node, document *archive.Document) *archive.Node {
	d := n.Descriptor
	d.Digest, d.Size, d.Data = digest.FromBytes(document.Raw), int64(len(document.Raw)), nil
	return &archive.Node{Descriptor: d, RawDescriptor: withDigest(n.RawDescriptor, d), Document: document}
}

// fieldsOf gives the fields of a stored object, which was parsed before.
func fieldsOf(raw []byte) map[string]archive.RawJSON {
	fields := map[string]archive.RawJSON{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		panic(fmt.Sprintf("stored JSON no longer parses: %v", err))
	}
	return fields
}

// withDigest gives the stored descriptor with the digest and size of d, and
// without embedded content.
func withDigest(stored archive.RawJSON, d ocispec.Descriptor) archive.RawJSON {
	fields := fieldsOf(stored)
	fields["digest"], fields["size"] = mustMarshal(d.Digest), mustMarshal(d.Size)
	delete(fields, "data")
	return mustMarshal(fields)
}

func mustMarshal(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("marshal %T: %v", v, err))
	}
	return raw
}
