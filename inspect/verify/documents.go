package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkDocument looks at one manifest or index. Nested ones have a parent that
// names them.
func (v *verifier) checkDocument(n *archive.Node, w Where, nested bool) {
	w.Digest = n.Descriptor.Digest
	switch {
	case errors.Is(n.Err, archive.ErrOpaque):
		return // its bytes are looked at as those of a blob
	case n.Absent() && nested:
		v.found.add(PlatformAbsent, w, "the index names %s %s, which is not in the archive",
			archive.FormatPlatform(n.Descriptor.Platform), n.Descriptor.Digest)
		return
	case n.Absent():
		v.found.add(BlobMissing, w, "manifest %s is not in the archive", n.Descriptor.Digest)
		return
	}
	raw, err := v.raw(n)
	if err != nil {
		v.addReadFault(err, w)
		return
	}
	if v.checkStated(n.Descriptor, raw, w) {
		v.checkJSON(n, raw, w)
	}
}

// raw gives the stored bytes of a document, of one that does not parse too.
func (v *verifier) raw(n *archive.Node) ([]byte, error) {
	if n.Raw != nil {
		return n.Raw, nil
	}
	if n.Descriptor.Digest == "" {
		return nil, n.Err
	}
	blob, err := v.archive.Open(n.Descriptor)
	if err != nil {
		return nil, err
	}
	raw, err := readCapped(blob, archive.MaxDocument)
	return raw, errors.Join(err, blob.Close())
}

func readCapped(b archive.Blob, limit int64) ([]byte, error) {
	if b.Size() > limit {
		return nil, fmt.Errorf("document of %d bytes: %w of %d", b.Size(), archive.ErrTooLarge, limit)
	}
	return io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
}

// addReadFault finds what kept a document from being read.
func (v *verifier) addReadFault(err error, w Where) {
	switch {
	case errors.Is(err, archive.ErrNotFound):
		v.found.add(BlobMissing, w, "%v", err)
	case errors.Is(err, archive.ErrTooLarge):
		v.found.add(OverLimit, w, "%v", err)
	default:
		v.found.add(JSONInvalid, w, "%v", err)
	}
}

// checkStated compares bytes with what a descriptor says of them, and reports
// that they are worth a further look.
func (v *verifier) checkStated(d ocispec.Descriptor, raw []byte, w Where) bool {
	if d.Digest.Validate() != nil {
		v.found.add(JSONInvalid, w, "digest %q is none", d.Digest)
		return false
	}
	v.read(d.Digest, int64(len(raw)))
	if got := d.Digest.Algorithm().FromBytes(raw); got != d.Digest {
		v.found.add(DigestMismatch, w, "descriptor says %s, content is %s", d.Digest, got)
		return false
	}
	v.checkStatement(d, raw, w)
	return true
}

// checkStatement compares what a descriptor says of its document beside the digest.
func (v *verifier) checkStatement(d ocispec.Descriptor, raw []byte, w Where) {
	v.checkSize(d, int64(len(raw)), w)
	if len(d.Data) > 0 && !bytes.Equal(d.Data, raw) {
		v.found.add(DataMismatch, w, "the descriptor embeds %d bytes that are not the %d of %s", len(d.Data), len(raw), d.Digest)
	}
}

// checkRepeats looks at the descriptors that describe a document once more, in
// index.json or in an index: a walk meets each document once.
func (v *verifier) checkRepeats(image *archive.Image, w Where) {
	for i, d := range image.Descriptors() {
		if i > 0 {
			v.checkRepeat(d, image.Node, w)
		}
	}
	first := map[digest.Digest]*archive.Node{}
	_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
		for _, child := range n.Children {
			if met := first[child.Descriptor.Digest]; met != nil {
				v.checkRepeat(child.Descriptor, met, w)
				continue
			}
			first[child.Descriptor.Digest] = child
		}
		return nil
	})
}

// checkRepeat compares d with the document that it describes as n does.
func (v *verifier) checkRepeat(d ocispec.Descriptor, n *archive.Node, w Where) {
	if n.Raw == nil || d.Digest != n.Descriptor.Digest {
		return
	}
	w.Digest = d.Digest
	v.checkStatement(d, n.Raw, w)
	if d.MediaType != n.Descriptor.MediaType {
		v.found.add(MediaTypeMismatch, w, "it is described as %q here and as %q elsewhere", d.MediaType, n.Descriptor.MediaType)
	}
}

func (v *verifier) checkSize(d ocispec.Descriptor, size int64, w Where) {
	if d.Size != size {
		v.found.add(SizeMismatch, w, "descriptor says %d bytes, blob has %d", d.Size, size)
	}
}

// read counts a blob that was hashed, once.
func (v *verifier) read(d digest.Digest, size int64) {
	if v.blobs[d] {
		return
	}
	v.blobs[d] = true
	v.report.Blobs++
	v.report.Bytes += size
}

// checkJSON looks at the text of a document.
func (v *verifier) checkJSON(n *archive.Node, raw []byte, w Where) {
	if key, err := duplicateKey(raw); err != nil {
		v.found.add(JSONInvalid, w, "%v", err)
		return
	} else if key != "" {
		v.found.add(JSONDuplicate, w, "field %q stands twice", key)
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		v.found.add(JSONInvalid, w, "it is no JSON object")
		return
	}
	_, hasManifests := fields["manifests"]
	_, hasLayers := fields["layers"]
	_, hasConfig := fields["config"]
	switch {
	case hasManifests && (hasLayers || hasConfig):
		v.found.add(DocumentConfused, w, "it has `manifests` and `layers` or `config`")
		return
	case errors.Is(n.Err, archive.ErrTooLarge):
		v.found.add(OverLimit, w, "%v", n.Err)
		return
	}
	var stated string
	_ = json.Unmarshal(fields["mediaType"], &stated) // the schema tells of another type
	switch {
	case stated != "" && stated != n.Descriptor.MediaType: // which explains that it was read as the wrong kind
		v.found.add(MediaTypeMismatch, w, "the descriptor says %q, the document %q", n.Descriptor.MediaType, stated)
		return
	case n.Err != nil:
		v.found.add(JSONInvalid, w, "%v", n.Err)
		return
	}
	v.checkSchema(n.Descriptor.MediaType, raw, w)
}

// checkSchema checks OCI's documents; Docker publishes no schema for its own.
func (v *verifier) checkSchema(mediaType string, raw []byte, w Where) {
	if schemas[mediaType] == nil || !v.found.wants(SchemaViolation) {
		return
	}
	if err := validate(mediaType, raw); err != nil {
		v.found.add(SchemaViolation, w, "%s", oneLine(err.Error()))
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// duplicateKey gives the first field that stands twice in one object, or "".
func duplicateKey(raw []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var open []map[string]bool // nil for a list
	key := true                // whether a string that comes next in an object is a key
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) && len(open) == 0 {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		inObject := len(open) > 0 && open[len(open)-1] != nil
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open, key = append(open, map[string]bool{}), true
				continue
			case '[':
				open = append(open, nil)
				continue
			}
			open = open[:len(open)-1]
		case string:
			if inObject && key {
				if open[len(open)-1][t] {
					return t, nil
				}
				open[len(open)-1][t] = true
				key = false
				continue
			}
		}
		key = true
	}
}
