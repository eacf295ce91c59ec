package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	_ "crypto/sha256" // for go-digest
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// reference is the name of the image in the layout.
const reference = "bench:latest"

// compression is what -compress and -level say.
type compression struct {
	name  string
	level int // 0 is the default
}

func (c compression) check() error {
	highest := map[string]int{"none": 0, "gzip": 9, "zstd": 19}
	most, known := highest[c.name]
	switch {
	case !known:
		return fmt.Errorf("-compress %q: want none, gzip or zstd", c.name)
	case c.level < 0 || c.level > most:
		return fmt.Errorf("-level %d: want 0 to %d for %s", c.level, most, c.name)
	}
	return nil
}

func (c compression) mediaType() string {
	switch c.name {
	case "gzip":
		return v1.MediaTypeImageLayerGzip
	case "zstd":
		return v1.MediaTypeImageLayerZstd
	default:
		return v1.MediaTypeImageLayer
	}
}

// writer compresses to w. gzip is the standard library's, as in the layers that
// BuildKit and containerd write, not one whose streams are easier to decode.
func (c compression) writer(w io.Writer) (io.WriteCloser, error) {
	switch c.name {
	case "gzip":
		level := gzip.DefaultCompression
		if c.level > 0 {
			level = c.level
		}
		return gzip.NewWriterLevel(w, level)
	case "zstd":
		level := zstd.SpeedDefault
		if c.level > 0 {
			level = zstd.EncoderLevelFromZstd(c.level)
		}
		// One goroutine, since what several write depends on their number.
		return zstd.NewWriter(w, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1))
	default:
		return plainWriter{w}, nil
	}
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }

// writeLayout makes the new folder dir an OCI layout with one image, and returns
// the descriptor of its manifest. The folder appears when it is complete.
func writeLayout(ctx context.Context, dir string, layers [][]entry, c compression) (_ v1.Descriptor, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return v1.Descriptor{}, fmt.Errorf("write %q: %w", dir, os.ErrExist)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".benchimage-*")
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(work))
		}
	}()
	manifest, err := blobs(work).writeImage(ctx, layers, c)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if err := os.Chmod(work, 0o755); err != nil {
		return v1.Descriptor{}, err
	}
	return manifest, os.Rename(work, dir)
}

// blobs is the folder of a layout, to which content is added by its digest.
type blobs string

func (b blobs) writeImage(ctx context.Context, layers [][]entry, c compression) (v1.Descriptor, error) {
	if err := os.MkdirAll(filepath.Join(string(b), v1.ImageBlobsDir, string(digest.SHA256)), 0o755); err != nil {
		return v1.Descriptor{}, err
	}
	descriptors, diffIDs, err := b.writeLayers(ctx, layers, c)
	if err != nil {
		return v1.Descriptor{}, err
	}
	config, err := b.addJSON(v1.MediaTypeImageConfig, configOf(diffIDs))
	if err != nil {
		return v1.Descriptor{}, err
	}
	manifest, err := b.addJSON(v1.MediaTypeImageManifest, v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: v1.MediaTypeImageManifest,
		Config:    config,
		Layers:    descriptors,
	})
	if err != nil {
		return v1.Descriptor{}, err
	}
	named := manifest
	named.Platform = &v1.Platform{OS: "linux", Architecture: "amd64"}
	named.Annotations = map[string]string{v1.AnnotationRefName: reference}
	return manifest, errors.Join(
		b.writeJSON(v1.ImageIndexFile, v1.Index{
			Versioned: specs.Versioned{SchemaVersion: 2},
			MediaType: v1.MediaTypeImageIndex,
			Manifests: []v1.Descriptor{named},
		}),
		b.writeJSON(v1.ImageLayoutFile, v1.ImageLayout{Version: v1.ImageLayoutVersion}),
	)
}

func configOf(diffIDs []digest.Digest) v1.Image {
	image := v1.Image{
		Created:  &madeAt,
		Platform: v1.Platform{OS: "linux", Architecture: "amd64"},
		Config:   v1.ImageConfig{Cmd: []string{"/usr/bin/true"}},
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: diffIDs},
	}
	for i := range diffIDs {
		image.History = append(image.History, v1.History{Created: &madeAt, CreatedBy: fmt.Sprintf("benchimage: layer %d", i)})
	}
	return image
}

// writeLayers writes the layers side by side and gives their descriptors and
// diffIDs in order.
func (b blobs) writeLayers(ctx context.Context, layers [][]entry, c compression) ([]v1.Descriptor, []digest.Digest, error) {
	descriptors := make([]v1.Descriptor, len(layers))
	diffIDs := make([]digest.Digest, len(layers))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, entries := range layers {
		g.Go(func() (err error) {
			diffID := digest.SHA256.Digester()
			descriptors[i], err = b.add(c.mediaType(), func(w io.Writer) error {
				return writeLayer(ctx, w, diffID.Hash(), entries, c)
			})
			diffIDs[i] = diffID.Digest()
			return err
		})
	}
	return descriptors, diffIDs, g.Wait()
}

// writeLayer writes the tar of a layer to plain, and compressed to w.
func writeLayer(ctx context.Context, w, plain io.Writer, entries []entry, c compression) error {
	z, err := c.writer(w)
	if err != nil {
		return err
	}
	t := tar.NewWriter(io.MultiWriter(plain, z))
	err = writeEntries(ctx, t, entries)
	if err == nil {
		err = t.Close()
	}
	return errors.Join(err, z.Close())
}

// add stores what write writes.
func (b blobs) add(mediaType string, write func(io.Writer) error) (v1.Descriptor, error) {
	f, err := os.CreateTemp(string(b), "blob-*")
	if err != nil {
		return v1.Descriptor{}, err
	}
	sum := digest.SHA256.Digester()
	err = write(io.MultiWriter(f, sum.Hash()))
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Chmod(0o644), f.Close()); err != nil {
		return v1.Descriptor{}, err
	}
	d := v1.Descriptor{MediaType: mediaType, Digest: sum.Digest(), Size: info.Size()}
	return d, os.Rename(f.Name(), filepath.Join(string(b), v1.ImageBlobsDir, string(d.Digest.Algorithm()), d.Digest.Encoded()))
}

func (b blobs) addJSON(mediaType string, v any) (v1.Descriptor, error) {
	return b.add(mediaType, func(w io.Writer) error { return json.NewEncoder(w).Encode(v) })
}

func (b blobs) writeJSON(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(string(b), name), text, 0o644)
}
