package archive

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Made is a source of blobs that were made and stand in no archive yet, over the
// one that the rest comes from. Layers lie in temporary files until it is closed.
// It is safe for concurrent use.
type Made struct {
	from Source
	*madeBlobs
}

// madeBlobs is what was made, over whatever source.
type madeBlobs struct {
	dir string

	mu    sync.Mutex
	blobs map[digest.Digest]Blob
}

// NewMade gives a source that has all of from. Its temporary files are made in
// dir; empty means [os.TempDir].
func NewMade(from Source, dir string) *Made {
	return &Made{from, &madeBlobs{dir: dir, blobs: map[digest.Digest]Blob{}}}
}

// Over gives a source that has all of from and the same made blobs, now and
// later. Closing one of both is enough.
func (m *Made) Over(from Source) *Made { return &Made{from, m.madeBlobs} }

// Open implements [Source].
func (m *Made) Open(d ocispec.Descriptor) (Blob, error) {
	m.mu.Lock()
	blob, ok := m.blobs[d.Digest]
	m.mu.Unlock()
	if ok {
		return madeBlob{io.NewSectionReader(blob, 0, blob.Size())}, nil
	}
	return m.from.Open(d)
}

// Document keeps a document and gives its digest.
func (m *Made) Document(raw []byte) digest.Digest {
	d := digest.FromBytes(raw)
	m.keep(d, newMemoryBlob(raw))
	return d
}

// Layer keeps the layer whose uncompressed tar write writes, compressed as s and
// opts say. The descriptor that it gives has the OCI media type. Both hashes are taken
// while the content goes by.
func (m *Made) Layer(ctx context.Context, s codec.Setting, opts codec.WriterOptions, write func(io.Writer) error) (_ Layer, err error) {
	file, err := newTempFile(m.dir)
	if err != nil {
		return Layer{}, fmt.Errorf("temporary file for a layer: %w", err)
	}
	stored := &hashingWriter{w: &contextWriter{ctx, file}, sum: digest.Canonical.Hash()}
	tar, err := compressLayer(stored, s, opts, write)
	if err != nil {
		return Layer{}, errors.Join(err, file.Close())
	}
	d := ocispec.Descriptor{MediaType: layerMediaType(s.Compression), Digest: stored.digest(), Size: stored.n}
	m.keep(d.Digest, tempBlob{io.NewSectionReader(file, 0, d.Size), file})
	return Layer{Descriptor: d, DiffID: tar.digest(), Compression: s.Compression}, nil
}

// Adopt keeps a layer that somebody else made, whose stored bytes are blob. Made
// owns the blob then, and nobody hashes it again.
func (m *Made) Adopt(l Layer, blob Blob) { m.keep(l.Descriptor.Digest, blob) }

// compressLayer compresses what write writes to stored.
func compressLayer(stored io.Writer, s codec.Setting, opts codec.WriterOptions, write func(io.Writer) error) (tar *hashingWriter, err error) {
	compressed, err := codec.NewWriter(stored, s, opts)
	if err != nil {
		return nil, err
	}
	tar = &hashingWriter{w: compressed, sum: digest.Canonical.Hash()}
	if err := write(tar); err != nil {
		_ = compressed.Close() // to give up; it says the same once more
		return nil, err
	}
	return tar, compressed.Close()
}

func (m *madeBlobs) keep(d digest.Digest, blob Blob) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.blobs[d]; ok {
		_ = blob.Close() // the same bytes are there
		return
	}
	m.blobs[d] = blob
}

// Close removes the temporary files.
func (m *madeBlobs) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, blob := range m.blobs {
		errs = append(errs, blob.Close())
	}
	clear(m.blobs)
	return errors.Join(errs...)
}

// madeBlob is a blob whose digest was taken of what was made, by this process in
// a file that nobody else has: it needs no second look.
type madeBlob struct{ *io.SectionReader }

func (madeBlob) Close() error { return nil }

func (m madeBlob) copyTo(ctx context.Context, w io.Writer, progress func(int64)) error {
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	r := &progressReader{&contextReader{ctx, m.SectionReader}, progress}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, r, buffer[:])
	return err
}

// tempBlob is a blob that owns its file.
type tempBlob struct {
	*io.SectionReader
	file io.Closer
}

func (t tempBlob) Close() error { return t.file.Close() }

// hashingWriter hashes and counts what goes through it, in another goroutine
// than the one that writes.
type hashingWriter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (h *hashingWriter) Write(p []byte) (int, error) {
	if err := writeHashed(h.w, h.sum, p); err != nil {
		return 0, err
	}
	h.n += int64(len(p))
	return len(p), nil
}

func (h *hashingWriter) digest() digest.Digest { return digest.NewDigest(digest.Canonical, h.sum) }

// contextWriter ends with the context's error once it is cancelled.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *contextWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
