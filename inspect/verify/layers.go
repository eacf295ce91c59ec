package verify

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layerResult is what one reading of a layer gave.
type layerResult struct {
	size int64 // stored bytes
	// tar is the digest of the uncompressed tar; empty where the layer is broken.
	tar     digest.Digest
	changes *layer.Changeset
}

// layerCache holds layers that were read, by the digest of what is stored.
type layerCache map[digest.Digest]*layerResult

// scanLayer reads a layer once: the stored bytes and the tar are hashed, the
// entries kept. An error means that the run ends; all else is a finding.
func (v *verifier) scanLayer(ctx context.Context, l archive.Layer, w Where) (_ *layerResult, err error) {
	blob, err := v.archive.Open(l.Descriptor)
	if err != nil {
		v.addReadFault(err, w)
		return &layerResult{}, nil
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	if archive.IsEncrypted(l.Descriptor.MediaType) && !v.isReadable(ctx, l, blob, w) {
		return &layerResult{size: blob.Size()}, v.checkBlob(ctx, l.Descriptor, blob, w)
	}
	r := &layerResult{size: blob.Size(), changes: &layer.Changeset{}}
	stored, err := v.newHashing(ctx, l.Descriptor, blob)
	if err != nil {
		v.found.add(JSONInvalid, w, "%v", err)
		return &layerResult{}, nil
	}
	fault := v.readLayer(ctx, l, stored, r, w)
	if _, err := io.Copy(io.Discard, stored); err != nil { // what the decoder left
		return nil, fmt.Errorf("read %s: %w", l.Descriptor.Digest, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !v.checkHash(l.Descriptor, stored, blob.Size(), w) {
		v.held.Release(r.changes)
		return &layerResult{size: blob.Size()}, nil // all else follows from that
	}
	if fault != nil {
		v.found.add(fault.rule, w, "%v", fault.err)
		v.held.Release(r.changes)
		return &layerResult{size: blob.Size()}, nil
	}
	return r, nil
}

// isReadable reports a layer that is called encrypted and is a tar all the same,
// which then is read as any other: engines that go by manifest.json do so. What
// was encrypted does not begin as a tar.
func (v *verifier) isReadable(ctx context.Context, l archive.Layer, blob archive.Blob, w Where) bool {
	stored := &meteredReader{ctx: ctx, r: io.NewSectionReader(blob, 0, blob.Size())}
	plain, err := codec.NewReader(stored, l.Compression, codec.ReaderOptions{MaxExpansion: v.opts.MaxExpansion})
	if err != nil {
		return false
	}
	defer plain.Close() // it has no error that reading has not
	var fault *layer.EntryError
	if _, err := layer.NewReader(plain).Next(); err != nil && !errors.As(err, &fault) {
		return false
	}
	v.found.add(CompressionMismatch, w, "media type %q says that it is encrypted, content is a tar (%s)", l.Descriptor.MediaType, l.Compression)
	return true
}

// checkBlob hashes a blob that is no layer.
func (v *verifier) checkBlob(ctx context.Context, d ocispec.Descriptor, blob archive.Blob, w Where) error {
	stored, err := v.newHashing(ctx, d, blob)
	if err != nil {
		v.found.add(JSONInvalid, w, "%v", err)
		return nil
	}
	if _, err := io.Copy(io.Discard, stored); err != nil {
		return fmt.Errorf("read %s: %w", d.Digest, err)
	}
	v.checkHash(d, stored, blob.Size(), w)
	return nil
}

// checkHash compares what went by with a descriptor.
func (v *verifier) checkHash(d ocispec.Descriptor, stored *hashing, size int64, w Where) bool {
	if got := digest.NewDigest(d.Digest.Algorithm(), stored.sum); got != d.Digest {
		v.found.add(DigestMismatch, w, "descriptor says %s, content is %s", d.Digest, got)
		return false
	}
	v.checkSize(d, size, w)
	v.checkData(d, w)
	return true
}

// checkData compares what a descriptor embeds with what it describes.
func (v *verifier) checkData(d ocispec.Descriptor, w Where) {
	if len(d.Data) > 0 && d.Digest.Validate() == nil && d.Digest.Algorithm().FromBytes(d.Data) != d.Digest {
		v.found.add(DataMismatch, w, "the descriptor embeds %d bytes that are not %s", len(d.Data), d.Digest)
	}
}

// layerFault is why a layer cannot be read to its end.
type layerFault struct {
	rule string
	err  error
}

// readLayer reads the tar of a layer from stored.
func (v *verifier) readLayer(ctx context.Context, l archive.Layer, stored io.Reader, r *layerResult, w Where) *layerFault {
	plain, err := codec.NewReader(stored, l.Compression, codec.ReaderOptions{MaxExpansion: v.opts.MaxExpansion})
	if err != nil {
		return &layerFault{StreamBroken, err}
	}
	defer plain.Close() // it has no error that reading has not
	ahead := layer.ReadAhead(ctx, plain)
	defer ahead.Close() // before the decoder, which it uses
	tar := &hashing{r: ahead, sum: digest.Canonical.Hash()}
	err = v.readEntries(ctx, tar, r, w)
	if err == nil {
		err = v.readRest(tar, w)
	}
	switch {
	case errors.Is(err, codec.ErrExpansion):
		return &layerFault{Expansion, err}
	case tar.err != nil:
		return &layerFault{StreamBroken, tar.err}
	case errors.Is(err, layer.ErrTooLarge):
		return &layerFault{OverLimit, err}
	case err != nil:
		return &layerFault{TarBroken, err}
	}
	r.tar = digest.NewDigest(digest.Canonical, tar.sum)
	return nil
}

// readEntries keeps the entries of a tar, and finds those that cannot be.
func (v *verifier) readEntries(ctx context.Context, tar io.Reader, r *layerResult, w Where) error {
	entries := layer.NewReader(tar)
	entries.MaxExpansion = v.opts.MaxExpansion
	sums := layer.NewSummer()
	for {
		e, err := entries.Next()
		var fault *layer.EntryError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &fault):
			v.addEntryFault(fault, w)
			continue
		case err != nil:
			return err
		}
		if err := v.held.Take(&e); err != nil {
			return err
		}
		if err := sums.Sum(ctx, &e, entries); err != nil {
			return err
		}
		r.changes.Add(e)
	}
}

func (v *verifier) addEntryFault(fault *layer.EntryError, w Where) {
	w.Entry, w.Offset = fault.Path, &fault.Offset
	rule := EntryInvalid
	if errors.Is(fault, layer.ErrUnsafePath) {
		rule = PathEscape
	}
	v.found.add(rule, w, "%v", fault.Err)
}

// readRest looks for data behind the end of a tar; zeros fill up its last record.
func (v *verifier) readRest(tar io.Reader, w Where) error {
	buffer := make([]byte, 32<<10)
	for hidden := false; ; {
		n, err := tar.Read(buffer)
		for _, b := range buffer[:n] {
			if b != 0 && !hidden {
				hidden = true
				v.found.add(TarTrailing, w, "bytes other than zero follow the end of the tar")
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// hashing hashes what is read through it, and keeps the error that it ended with.
type hashing struct {
	r   io.Reader
	sum hash.Hash
	err error // other than io.EOF
}

// newHashing reads the stored bytes of a blob.
func (v *verifier) newHashing(ctx context.Context, d ocispec.Descriptor, b archive.Blob) (*hashing, error) {
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %q: %w", d.Digest, err)
	}
	stored := io.NewSectionReader(b, 0, b.Size())
	return &hashing{r: &meteredReader{ctx, stored, v.opts.Progress}, sum: d.Digest.Algorithm().Hash()}, nil
}

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.sum.Write(p[:n])
	if err != nil && !errors.Is(err, io.EOF) {
		h.err = err
	}
	return n, err
}

// meteredReader ends with the context's error once that is cancelled, and tells
// how much went through it.
type meteredReader struct {
	ctx      context.Context
	r        io.Reader
	progress func(int64)
}

func (m *meteredReader) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	if m.progress != nil {
		m.progress(int64(n))
	}
	return n, err
}
