package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/imgtool/imgtool/archive/ref"
)

// writeTar writes files as one tar to path or standard output.
func writeTar(ctx context.Context, path string, files []file, opts WriteOptions) error {
	if path == ref.Stdio {
		stdout := opts.Stdout
		if stdout == nil {
			stdout = os.Stdout
		}
		return streamTar(ctx, stdout, files, opts)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeDevice(ctx, path, files, opts)
	}
	return writeTarFile(ctx, path, files, opts)
}

// writeTarFile writes files to a regular file, which appears whole.
func writeTarFile(ctx context.Context, path string, files []file, opts WriteOptions) (err error) {
	if os.IsPathSeparator(path[len(path)-1]) {
		return withHint(errors.New("it is the name of a folder"), "name a file, or write oci:%s", path)
	}
	parent, name, err := openParent(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parent.Close()) }()
	p, err := createPending(parent, name)
	if err != nil {
		return err
	}
	err = errors.Join(streamTar(ctx, p, files, opts), p.Close())
	if err == nil {
		err = p.sync()
	}
	if err == nil {
		err = p.rename()
	}
	if err != nil {
		return errors.Join(err, p.discard())
	}
	return syncFolder(parent, ".")
}

// writeDevice writes to a pipe or a device, which cannot be replaced.
func writeDevice(ctx context.Context, path string, files []file, opts WriteOptions) error {
	device, err := openWaiting(ctx, path, os.O_WRONLY)
	if err != nil {
		return err
	}
	return errors.Join(streamTar(ctx, device, files, opts), device.Close())
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
