package cli_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

// What cat and ls print does not depend on whether a terminal shows it.
func TestFilesOnTerminal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.tar")
	archivetest.Build(t, path, "format docker-save\nimage app:v1\n  layer gzip\n    file a \"\\x1b[31m\\x00\\xff\\n\"\n    file \"b\\x1b\" b\n")
	for _, args := range [][]string{
		{"cat", path, "a"}, {"ls", path}, {"ls", "-l", path}, {"ls", path, "--layer", "0", "-R"}, {"ls", path, "--format", "json"},
	} {
		_, want, _ := run(cli.Env{}, args...)
		code, stdout, stderr := run(cli.Env{StdoutWidth: 40, StderrWidth: 40}, args...)
		if code != 0 || stdout != want || stderr != "" {
			t.Errorf("%v on a terminal: code %d, stdout %q, stderr %q; want %q", args, code, stdout, stderr, want)
		}
		if (args[0] == "cat") != strings.Contains(stdout, "\x1b") {
			t.Errorf("%v on a terminal: stdout %q", args, stdout)
		}
	}
}

// A listing that is laid out in parts has every row, and columns that do not get
// narrower.
func TestLongListing(t *testing.T) {
	t.Parallel()
	var listing strings.Builder
	listing.WriteString("format docker-save\nimage app:v1\n  layer\n")
	const files = 2500 // more than two parts
	for i := range files {
		fmt.Fprintf(&listing, "    file f%04d \"\" uid=%d\n", i, i*i)
	}
	path := filepath.Join(t.TempDir(), "app.tar")
	archivetest.Build(t, path, listing.String())
	code, stdout, stderr := run(cli.Env{}, "ls", "-l", path)
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if code != 0 || stderr != "" || len(lines) != files {
		t.Fatalf("ls -l: code %d, stderr %q, %d lines, want %d", code, stderr, len(lines), files)
	}
	width := 0
	for i, line := range lines {
		fields := strings.Fields(line)
		if len(fields) != 7 || fields[2] != fmt.Sprintf("%d:0", i*i) || fields[6] != fmt.Sprintf("f%04d", i) {
			t.Errorf("line %d of ls -l is %q", i, line)
		}
		if len(line) < width {
			t.Errorf("line %d of ls -l is narrower than the one before: %q", i, line)
		}
		width = len(line)
	}
}
