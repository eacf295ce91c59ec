package archivetest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/ulikunitz/xz"
)

// layerSpec is a layer as the listing has it.
type layerSpec struct {
	compression string // empty for the format's own
	absent      bool
	noEnd       bool
	entries     []member
}

// layer is a layer that was made.
type layer struct {
	diffID     digest.Digest
	descriptor v1.Descriptor
	stored     []byte
	absent     bool
}

func (n *node) parseLayer(l *line) error {
	var s layerSpec
	for _, w := range l.words[1:] {
		switch w {
		case "plain", "gzip", "gzip-members", "zstd", "zstd-frames", "xz":
			s.compression = w
		case "absent":
			s.absent = true
		case "no-end":
			s.noEnd = true
		default:
			return l.errorf("unknown word %q after layer", w)
		}
	}
	for _, kid := range l.kids {
		m, err := parseEntry(kid)
		if err != nil {
			return err
		}
		s.entries = append(s.entries, m)
	}
	n.layers = append(n.layers, s)
	n.history = append(n.history, v1.History{CreatedBy: fmt.Sprintf("ADD layer %d", len(n.layers)-1)})
	return nil
}

// makeLayer turns s into stored bytes. The caller's format decides where the
// listing does not.
func (b *build) makeLayer(s layerSpec) (layer, error) {
	plain, err := writeTar(s.entries, "")
	if err != nil {
		return layer{}, err
	}
	if !s.noEnd {
		plain = append(plain, tarEnd...)
	}
	if s.compression == "" {
		s.compression = formats[b.spec.format].compression
	}
	stored, err := compress(s.compression, plain)
	if err != nil {
		return layer{}, err
	}
	return layer{
		diffID:     digest.FromBytes(plain),
		descriptor: describe(b.layerMediaType(s.compression), stored),
		stored:     stored,
		absent:     s.absent,
	}, nil
}

// layerMediaType says how a layer is compressed; there is no word for xz.
func (b *build) layerMediaType(compression string) string {
	compression, _, _ = strings.Cut(compression, "-")
	if b.spec.media == "docker" {
		const base = "application/vnd.docker.image.rootfs.diff.tar"
		return base + map[string]string{"gzip": ".gzip", "zstd": ".zstd"}[compression]
	}
	return v1.MediaTypeImageLayer + map[string]string{"gzip": "+gzip", "zstd": "+zstd"}[compression]
}

func describe(mediaType string, data []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// compress encodes data; plain and the empty kind leave it as it is.
func compress(kind string, data []byte) ([]byte, error) {
	switch kind {
	case "", "plain":
		return data, nil
	case "gzip-members":
		return compressMembers(data)
	case "zstd-frames":
		return compressFrames(data)
	}
	var buf bytes.Buffer
	w, err := newCompressor(kind, &buf)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return buf.Bytes(), err
}

func newCompressor(kind string, w io.Writer) (io.WriteCloser, error) {
	switch kind {
	case "gzip":
		return gzip.NewWriter(w), nil
	case "zstd":
		// One goroutine, so that block borders do not depend on timing.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	case "xz":
		return xz.NewWriter(w)
	}
	return nil, fmt.Errorf("unknown compression %q", kind)
}

// compressFrames makes two zstd frames of data, with a skippable frame before
// each and behind the last, as zstd:chunked has them (RFC 8878, section 3.1.2).
func compressFrames(data []byte) ([]byte, error) {
	skippable := []byte("\x5a\x2a\x4d\x18\x05\x00\x00\x00index")
	out := slices.Clone(skippable)
	for chunk := range slices.Chunk(data, len(data)/2+7) {
		frame, err := compress("zstd", chunk)
		if err != nil {
			return nil, err
		}
		out = slices.Concat(out, frame, skippable)
	}
	return out, nil
}

// compressMembers makes several gzip members of data. The borders do not fall
// on tar blocks, where a reader could mistake the first member for the whole.
func compressMembers(data []byte) ([]byte, error) {
	var out []byte
	for chunk := range slices.Chunk(data, len(data)/3+7) {
		member, err := compress("gzip", chunk)
		if err != nil {
			return nil, err
		}
		out = append(out, member...)
	}
	return out, nil
}
