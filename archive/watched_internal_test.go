package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// brokenMembers hold texts by name. One of them is on a part of the disk that
// cannot be read.
type brokenMembers struct {
	texts  map[string]string
	broken string
}

var errBroken = &fs.PathError{Op: "read", Path: "disk", Err: syscall.EIO}

func (m brokenMembers) open(name string) (Blob, error) {
	text, ok := m.texts[name]
	switch {
	case name == m.broken:
		return nil, errBroken
	case !ok:
		return nil, fmt.Errorf("%q: %w", name, ErrNotFound)
	}
	return newMemoryBlob([]byte(text)), nil
}

func (m brokenMembers) names() ([]string, error) { return nil, nil }
func (m brokenMembers) Close() error             { return nil }

// TestFaultIsNoAnswer: a list of images that cannot be read is not one that is not
// there, and the other list is not taken in its place.
func TestFaultIsNoAnswer(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		indexFile: `{"schemaVersion":2,"manifests":[]}`, dockerManifestFile: "[]", layoutFile: `{"imageLayoutVersion":"1.0.0"}`,
	}
	for _, broken := range []string{indexFile, dockerManifestFile, layoutFile} {
		for _, mend := range []bool{false, true} {
			var told []string
			a := &Archive{Path: "a.tar"}
			a.members = &watched{members: brokenMembers{texts, broken}}
			opts := OpenOptions{Mend: mend, Warn: func(m string) { told = append(told, m) }}
			_ = newLoader(a, opts.whileSound(a)).load(context.Background()) // the fault stays
			if !errors.Is(a.Fault(), errBroken) || len(told) > 0 {
				t.Errorf("%s, mend %v: fault %v, told %q", broken, mend, a.Fault(), told)
			}
		}
	}
}

// failingReader fails from an offset on.
type failingReader struct {
	*strings.Reader
	from int64
}

func (r failingReader) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > r.from {
		return 0, errBroken
	}
	return r.Reader.ReadAt(p, offset)
}

// TestFaultIsNoTar: what cannot be read is not called no tar.
func TestFaultIsNoTar(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("\x00", 2048)
	for _, from := range []int64{0, 512, 1024} {
		_, err := indexTar(context.Background(), failingReader{strings.NewReader(zeros), from}, int64(len(zeros)), io.NopCloser(nil).Close)
		if (from < 1024) != errors.Is(err, errBroken) {
			t.Errorf("a tar that fails from %d on: %v", from, err)
		}
	}
}

func TestIsFault(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		syscall.EIO: true, syscall.EACCES: true, syscall.ENOSPC: true,
		syscall.ENOENT: false, syscall.ENOTDIR: false, syscall.ELOOP: false, syscall.ENAMETOOLONG: false,
		ErrMalformed: false, io.ErrUnexpectedEOF: false,
	} {
		if got := isFault(fmt.Errorf("read: %w", err)); got != want {
			t.Errorf("isFault(%v) = %v, want %v", err, got, want)
		}
	}
}
