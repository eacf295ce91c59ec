package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// writeTar writes files as one tar to path or standard output.
func writeTar(ctx context.Context, path string, files []file, opts WriteOptions) error {
	err := writeWhole(ctx, path, opts, func(w io.Writer) error { return streamTar(ctx, w, files, opts) })
	if errors.Is(err, errIsFolder) {
		return withHint(err, "name a file, or write oci:%s", path)
	}
	return err
}

// streamTar writes files in their order. Nothing in it depends on the machine
// or the time.
func streamTar(ctx context.Context, w io.Writer, files []file, opts WriteOptions) error {
	tw := tar.NewWriter(w)
	for i := range files {
		f := &files[i]
		if err := tw.WriteHeader(tarHeader(f)); err != nil {
			return fmt.Errorf("tar header of %s: %w", f.name, err)
		}
		if f.isFolder() {
			continue
		}
		if err := f.copyTo(ctx, tw, opts); err != nil {
			return err
		}
	}
	return tw.Close()
}

// tarHeader gives every member the owner root and the time 0, as Docker and
// skopeo do.
func tarHeader(f *file) *tar.Header {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: f.size(), Mode: 0o644, ModTime: time.Unix(0, 0)}
	if f.isFolder() {
		h.Typeflag, h.Name, h.Mode = tar.TypeDir, f.name+"/", 0o755
	}
	return h
}
