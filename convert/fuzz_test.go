package convert_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// FuzzRepair repairs any bytes. What can be repaired opens, and there is nothing
// more to mend in it: repaired again it is the same, byte for byte.
func FuzzRepair(f *testing.F) {
	for _, format := range []string{"docker-save-1.0", "docker-save", "docker-hybrid-25.0", "docker-containerd", "oci-archive"} {
		for _, damage := range []string{"", "remove index.json\n", "remove manifest.json\n", "remove repositories\n", "remove blob:layer:0:0\n"} {
			if strings.Contains(damage, "index.json") && strings.HasPrefix(format, "docker-save") || strings.Contains(damage, "manifest.json") && (format == "oci-archive" || format == "docker-save-1.0") ||
				strings.Contains(damage, "repositories") && !strings.HasPrefix(format, "docker-save") {
				continue // there is no such file
			}
			raw, err := os.ReadFile(build(f, "format "+format+"\nimage example.com/a:v1\n  layer\n    file a a\n  layer\n    file b b\n"+damage))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, ok := repaired(t, data)
		if !ok {
			return
		}
		twice, ok := repaired(t, once)
		if !ok {
			t.Fatal("what was repaired cannot be repaired")
		}
		if !bytes.Equal(once, twice) {
			t.Error("what was repaired is mended again")
		}
	})
}

// repaired gives an archive repaired, as a docker archive.
func repaired(t *testing.T, data []byte) (_ []byte, ok bool) {
	t.Helper()
	a, ok := openFuzzed(t, data, archive.OpenOptions{Mend: true})
	if !ok {
		return nil, false
	}
	plan, err := convert.NewRepair([]convert.Source{{Archive: a}}, ref.Ref{Transport: ref.DockerArchive, Path: ref.Stdio}, convert.Options{})
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	if err := plan.Run(t.Context(), archive.WriteOptions{Stdout: &out}); err != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// openFuzzed opens an archive that is in memory.
func openFuzzed(t testing.TB, data []byte, opts archive.OpenOptions) (*archive.Archive, bool) {
	t.Helper()
	opts.Stdin, opts.Decompress.MaxExpansion = bytes.NewReader(data), 1
	a, err := archive.Open(t.Context(), ref.Ref{Path: ref.Stdio}, opts)
	if err != nil {
		checkTyped(t, err)
		return nil, false
	}
	t.Cleanup(func() { a.Close() })
	return a, true
}

// openStrange builds what [archivetest.Strange] makes of data, and opens it.
func openStrange(t testing.TB, data []byte) (*archive.Archive, bool) {
	t.Helper()
	listing := archivetest.Strange(data)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(listing)
		}
	})
	path := filepath.Join(t.TempDir(), "strange")
	archivetest.Build(t, path, listing)
	a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		checkTyped(t, err)
		return nil, false
	}
	t.Cleanup(func() { a.Close() })
	return a, true
}

// brokenStream is what is said of bytes that no compressor writes.
var brokenStream = regexp.MustCompile(`read (gzip|bzip2|xz|zstd) (stream|at byte \d+): `)

// checkTyped holds that an error is one that callers can tell by.
func checkTyped(t testing.TB, err error) {
	t.Helper()
	for _, kind := range []error{
		archive.ErrNotFound, archive.ErrNotImage, archive.ErrTooLarge, archive.ErrMalformed, archive.ErrUnsupported, archive.ErrOpaque,
		layer.ErrUnsafePath, layer.ErrTooLarge, layer.ErrMalformed, layer.ErrUnsupported, layer.ErrLoop,
		codec.ErrExpansion, io.ErrUnexpectedEOF, fs.ErrNotExist, fs.ErrExist, tar.ErrHeader, tar.ErrFieldTooLong,
	} {
		if errors.Is(err, kind) {
			return
		}
	}
	var (
		sum       *archive.DigestError
		size      *archive.SizeError
		selection *archive.SelectionError
		entry     *layer.EntryError
	)
	if !brokenStream.MatchString(err.Error()) && !errors.As(err, &sum) && !errors.As(err, &size) && !errors.As(err, &selection) && !errors.As(err, &entry) {
		t.Errorf("an error of no kind: %v", err)
	}
}
