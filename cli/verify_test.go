package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

const faultyListing = `
format oci
image app:v1
  layer zstd
    file a "a\n" mode=0666
    file this/is/a/path/that/is/far/too/long/for/a/narrow/terminal/and/has/to/be/broken/somewhere "a\n" mode=0666
    file su "a\n" mode=4755
  layer
    file b "b\n"
flip blob:layer:0:1 30
`

// On a terminal, findings are wrapped and coloured; that changes no word.
func TestVerifyTerminal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app")
	archivetest.Build(t, path, faultyListing)
	plain := func(key string) string { return map[string]string{"NO_COLOR": "1"}[key] }
	_, want, _ := run(cli.Env{}, "verify", "--severity", "note", path)
	for _, width := range []int{30, 80, 200} {
		code, stdout, stderr := run(cli.Env{StdoutWidth: width, Getenv: plain}, "verify", "--severity", "note", path)
		if code != 1 || stderr != "" {
			t.Errorf("verify on %d columns: code %d, stderr %q", width, code, stderr)
		}
		for line := range strings.Lines(stdout) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); strings.HasPrefix(line, " ") && n > width {
				t.Errorf("verify on %d columns: %d in %q", width, n, line)
			}
		}
		words := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if diff := cmp.Diff(words(want), words(stdout)); diff != "" {
			t.Errorf("verify on %d columns (-pipe +terminal):\n%s", width, diff)
		}
		_, coloured, _ := run(cli.Env{StdoutWidth: width}, "verify", "--severity", "note", path)
		if got := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(coloured, ""); got != stdout || coloured == stdout {
			t.Errorf("verify on %d columns, in colour and without (-plain +coloured):\n%s", width, cmp.Diff(stdout, coloured))
		}
	}
}

// cancelling cancels a run when something is printed.
type cancelling struct {
	printed bytes.Buffer
	cancel  func()
}

func (c *cancelling) Write(p []byte) (int, error) {
	c.cancel()
	return c.printed.Write(p)
}

// An interrupt ends the run: what was verified so far was printed, the next
// archive is not looked at, and no report says that it is whole.
func TestVerifyInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, report := filepath.Join(dir, "app"), filepath.Join(dir, "report.json")
	archivetest.Build(t, path, smallListing)
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr := &cancelling{cancel: cancel}, &bytes.Buffer{}
	env := cli.Env{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Getenv: func(string) string { return "" }}
	code := cli.Main(ctx, []string{"imgtool", "verify", "--report", "json=" + report, path, path, path}, env)
	if code != 2 || strings.Count(stdout.printed.String(), "\n") != 1 || stderr.String() != "imgtool: interrupted\n" {
		t.Errorf("verify that is interrupted: code %d, stdout %q, stderr %q; want 2, one verdict, interrupted", code, &stdout.printed, stderr)
	}
	if _, err := os.Lstat(report); err == nil {
		t.Error("verify that is interrupted writes a report")
	}
}
