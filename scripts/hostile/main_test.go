package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun: one case is written with what the list says of it, and what is wrong on
// the command line is told.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := run([]string{"-case", "layer-no-tar", dir}, io.Discard); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "layer-no-tar\n  a layer that is no tar.\n  IMG-TAR-BROKEN\n"
	if string(index) != want {
		t.Errorf("index.txt has %q, want %q", index, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "layer-no-tar")); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{}, {"a", "b"}, {"-case", "none", dir}, {"-flag", dir}} {
		if err := run(args, io.Discard); err == nil {
			t.Errorf("hostile %s: no error", strings.Join(args, " "))
		}
	}
}
