package archive

import (
	"errors"
	"fmt"
	"slices"

	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source gives the stored bytes behind a descriptor. [*Archive] is one. It is
// safe for concurrent use.
type Source interface {
	Open(ocispec.Descriptor) (Blob, error)
}

// Content is what an archive is to hold. Fill it with [Content.Add]; the zero
// value is empty.
type Content struct {
	Images []*Image
	// Blobs is everything that is stored, each digest once, in the order of the
	// images; a document stands before what it names.
	Blobs []StoredBlob
	// Gaps is what the images name and their sources do not hold.
	Gaps []Gap
	// IndexFields are further fields of index.json.
	IndexFields map[string]RawJSON

	seen map[digest.Digest]int64 // sizes of what is stored
}

// StoredBlob is a blob to be written and where its bytes come from.
type StoredBlob struct {
	Descriptor ocispec.Descriptor
	source     Source
	// nested marks a manifest or index that an index names.
	nested bool
}

// Gap is content that a kept document names and no source holds.
type Gap struct {
	Descriptor ocispec.Descriptor
	// Of is the manifest that lacks it, or nil where the manifest itself is
	// absent.
	Of *Node
	// Foreign marks a non-distributable layer, which archives leave out on
	// purpose.
	Foreign bool
}

// TotalSize is the number of stored bytes of all blobs.
func (c *Content) TotalSize() int64 {
	var total int64
	for _, b := range c.Blobs {
		total += b.Descriptor.Size
	}
	return total
}

// Add takes in a root with its names and everything below it. Platforms that an
// index names and the source does not hold stay named, as Docker 25 and later
// save them, and become gaps; an image alone must be whole, and one platform of
// an index. It fails with [ErrNotFound] where that is not so, with a
// [*DigestError] where a document is not what its digest says, and with whatever
// made a document unreadable.
func (c *Content) Add(image *Image, from Source) error {
	if c.seen == nil {
		c.seen = map[digest.Digest]int64{}
	}
	gaps := len(c.Gaps)
	err := Walk([]*Node{image.Node}, func(n *Node) error {
		return c.addNode(n, n != image.Node, from)
	})
	if err != nil {
		return err
	}
	if err := c.checkWhole(image, c.Gaps[gaps:]); err != nil {
		return err
	}
	c.Images = append(c.Images, image)
	return nil
}

// checkWhole refuses an index that lacks something of every platform.
func (c *Content) checkWhole(image *Image, gaps []Gap) error {
	lacks := slices.ContainsFunc(gaps, func(g Gap) bool { return !g.Foreign })
	if lacks && !slices.ContainsFunc(Instances(image.Node), c.whole) {
		return fmt.Errorf("no platform of index %s is whole: %w", image.Descriptor.Digest, ErrNotFound)
	}
	return nil
}

func (c *Content) addNode(n *Node, nested bool, from Source) error {
	switch {
	case errors.Is(n.Err, ErrOpaque):
		return c.store(StoredBlob{n.Descriptor, from, false})
	case n.Absent() && nested:
		c.Gaps = append(c.Gaps, Gap{Descriptor: n.Descriptor})
		return nil
	case n.Damage != nil:
		return n.Damage
	case n.Err != nil:
		return n.Err
	}
	if err := c.store(StoredBlob{n.Descriptor, heldSource{n.Raw}, nested}); err != nil {
		return err
	}
	if n.Manifest == nil {
		return nil
	}
	if err := c.addConfig(n, nested, from); err != nil {
		return err
	}
	for i, layer := range n.Layers {
		if err := c.addLayer(n, layer, nested, from); err != nil {
			return fmt.Errorf("layer %d of %s: %w", i, n.Descriptor.Digest, err)
		}
	}
	return nil
}

func (c *Content) addConfig(n *Node, nested bool, from Source) error {
	d := n.Manifest.Config
	switch {
	case errors.Is(n.Config.Err, ErrNotFound) && nested:
		c.Gaps = append(c.Gaps, Gap{Descriptor: d, Of: n})
		return nil
	case n.Config.Damage != nil:
		return fmt.Errorf("manifest %s: %w", n.Descriptor.Digest, n.Config.Damage)
	case n.Config.Err != nil:
		return fmt.Errorf("manifest %s: %w", n.Descriptor.Digest, n.Config.Err)
	}
	return c.store(StoredBlob{d, from, false})
}

func (c *Content) addLayer(n *Node, layer Layer, nested bool, from Source) error {
	foreign := isForeign(layer.Descriptor.MediaType)
	switch {
	case errors.Is(layer.Err, ErrNotFound) && (nested || foreign):
		c.Gaps = append(c.Gaps, Gap{layer.Descriptor, n, foreign})
		return nil
	case layer.Err != nil:
		return layer.Err
	}
	return c.store(StoredBlob{layer.Descriptor, from, false})
}

// store plans one blob, once. Two descriptors of one digest must agree on its
// size, for one of them lies.
func (c *Content) store(b StoredBlob) error {
	d := b.Descriptor
	size, ok := c.seen[d.Digest]
	switch {
	case ok && size != d.Size:
		return fmt.Errorf("blob %s: %w", d.Digest, &SizeError{Want: d.Size, Got: size})
	case !ok:
		c.seen[d.Digest] = d.Size
		c.Blobs = append(c.Blobs, b)
	}
	return nil
}

// checkFaces refuses to write what could not be read again.
func (c *Content) checkFaces(t ref.Transport) error {
	if t == ref.DockerArchive {
		if size := len(mustMarshal(dockerEntries(c))); size > MaxDocument {
			return fmt.Errorf("%s of %d bytes: %w of %d", dockerManifestFile, size, ErrTooLarge, MaxDocument)
		}
	}
	roots := rootsOf(c.Images)
	return checkIndex(indexJSON(c.IndexFields, roots), len(roots))
}

// checkIndex does the same for an index.json of n descriptors.
func checkIndex(index []byte, n int) error {
	switch {
	case n > MaxDescriptors:
		return fmt.Errorf("%d descriptors in %s: %w of %d", n, indexFile, ErrTooLarge, MaxDescriptors)
	case len(index) > MaxDocument:
		return fmt.Errorf("%s of %d bytes: %w of %d", indexFile, len(index), ErrTooLarge, MaxDocument)
	}
	return nil
}

// heldSource gives a document that is in memory.
type heldSource struct{ raw []byte }

func (h heldSource) Open(ocispec.Descriptor) (Blob, error) { return newMemoryBlob(h.raw), nil }

// whole reports that all that image needs is stored.
func (c *Content) whole(image *Node) bool {
	if _, ok := c.seen[image.Manifest.Config.Digest]; !ok {
		return false
	}
	for _, layer := range image.Layers {
		if _, ok := c.seen[layer.Descriptor.Digest]; !ok {
			return false
		}
	}
	return true
}
