package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

// hostileNames puts what terminals and web pages act on into everything that an
// archive names: %s is another text in each of the two.
const hostileNames = `
format oci
index "app:v1\x1b[31m\u202e<script>%s"
  annotation "k\x1b]0;x\a" "v\x1b[2J\u2066<b>%s"
  image
    env "K\x1b[31m=v\u202e<i>%s"
    label "l\x1b[1A" "v\x9b31m<img src=x>%s"
    user "u\x1b[31m%s"
    cmd "c\x1b[31m\r\n%s"
    annotation "a\x1b[31m" "b\u202e%s"
    layer
      file "etc/m\x1b[31motd\u202e<script>alert(1)</script>" "one\x1b[31m %s\n"
      symlink "etc/l\x1b[31mink" "t\x1b[31m\u202e%s"
      file "var/lib/dpkg/status" "Package: p\x1b[31m<b>\nStatus: install ok installed\nVersion: 1%s\u202e\n\n"
      file "a\rb\u2028c" "%s"
    history "h\x1b[31m\u202e<script>%s"
  attestation
  image
    platform "linux/ev\x1b[31mil"
    layer
      file x "%s"
`

// TestNothingActs: whatever an archive says, no command gives a terminal something
// to act on, and none of its forms is without a printed name.
func TestNothingActs(t *testing.T) {
	t.Parallel()
	one, two := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	archivetest.Build(t, one, strings.ReplaceAll(hostileNames, "%s", "1"))
	archivetest.Build(t, two, strings.ReplaceAll(hostileNames, "%s", "2"))
	const platform = " --platform linux/amd64"
	for _, command := range []string{
		"inspect ONE", "inspect ONE --format json", "inspect ONE --no-trunc", "inspect ONE --image nobody", "inspect ONE --platform linux/nobody",
		"ls ONE -R" + platform, "ls ONE -R --long" + platform, "ls ONE -R --format json" + platform, "ls ONE -R --format jsonl" + platform, "ls ONE /nothing" + platform,
		"ls ONE --layer 0 -R --long" + platform,
		"history ONE" + platform, "history ONE --format json" + platform, "cat ONE /nothing" + platform,
		"verify ONE --severity note", "verify ONE --format json", "verify ONE --format junit", "verify ONE --format sarif",
		"convert ONE OUT", "convert ONE OUT --compress zstd", "convert ONE OUT --for docker20", "convert ONE OUT --dry-run", "convert ONE TWO OUT", "convert ONE TWO OUT --as x:v1",
		"repair ONE OUT", "flatten ONE OUT", "flatten ONE OUT --dry-run", "split ONE OUT", "unpack ONE OUT --rootless" + platform,
		"diff ONE TWO --limit 0", "diff ONE TWO --content --limit 0", "diff ONE TWO --format json", "diff ONE TWO --format markdown --content", "diff ONE TWO --format html --content",
		"diff ONE --layer 0" + platform,
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := strings.Fields(strings.NewReplacer("ONE", one, "TWO", two, "OUT", out).Replace(command))
		code, stdout, stderr := run(cli.Env{}, args...)
		if code != 0 && stdout+stderr == "" {
			t.Errorf("imgtool %s: exit code %d and nothing said", command, code)
		}
		for name, text := range map[string]string{"stdout": stdout, "stderr": stderr} {
			if at := strings.IndexFunc(text, func(r rune) bool { return acts(r, command) }); at >= 0 {
				t.Errorf("imgtool %s: %s has %q", command, name, text[max(0, at-30):min(len(text), at+30)])
			}
		}
		if strings.Contains(command, "html") && strings.Contains(stdout, "<script>alert") {
			t.Errorf("imgtool %s: the page has a script of the archive", command)
		}
	}
}

// acts reports what a terminal acts on or shows in another order. Programs read
// JSON, where the marks are data, but no control characters can be.
func acts(r rune, command string) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return !(strings.Contains(command, "json") || strings.Contains(command, "sarif")) || r < ' '
	case strings.Contains(command, "json"), strings.Contains(command, "sarif"), strings.Contains(command, "junit"):
		return false
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || r == '\u200e' || r == '\u200f'
}
