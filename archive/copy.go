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

	_ "crypto/sha512" // registers what go-digest offers besides sha256
)

// copyBuffer is the size of one read and write, in bytes. It is large enough
// for the hand-over between hashing and writing to cost nothing, and small
// enough for cancelling to take effect at once.
const copyBuffer = 512 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// Copy writes the content of d from b to w, hashing what it reads while it
// writes it. Where size or digest are not what d promises it fails with a
// [*SizeError] or a [*DigestError]; w has then seen bytes that must not be
// used. It holds one buffer of 512 KiB. Progress, which may be nil, is called
// from the calling goroutine with the bytes copied since its last call.
func Copy(ctx context.Context, w io.Writer, b Blob, d ocispec.Descriptor, progress func(int64)) error {
	if err := d.Digest.Validate(); err != nil {
		return fmt.Errorf("digest %q: %w", d.Digest, ErrMalformed)
	}
	if b.Size() != d.Size {
		return &SizeError{Want: d.Size, Got: b.Size()}
	}
	got, err := hashing(ctx, w, b, d.Digest.Algorithm(), progress)
	if err != nil {
		return err
	}
	if got != d.Digest {
		return &DigestError{Want: d.Digest, Got: got}
	}
	return nil
}

// hashing copies b to w and gives its digest. The hash of each buffer is taken
// beside the write of the same buffer, so that two cores share the work.
func hashing(ctx context.Context, w io.Writer, b Blob, algorithm digest.Algorithm, progress func(int64)) (digest.Digest, error) {
	if !algorithm.Available() {
		return "", fmt.Errorf("digest algorithm %q: %w", algorithm, ErrUnsupported)
	}
	buffer := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buffer)
	sum := algorithm.Hash()
	for offset := int64(0); offset < b.Size(); {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := b.ReadAt(buffer[:min(copyBuffer, b.Size()-offset)], offset)
		if n == 0 {
			return "", fmt.Errorf("read at %d of %d bytes: %w", offset, b.Size(), unexpected(err))
		}
		if err := writeHashed(w, sum, buffer[:n]); err != nil {
			return "", err
		}
		if offset += int64(n); progress != nil {
			progress(int64(n))
		}
	}
	return digest.NewDigest(algorithm, sum), nil
}

// unexpected turns the end of a file that should go on into an error.
func unexpected(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeHashed hashes p in another goroutine while it writes it, and waits for
// both.
func writeHashed(w io.Writer, sum hash.Hash, p []byte) error {
	if w == io.Discard {
		sum.Write(p)
		return nil
	}
	var hashed sync.WaitGroup
	hashed.Go(func() { sum.Write(p) })
	_, err := w.Write(p)
	hashed.Wait()
	return err
}

// hashBlob reads all of b for its digest.
func hashBlob(ctx context.Context, b Blob) (digest.Digest, error) {
	return hashing(ctx, io.Discard, b, digest.Canonical, nil)
}

// hashTar reads all of b for the digest of its uncompressed content, the diffID.
func hashTar(ctx context.Context, b Blob, c codec.Compression, opts codec.ReaderOptions) (_ digest.Digest, err error) {
	stored := io.NewSectionReader(b, 0, b.Size())
	plain, err := codec.NewReader(&contextReader{ctx, stored}, c, opts)
	if err != nil {
		return "", err
	}
	defer plain.Close() // it has no error that reading has not
	sum := digest.Canonical.Digester()
	if _, err := io.Copy(sum.Hash(), plain); err != nil {
		return "", err
	}
	return sum.Digest(), nil
}

// contextReader ends with the context's error once it is cancelled.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
