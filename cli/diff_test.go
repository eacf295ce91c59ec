package cli_test

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

// twoVersions builds two images that differ at every level.
func twoVersions(t *testing.T) (a, b string) {
	t.Helper()
	const listing = `
format oci
image app:v1
  env PATH=/a/long/list/of/folders:/that/has/no/room/in/a/narrow/terminal
  layer
    file text "one\ntwo\n" mtime=1
    file su "a\n" mtime=1
    file this/is/a/path/that/is/far/too/long/for/a/narrow/terminal/and/has/to/be/cut "a\n" mtime=1
  history first
`
	dir := t.TempDir()
	a, b = filepath.Join(dir, "a"), filepath.Join(dir, "b")
	archivetest.Build(t, a, listing)
	archivetest.Build(t, b, strings.NewReplacer("app:v1", "app:v2", "narrow", "small", "two", "2", `su "a\n"`, `su "a\n" mode=4755`, "first", "other").Replace(listing))
	return a, b
}

// TestDiffTerminal: on a terminal, lines are cut at its edge and coloured.
func TestDiffTerminal(t *testing.T) {
	t.Parallel()
	a, b := twoVersions(t)
	plain := func(key string) string { return map[string]string{"NO_COLOR": "1"}[key] }
	for _, width := range []int{30, 80, 200} {
		code, stdout, stderr := run(cli.Env{StdoutWidth: width, Getenv: plain}, "diff", a, b, "--content")
		if code != 1 || stderr != "" {
			t.Errorf("diff on %d columns: code %d, stderr %q", width, code, stderr)
		}
		for line := range strings.Lines(stdout) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("diff on %d columns: %d in %q", width, n, line)
			}
		}
		for _, want := range []string{"DIFFERENT", "  names ", "  config ", "  history ", "  layers ", "  files ", "\n  ~ /su  mode 0644 → 4755", "      -two", "      +2"} {
			if want = want[:min(len(want), width)]; !strings.Contains(stdout, want) {
				t.Errorf("diff on %d columns: no %q in\n%s", width, want, stdout)
			}
		}
		_, coloured, _ := run(cli.Env{StdoutWidth: width}, "diff", a, b, "--content")
		if got := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(coloured, ""); got != stdout || coloured == stdout {
			t.Errorf("diff on %d columns, in colour and without (-plain +coloured):\n%s", width, cmp.Diff(stdout, got))
		}
	}
}

// TestDiffInterrupted: who interrupts gets no report.
func TestDiffInterrupted(t *testing.T) {
	t.Parallel()
	a, b := twoVersions(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr bytes.Buffer
	env := cli.Env{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }}
	if code := cli.Main(ctx, []string{"imgtool", "diff", a, b}, env); code != 2 || stdout.Len() > 0 || stderr.String() != "imgtool: interrupted\n" {
		t.Errorf("diff that is interrupted: code %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}
