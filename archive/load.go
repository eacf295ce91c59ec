package archive

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// loader reads the documents below a root, each digest once. Faults become the
// Err of the document they are in, so that the rest can be told.
type loader struct {
	archive   *Archive
	held      int64 // bytes of documents so far, bounded by MaxMetadata
	nodes     int   // descriptors read so far, bounded by MaxNodes
	weight    int   // the same with those counted again that several documents name
	documents map[documentKey]*Document
	configs   map[documentKey]*Config
	peeks     map[digest.Digest]peek
	images    map[digest.Digest]*Image
	named     map[naming]bool
	damaged   map[digest.Digest]bool
	docker    dockerCache
	v10       v10Cache
	opts      OpenOptions
}

// documentKey has the media type in it because a document means what its
// descriptor says that it is, and the depth because what lies below it may be
// too deep here and not there. So a chain of documents that leads back to itself
// ends at [MaxDepth].
type documentKey struct {
	digest    digest.Digest
	mediaType string
	depth     int
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
		named:     map[naming]bool{},
		damaged:   map[digest.Digest]bool{},
		docker:    dockerCache{map[string]dockerConfig{}, map[string]digest.Digest{}},
		v10:       v10Cache{map[string]*Node{}, map[string]v1Image{}, map[string]v1Layer{}},
		opts:      opts,
	}
}

// add takes an image into the archive; one that is there already gets the
// further names. An image without a digest is always another one.
func (l *loader) add(image *Image) *Image {
	d := image.Descriptor.Digest
	names := image.Names
	image.Names = nil
	if have, ok := l.images[d]; ok && d != "" {
		have.roots = append(have.roots, image.roots...)
		l.addNames(have, names)
		return have
	}
	l.addNames(image, names)
	if l.weight += image.weight; l.weight > MaxNodes {
		image.Document = &Document{Err: errTooMany}
	}
	l.images[d] = image
	l.archive.Images = append(l.archive.Images, image)
	return image
}

// addNames gives image the names that it has not got.
func (l *loader) addNames(image *Image, names []Name) {
	for _, name := range names {
		n := naming{name.Key(), image.Descriptor.Digest}
		if n.digest == "" || !l.named[n] {
			l.named[n] = true
			image.Names = append(image.Names, name)
		}
	}
}

// node reads the descriptor raw and all that is below it.
func (l *loader) node(raw RawJSON, depth int) *Node {
	n := &Node{RawDescriptor: raw}
	if l.nodes++; l.nodes > MaxNodes {
		n.Document = &Document{Err: errTooMany}
		return n
	}
	if err := decode(raw, &n.Descriptor); err != nil {
		n.Document = &Document{Err: fmt.Errorf("read descriptor: %w", err)}
		return n
	}
	n.Document = l.document(n.Descriptor, depth)
	return n
}

// errTooMany says that the documents name each other too often to be walked.
var errTooMany = fmt.Errorf("descriptors in all indexes and manifests: %w of %d", ErrTooLarge, MaxNodes)

func (l *loader) document(d ocispec.Descriptor, depth int) *Document {
	if depth > MaxDepth {
		return &Document{Err: fmt.Errorf("nesting of indexes: %w of %d", ErrTooLarge, MaxDepth)}
	}
	key := documentKey{d.Digest, d.MediaType, depth}
	if doc, ok := l.documents[key]; ok {
		return doc
	}
	doc := l.parse(d, depth)
	l.documents[key] = &doc
	return &doc
}

func (l *loader) parse(d ocispec.Descriptor, depth int) Document {
	mediaType := d.MediaType
	if l.opts.Mend {
		mediaType = l.sniff(d)
	}
	if !isIndex(mediaType) && !isManifest(mediaType) {
		return Document{Err: l.opaque(d)}
	}
	raw, err := l.read(d, MaxDocument)
	if err != nil {
		return Document{Err: err}
	}
	doc := Document{Raw: raw}
	if isIndex(mediaType) {
		doc.Damage = l.damage("index", d, raw)
		doc.Err = l.parseIndex(&doc, depth)
	} else {
		doc.Damage = l.damage("manifest", d, raw)
		doc.Err = l.parseManifest(&doc)
	}
	if doc.Err == nil && !l.opts.Mend {
		doc.Err = doc.checkKind()
	}
	if doc.Err == nil && doc.weigh() > MaxNodes {
		doc.Err = errTooMany
	}
	if doc.Err != nil {
		return Document{Err: fmt.Errorf("read %s: %w", d.Digest, doc.Err), Damage: doc.Damage}
	}
	return doc
}

// checkKind refuses a manifest that calls itself an index, and the other way
// round: tools would disagree on what it is (CVE-2021-41190).
func (doc *Document) checkKind() error {
	if doc.Index != nil && isManifest(doc.Index.MediaType) || doc.Manifest != nil && isIndex(doc.Manifest.MediaType) {
		return fmt.Errorf("its own media type is of another kind than its descriptor's: %w", ErrMalformed)
	}
	return nil
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
	if strings.HasPrefix(d.MediaType, prefixDockerSchema1) {
		return fmt.Errorf("manifest %s of Docker schema 1: %w", d.Digest, ErrUnsupported)
	}
	blob, err := l.archive.Open(d)
	if err != nil {
		return err
	}
	return errors.Join(blob.Close(), fmt.Errorf("media type %q: %w", d.MediaType, ErrOpaque))
}

// hold counts the bytes of a document that stays in memory.
func (l *loader) hold(size int64) error {
	if l.held += size; l.held > MaxMetadata {
		return fmt.Errorf("documents of the archive: %w of %d bytes", ErrTooLarge, MaxMetadata)
	}
	return nil
}

// read gives the bytes of a document and counts them.
func (l *loader) read(d ocispec.Descriptor, limit int64) (_ []byte, err error) {
	blob, err := l.archive.Open(d)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	if err := l.hold(blob.Size()); err != nil {
		return nil, err
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
	if err := decode(doc.Raw, doc.Index); err != nil {
		return fmt.Errorf("index: %w", err)
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
		Manifests capped[RawJSON] `json:"manifests"`
		Layers    RawJSON         `json:"layers"`
		Config    RawJSON         `json:"config"`
	}
	if err := checkCase(index); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	if err := decode(index, &both); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	if both.Layers != nil || both.Config != nil {
		return nil, fmt.Errorf("index with layers or a config: %w", ErrMalformed)
	}
	return both.Manifests, nil
}

// parseManifest reads a manifest, its config, and the first bytes of its layers.
func (l *loader) parseManifest(doc *Document) error {
	var m struct {
		ocispec.Manifest
		Layers    capped[ocispec.Descriptor] `json:"layers"`
		Manifests RawJSON                    `json:"manifests"`
	}
	if err := checkCase(doc.Raw); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := decode(doc.Raw, &m); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if m.Manifests != nil {
		return fmt.Errorf("manifest with manifests: %w", ErrMalformed)
	}
	m.Manifest.Layers = m.Layers
	doc.Manifest = &m.Manifest
	doc.Config = l.config(m.Config)
	if l.nodes += len(m.Layers); l.nodes > MaxNodes {
		return errTooMany
	}
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
		if !errors.Is(p.err, ErrNotFound) { // another image may locate it yet
			l.peeks[d.Digest] = p
		}
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
