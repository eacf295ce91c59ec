package hostile

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// heavyCases want to take all time, memory or disk.
func heavyCases() []Case {
	cases := []Case{
		{Name: "flood-of-entries", About: "a layer of a million files; it is read, and needs its memory.", Memory: 512, write: entryFlood(1, 1_000_000, 1)},
		{Name: "flood-of-duplicates", About: "a hundred thousand paths, each twice, in a layer that is there twice.", Memory: 256, Rules: rules("DUPLICATE-ENTRY"), write: entryFlood(2, 100_000, 2)},
		{Name: "flood-of-depth", About: "2,000 files below 1,000 folders in each other, in two layers.", Memory: 256, write: depthFlood},
		{Name: "flood-of-members", About: "an archive of 200,001 members, one more than allowed.", Memory: 256, write: memberFlood(200_001)},
		{Name: "flood-of-members-allowed", About: "an archive of 200,000 members, as many as are allowed.", Memory: 256, write: memberFlood(200_000)},
		{Name: "flood-of-manifests", About: "9,000 images, each with its own manifest and config.", Memory: 256, write: manifestFlood(9000)},
		{Name: "flood-of-indexes", About: "a thousand indexes in each other.", Rules: rules("OVER-LIMIT"), write: indexChain(1000)},
		{Name: "flood-of-descriptors", About: "an index.json of a million descriptors.", Memory: 256, write: wideIndex(1_000_000)},
		{Name: "flood-of-layers", About: "a manifest of a million layers.", Memory: 256, Rules: rules("OVER-LIMIT"), write: manifestOf(`{"schemaVersion":2,"config":{},"layers":[`, "{},", 1_000_000, `{}]}`)},
		{Name: "flood-of-text", About: "a manifest of 100 MB.", Rules: rules("OVER-LIMIT"), write: manifestOf(`{"a":"`, "x", 100<<20, `"}`)},
		{Name: "flood-of-lists", About: "a manifest of three million lists in each other.", Rules: rules("JSON-INVALID"), write: manifestOf("", "[", 3<<20, "")},
		{Name: "bomb-zstd", About: "a layer of 3 GiB of zeros in zstd, in an image twice.", Rules: rules("EXPANSION"), write: bomb(zstdWriter, "+zstd", 3<<30, 2)},
		{Name: "bomb-gzip", About: "a layer of 3 GiB of zeros in gzip.", Rules: rules("EXPANSION"), write: bomb(gzipWriter, "+gzip", 3<<30, 1)},
		{Name: "bomb-sparse", About: "a layer of a few bytes with a sparse file of 9 EB.", Rules: rules("EXPANSION"), write: sparseBomb},
		{Name: "bomb-outer", About: "an archive in gzip whose one member is 3 GiB of zeros.", write: outerBomb},
		{Name: "limit-expansion-under-1-gib", About: "a layer of 1,020 MiB of zeros in gzip: 1,000 to 1, which is allowed up to 1 GiB.", write: bomb(gzipWriter, "+gzip", 1020<<20, 1)},
		{Name: "limit-expansion-reached", About: "a layer of 1.1 GiB that expands 195 to 1, which is allowed.", write: ratio(195)},
		{Name: "limit-expansion-passed", About: "a layer of 1.1 GiB that expands 205 to 1, more than allowed.", Rules: rules("EXPANSION"), write: ratio(205)},
	}
	for i := range cases {
		cases[i].Heavy = true
	}
	return cases
}

// errWriter keeps the first error, so that writers of many parts can ask once.
type errWriter struct {
	w   io.Writer
	err error
}

func (w *errWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.w.Write(p)
	w.err = err
	return n, err
}

func (w *errWriter) text(parts ...string) {
	for _, p := range parts {
		_, _ = io.WriteString(w, p) // the error is kept
	}
}

func gzipWriter(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) }

func zstdWriter(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
}

// streamed writes a layout folder of an image that has a layer as often as times
// says. The layer is never held as a whole.
func streamed(path, mediaType string, times int, compress func(io.Writer) (io.WriteCloser, error), write func(*errWriter)) error {
	blobs := filepath.Join(path, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(path, "layer"))
	if err != nil {
		return err
	}
	stored, plain := sha256.New(), sha256.New()
	if err := errors.Join(stream(io.MultiWriter(file, stored), plain, compress, write), file.Close()); err != nil {
		return err
	}
	info, err := os.Stat(file.Name())
	if err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(blobs, hexOf(stored))); err != nil {
		return err
	}
	f := Files{}
	layer := doc{"mediaType": mediaType, "digest": "sha256:" + hexOf(stored), "size": info.Size()}
	config := f.Blob(typeConfig, marshal(doc{"architecture": "amd64", "os": "linux", "rootfs": doc{"type": "layers", "diff_ids": repeatedText("sha256:"+hexOf(plain), times)}}))
	f.Finish(f.Blob(typeManifest, marshal(doc{"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": repeated(layer, times)})))
	return f.Folder(path)
}

func stream(stored io.Writer, plain hash.Hash, compress func(io.Writer) (io.WriteCloser, error), write func(*errWriter)) error {
	compressed, err := compress(stored)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(io.MultiWriter(compressed, plain), 1<<20)
	w := &errWriter{w: buffered}
	write(w)
	return errors.Join(w.err, buffered.Flush(), compressed.Close())
}

func hexOf(h hash.Hash) string { return fmt.Sprintf("%x", h.Sum(nil)) }

// zeroBytes writes n zeros.
func (w *errWriter) zeroBytes(n int64) {
	block := make([]byte, 1<<20)
	for ; n > 0; n -= int64(len(block)) {
		_, _ = w.Write(block[:min(n, int64(len(block)))]) // the error is kept
	}
}

// entryFlood is n empty files, as often as rounds says, each time with another
// mode, in a layer that stands several times.
func entryFlood(times, n, rounds int) func(string) error {
	return func(path string) error {
		return streamed(path, typeLayer+"+gzip", times, gzipWriter, func(w *errWriter) {
			for round := range rounds {
				for i := range n {
					w.text(header('0', fmt.Sprintf("d%04d/name-of-a-file-%07d", i/500, i), 0, put{atMode, octal(7, 0o600+int64(round))}))
				}
			}
			w.text(tarEnd)
		})
	}
}

// depthFlood is many files below a path that is as long as can be.
func depthFlood(path string) error {
	deep := strings.Repeat("d/", 1000)
	return streamed(path, typeLayer+"+gzip", 2, gzipWriter, func(w *errWriter) {
		for i := range 2_000 {
			w.text(long(fmt.Sprintf("%sf%d", deep, i), ""))
		}
		w.text(tarEnd)
	})
}

// bomb is a file of zeros.
func bomb(compress func(io.Writer) (io.WriteCloser, error), suffix string, size int64, times int) func(string) error {
	return func(path string) error {
		return streamed(path, typeLayer+suffix, times, compress, func(w *errWriter) {
			w.text(header('0', "zeros", size))
			w.zeroBytes(size)
			w.text(tarEnd)
		})
	}
}

// ratio is a layer of 1.1 GiB that expands so many times: a file that does not
// compress, and then zeros, which gzip makes about a thousandth of.
func ratio(times int64) func(string) error {
	return func(path string) error {
		const zeroSize, ofZeros = 1126 << 20, 995 // to 1, as gzip makes them
		noise := scrambled(strings.Repeat("\x00", int(zeroSize*(ofZeros-times)/ofZeros/(times-1))))
		return streamed(path, typeLayer+"+gzip", 1, gzipWriter, func(w *errWriter) {
			w.text(file("noise", noise), header('0', "zeros", zeroSize))
			w.zeroBytes(zeroSize)
			w.text(tarEnd)
		})
	}
}

// sparseBomb has a sparse file of 9 EB (GNU tar manual, "Storing Sparse Files",
// PAX 0.1).
func sparseBomb(path string) error {
	return streamed(path, typeLayer+"+gzip", 2, gzipWriter, func(w *errWriter) {
		w.text(pax('x', "GNU.sparse.size", "9000000000000000000", "GNU.sparse.numblocks", "1", "GNU.sparse.map", "9000000000000000000,0"), header('0', "sparse", 0), tarEnd)
	})
}

func outerBomb(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(stream(file, sha256.New(), gzipWriter, func(w *errWriter) {
		w.text(header('0', "zeros", 3<<30))
		w.zeroBytes(3 << 30)
		w.text(tarEnd)
	}), file.Close())
}

// memberFlood is a docker-save archive of n members.
func memberFlood(n int) func(string) error {
	return func(path string) error {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		buffered := bufio.NewWriterSize(file, 1<<20)
		w := &errWriter{w: buffered}
		w.text(strings.TrimSuffix(docker(dockerManifest), tarEnd))
		for i := range n - 3 {
			w.text(header('0', fmt.Sprintf("member%d", i), 0))
		}
		w.text(tarEnd)
		return errors.Join(w.err, buffered.Flush(), file.Close())
	}
}

// manifestFlood is a layout of n images.
func manifestFlood(n int) func(string) error {
	return func(path string) error {
		f := Files{}
		layer := f.Blob(typeLayer, baseLayer)
		roots := make([]any, n)
		for i := range roots {
			config := f.Blob(typeConfig, marshal(doc{"architecture": "amd64", "os": "linux", "author": fmt.Sprint(i), "rootfs": doc{"type": "layers", "diff_ids": []any{digestOf(baseLayer)}}}))
			roots[i] = f.Blob(typeManifest, marshal(doc{"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": []any{layer}}))
		}
		return f.Finish(roots...).Tar(path)
	}
}

// indexChain is n indexes, each in the next.
func indexChain(n int) func(string) error {
	return func(path string) error {
		f := Files{}
		root := f.index()
		for range n {
			root = f.index(root)
		}
		return f.Finish(root).Tar(path)
	}
}

// wideIndex is an index.json of n descriptors.
func wideIndex(n int) func(string) error {
	return func(path string) error {
		f := Files{}
		return f.Finish(repeated(f.Blob(typeManifest, "{}"), n)...).Tar(path)
	}
}

// manifestOf is a layout whose one manifest is a text n times between others.
func manifestOf(before, text string, n int, after string) func(string) error {
	return func(path string) error {
		f := Files{}
		return f.Finish(f.Blob(typeManifest, before+strings.Repeat(text, n)+after)).Tar(path)
	}
}
