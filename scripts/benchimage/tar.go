package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// madeAt stands in every header and in the config, since times of files differ
// between machines that have the same files.
var madeAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// writeTarFile writes the entries of all layers, one after the other, as one
// tar. A file that was there is replaced.
func writeTarFile(ctx context.Context, path string, layers [][]entry) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	w := tar.NewWriter(f)
	for _, entries := range layers {
		if err := writeEntries(ctx, w, entries); err != nil {
			return err
		}
	}
	return w.Close()
}

func writeEntries(ctx context.Context, w *tar.Writer, entries []entry) error {
	for _, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := w.WriteHeader(e.header()); err != nil {
			return fmt.Errorf("write %q: %w", e.name, err)
		}
		if err := e.writeContent(w); err != nil {
			return fmt.Errorf("write %q: %w", e.name, err)
		}
	}
	return w.Flush() // fails if a file has become shorter
}

func (e entry) header() *tar.Header {
	h := &tar.Header{
		Typeflag: e.kind,
		Name:     e.name,
		Linkname: e.target,
		Size:     e.from.size,
		Mode:     int64(e.from.perm),
		ModTime:  madeAt,
	}
	switch e.kind {
	case tar.TypeDir:
		h.Name += "/"
		h.Mode = 0o755
	case tar.TypeSymlink:
		h.Mode = 0o777
	}
	return h
}

// writeContent copies the file of e, which must have the size that it was found
// with; w refuses more.
func (e entry) writeContent(w io.Writer) error {
	if e.from.path == "" {
		return nil
	}
	f, err := os.Open(e.from.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
