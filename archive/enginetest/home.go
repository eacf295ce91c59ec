package enginetest

import (
	"os"
	"path/filepath"
	"testing"
)

// maxSocketPath bounds the path of a Unix socket, in bytes. Linux takes 107;
// the rest is room for what an engine appends (".ttrpc").
const maxSocketPath = 99

// home is the folder of one engine.
type home string

// newHome makes a folder with a short path, because sockets live in it
// ([testing.TB.TempDir] carries the name of the test). It is removed when the
// test ends, after everything that was started later has been stopped.
func newHome(t testing.TB) home {
	t.Helper()
	dir, err := os.MkdirTemp("", "eng")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the folder of the engine: %v", err)
		}
	})
	return home(dir)
}

// path names a file or folder in h.
func (h home) path(name string) string { return filepath.Join(string(h), name) }

// socket names a Unix socket in h and fails the test where its path is too
// long to be bound.
func (h home) socket(t testing.TB, name string) string {
	t.Helper()
	p := h.path(name)
	if len(p) > maxSocketPath {
		t.Fatalf("socket path %q has %d bytes, limit %d: set TMPDIR to a shorter path", p, len(p), maxSocketPath)
	}
	return p
}

// write makes a file in h, and the folders above it, and returns its path.
func (h home) write(t testing.TB, name, content string) string {
	t.Helper()
	p := h.path(name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// mkdir makes a folder in h and returns its path.
func (h home) mkdir(t testing.TB, name string) string {
	t.Helper()
	p := h.path(name)
	if err := os.MkdirAll(p, 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}
