package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// loader reads the documents below a root, each digest once. Faults become the
// Err of the document they are in, so that the rest can be told.
type loader struct {
	archive   *Archive
	held      int64 // bytes of documents so far, bounded by MaxMetadata
	weight    int   // descriptors below the roots so far, bounded by MaxNodes
	documents map[documentKey]*Document
	configs   map[documentKey]*Config
	peeks     map[digest.Digest]peek
	images    map[digest.Digest]*Image
	// hashed are the digests of members that had to be read for it.
	hashed map[string]digest.Digest
	opts   OpenOptions
}

// documentKey has the media type in it because a document means what its
// descriptor says that it is.
type documentKey struct {
	digest    digest.Digest
	mediaType string
}

// peek is what the first bytes of a layer told.
type peek struct {
	compression codec.Compression
	err         error
}

func newLoader(a *Archive, opts OpenOptions) *loader {
	return &loader{
		archive:   a,
		documents: map[documentKey]*Document{},
		configs:   map[documentKey]*Config{},
		peeks:     map[digest.Digest]peek{},
		images:    map[digest.Digest]*Image{},
		hashed:    map[string]digest.Digest{},
		opts:      opts,
	}
}

// add takes an image into the archive; one that is there already gets the
// further names. An image without a digest is always another one.
func (l *loader) add(image *Image) {
	d := image.Descriptor.Digest
	if have, ok := l.images[d]; ok && d != "" {
		have.Names = mergeNames(have.Names, image.Names)
		return
	}
	if l.weight += image.weight; l.weight > MaxNodes {
		image.Document = &Document{Err: errTooMany}
	}
	l.images[d] = image
	l.archive.Images = append(l.archive.Images, image)
}

// node reads the descriptor raw and all that is below it.
func (l *loader) node(raw RawJSON, depth int) *Node {
	n := &Node{RawDescriptor: raw}
	if err := json.Unmarshal(raw, &n.Descriptor); err != nil {
		n.Document = &Document{Err: fmt.Errorf("read descriptor: %w: %v", ErrMalformed, err)}
		return n
	}
	n.Document = l.document(n.Descriptor, depth)
	return n
}

// errTooMany says that the documents name each other too often to be walked.
var errTooMany = fmt.Errorf("descriptors in all indexes and manifests: %w of %d", ErrTooLarge, MaxNodes)

// errCycle marks a document that is still being read further up.
var errCycle = fmt.Errorf("index contains itself: %w", ErrMalformed)

func (l *loader) document(d ocispec.Descriptor, depth int) *Document {
	if depth > MaxDepth {
		return &Document{Err: fmt.Errorf("nesting of indexes: %w of %d", ErrTooLarge, MaxDepth)}
	}
	key := documentKey{d.Digest, d.MediaType}
	if doc, ok := l.documents[key]; ok {
		return doc
	}
	doc := &Document{Err: errCycle}
	l.documents[key] = doc
	parsed := l.parse(d, depth)
	*doc = parsed
	return doc
}

func (l *loader) parse(d ocispec.Descriptor, depth int) Document {
	if !isIndex(d.MediaType) && !isManifest(d.MediaType) {
		return Document{Err: l.opaque(d)}
	}
	raw, err := l.read(d, MaxDocument)
	if err != nil {
		return Document{Err: err}
	}
	doc := Document{Raw: raw}
	if isIndex(d.MediaType) {
		doc.Err = l.parseIndex(&doc, depth)
	} else {
		doc.Err = l.parseManifest(&doc)
	}
	if doc.Err == nil && doc.weigh() > MaxNodes {
		doc.Err = errTooMany
	}
	if doc.Err != nil {
		return Document{Err: fmt.Errorf("read %s: %w", d.Digest, doc.Err)}
	}
	return doc
}

// weigh counts the descriptors in and below doc. No child weighs more than
// MaxNodes, and there are at most MaxDescriptors of them.
func (doc *Document) weigh() int {
	doc.weight = 1 + len(doc.Layers)
	for _, child := range doc.Children {
		doc.weight += 1 + child.weight
	}
	return doc.weight
}

// opaque says why a descriptor of no known kind is not read, or that its blob
// is not there at all.
func (l *loader) opaque(d ocispec.Descriptor) error {
	if strings.HasPrefix(d.MediaType, dockerSchema1) {
		return fmt.Errorf("Docker schema 1 manifest %s: %w", d.Digest, ErrUnsupported)
	}
	blob, err := l.archive.Open(d)
	if err != nil {
		return err
	}
	return errors.Join(blob.Close(), fmt.Errorf("media type %q: %w", d.MediaType, ErrOpaque))
}

// read gives the bytes of a document and counts them.
func (l *loader) read(d ocispec.Descriptor, limit int64) (_ []byte, err error) {
	blob, err := l.archive.Open(d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	if l.held += blob.Size(); l.held > MaxMetadata {
		return nil, fmt.Errorf("documents of the archive: %w of %d bytes", ErrTooLarge, MaxMetadata)
	}
	raw, err := readAll(blob, limit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.Digest, err)
	}
	return raw, nil
}

// parseIndex reads an index and its children.
func (l *loader) parseIndex(doc *Document, depth int) error {
	children, err := rawDescriptors(doc.Raw)
	if err != nil {
		return err
	}
	doc.Index = new(ocispec.Index)
	if err := json.Unmarshal(doc.Raw, doc.Index); err != nil {
		return fmt.Errorf("index: %w: %v", ErrMalformed, err)
	}
	for _, raw := range children {
		doc.Children = append(doc.Children, l.node(raw, depth+1))
	}
	return nil
}

// rawDescriptors gives the `manifests` of an index as stored. An index that is
// a manifest too is refused, since tools would disagree on what it is
// (CVE-2021-41190).
func rawDescriptors(index []byte) ([]RawJSON, error) {
	var both struct {
		Manifests []RawJSON `json:"manifests"`
		Layers    RawJSON   `json:"layers"`
		Config    RawJSON   `json:"config"`
	}
	if err := json.Unmarshal(index, &both); err != nil {
		return nil, fmt.Errorf("index: %w: %v", ErrMalformed, err)
	}
	if both.Layers != nil || both.Config != nil {
		return nil, fmt.Errorf("index with layers or a config: %w", ErrMalformed)
	}
	if len(both.Manifests) > MaxDescriptors {
		return nil, fmt.Errorf("index of %d descriptors: %w of %d", len(both.Manifests), ErrTooLarge, MaxDescriptors)
	}
	return both.Manifests, nil
}

// parseManifest reads a manifest, its config, and the first bytes of its layers.
func (l *loader) parseManifest(doc *Document) error {
	var m struct {
		ocispec.Manifest
		Manifests RawJSON `json:"manifests"`
	}
	if err := json.Unmarshal(doc.Raw, &m); err != nil {
		return fmt.Errorf("manifest: %w: %v", ErrMalformed, err)
	}
	if m.Manifests != nil {
		return fmt.Errorf("manifest with manifests: %w", ErrMalformed)
	}
	if len(m.Layers) > MaxDescriptors {
		return fmt.Errorf("manifest of %d layers: %w of %d", len(m.Layers), ErrTooLarge, MaxDescriptors)
	}
	doc.Manifest = &m.Manifest
	doc.Config = l.config(m.Config)
	for i, d := range m.Layers {
		doc.Layers = append(doc.Layers, l.layer(d, doc.Config, i))
	}
	return nil
}

func (l *loader) layer(d ocispec.Descriptor, c *Config, i int) Layer {
	p := l.peek(d)
	layer := Layer{Descriptor: d, Compression: p.compression, Err: p.err}
	if i < len(c.RootFS.DiffIDs) {
		layer.DiffID = c.RootFS.DiffIDs[i]
	}
	return layer
}

// peek looks at the first bytes of a layer, once for each digest.
func (l *loader) peek(d ocispec.Descriptor) peek {
	p, ok := l.peeks[d.Digest]
	if !ok {
		p.compression, p.err = l.archive.compression(d)
		l.peeks[d.Digest] = p
	}
	return p
}

// compression opens d to see that it is there and how it begins.
func (a *Archive) compression(d ocispec.Descriptor) (codec.Compression, error) {
	blob, err := a.Open(d)
	if err != nil {
		return "", err
	}
	c, err := detect(blob)
	return c, errors.Join(err, blob.Close())
}

// detect finds the compression of b; it reads [codec.PeekSize] bytes.
func detect(b io.ReaderAt) (codec.Compression, error) {
	head := make([]byte, codec.PeekSize)
	n, err := b.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return "", err
	}
	return codec.Detect(head[:n]), nil
}

// config reads the config of a manifest; that of an artifact has only to be
// there.
func (l *loader) config(d ocispec.Descriptor) *Config {
	key := documentKey{d.Digest, d.MediaType}
	if c, ok := l.configs[key]; ok {
		return c
	}
	c := &Config{}
	l.configs[key] = c
	if !isImageConfig(d.MediaType) {
		_, c.Err = l.archive.compression(d)
		return c
	}
	c.Raw, c.Err = l.read(d, MaxConfig)
	if c.Err == nil {
		c.Image, c.Err = parseConfig(c.Raw)
	}
	return c
}

// parseConfig reads an image config. Times that do not parse count as absent,
// since tools write many kinds of them and nothing depends on them.
func parseConfig(raw []byte) (ocispec.Image, error) {
	var image ocispec.Image
	loose := struct {
		*ocispec.Image
		Created looseTime      `json:"created"`
		History []looseHistory `json:"history"`
	}{Image: &image}
	if err := json.Unmarshal(raw, &loose); err != nil {
		return ocispec.Image{}, fmt.Errorf("config: %w: %v", ErrMalformed, err)
	}
	image.Created = loose.Created.Time
	for _, h := range loose.History {
		h.History.Created = h.Created.Time
		image.History = append(image.History, h.History)
	}
	return image, nil
}

type looseHistory struct {
	ocispec.History
	Created looseTime `json:"created"`
}

// looseTime is nil for whatever is no RFC 3339 time.
type looseTime struct{ *time.Time }

func (t *looseTime) UnmarshalJSON(raw []byte) error {
	var parsed time.Time
	if parsed.UnmarshalJSON(raw) == nil && !parsed.IsZero() {
		t.Time = &parsed
	}
	return nil
}
