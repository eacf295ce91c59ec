package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// file is one file of an archive to be: a blob, or bytes of our own, or, with
// neither, a folder. Where it is written to is not its business.
type file struct {
	name string
	data []byte
	blob *StoredBlob
}

// copyTo writes the content of b to w and says which blob an error is about.
func (b *StoredBlob) copyTo(ctx context.Context, w io.Writer, opts WriteOptions) (err error) {
	blob, err := b.source.Open(b.Descriptor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	if m, ok := blob.(madeBlob); ok {
		return m.copyTo(ctx, w, opts.Progress)
	}
	if err := Copy(ctx, w, blob, b.Descriptor, opts.Progress); err != nil {
		return fmt.Errorf("copy blob %s: %w", b.Descriptor.Digest, err)
	}
	return nil
}

// size is the number of bytes of f.
func (f *file) size() int64 {
	if f.blob != nil {
		return f.blob.Descriptor.Size
	}
	return int64(len(f.data))
}

func (f *file) isFolder() bool { return f.blob == nil && f.data == nil }

// copyTo writes the content of f to w.
func (f *file) copyTo(ctx context.Context, w io.Writer, opts WriteOptions) error {
	if f.blob != nil {
		return f.blob.copyTo(ctx, w, opts)
	}
	_, err := w.Write(f.data)
	return err
}
