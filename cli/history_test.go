package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

// A step is a line, cut at the edge of the terminal unless it is wanted whole.
func TestHistoryWidth(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.tar")
	archivetest.Build(t, path, smallListing+"  empty \"CMD a\"\n")
	noColour := func(key string) string { return map[string]string{"NO_COLOR": "1"}[key] }
	for _, test := range []struct {
		width int
		flags []string
		whole bool
	}{
		{66, nil, false}, {80, nil, false}, {200, nil, true}, {0, nil, true}, {80, []string{"--no-trunc"}, true},
	} {
		code, stdout, stderr := run(cli.Env{StdoutWidth: test.width, Getenv: noColour}, append([]string{"history", path}, test.flags...)...)
		if code != 0 || stderr != "" || strings.Count(stdout, "\n") != 3 {
			t.Errorf("history on %d columns: code %d, stderr %q, stdout:\n%s", test.width, code, stderr, stdout)
		}
		for line := range strings.Lines(stdout) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); test.width > 0 && len(test.flags) == 0 && n > test.width {
				t.Errorf("history on %d columns: %d in %q", test.width, n, line)
			}
			if strings.Contains(line, "RUN a command") && strings.HasSuffix(line, "its end") != test.whole {
				t.Errorf("history on %d columns, %v: %q is whole: %v, want %v", test.width, test.flags, line, !test.whole, test.whole)
			}
		}
	}
	_, stdout, _ := run(cli.Env{StdoutWidth: 80}, "history", path)
	if !strings.Contains(stdout, "\x1b[2mCMD a\x1b[0m") {
		t.Errorf("history on a terminal does not dim steps without a layer:\n%q", stdout)
	}
}
