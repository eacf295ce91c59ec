//go:build linux

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/archivetest/hostile"
	"github.com/imgtool/imgtool/inspect/verify"
)

const verdictFile = "testdata/hostile.txt"

const verdictHead = `# What each command says to each hostile archive: exit code, commands, messages.
#
# The archives are made by archive/archivetest/hostile, the commands stand in
# hostile_test.go. A change that alters verdicts alters this file:
#
#	go test ./cli -run TestHostile -update
#	go test ./cli -run TestHostile/cases/NAME -update
#
# and what git diff shows then is to be read like code. 0 is right where the oddity
# is harmless, 1 is the answer of verify and diff alone, and 2 is what cannot be
# done: its message names what is wrong and where. Digests are left out.
`

// answer is how a command ended: exit code and messages.
type answer struct {
	code    int
	message string
}

// verdict is what all commands said to one archive.
type verdict struct {
	name, about string
	answers     []answer
	commands    map[answer][]string
	text        string // as it stands in the file
}

func (v *verdict) add(command string, o answer) {
	if v.commands == nil {
		v.commands = map[answer][]string{}
	}
	if _, ok := v.commands[o]; !ok {
		v.answers = append(v.answers, o)
	}
	v.commands[o] = append(v.commands[o], command)
}

// write makes the text: a line for all commands that said the same.
func (v *verdict) write() {
	slices.SortStableFunc(v.answers, func(a, b answer) int { return a.code - b.code })
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s: %s\n", v.name, v.about)
	for _, o := range v.answers {
		fmt.Fprintf(&out, "  %d %s", o.code, strings.Join(v.commands[o], " "))
		if o.message != "" {
			fmt.Fprintf(&out, ": %s", o.message)
		}
		out.WriteString("\n")
	}
	v.text = out.String()
}

// readVerdicts gives the text of each case by name.
func readVerdicts(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(verdictFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	out := map[string]string{}
	for block := range strings.SplitSeq(strings.TrimPrefix(string(text), verdictHead), "\n\n") {
		block = strings.Trim(block, "\n")
		name, _, _ := strings.Cut(block, ":")
		out[name] = "\n" + block + "\n"
	}
	return out
}

// writeVerdicts writes the file, with the old text of cases that were not run.
func writeVerdicts(t *testing.T, all []hostile.Case, old map[string]string, ran []verdict) {
	t.Helper()
	var out strings.Builder
	out.WriteString(verdictHead)
	for i, c := range all {
		if ran[i].text == "" {
			ran[i].text = old[c.Name]
		}
		out.WriteString(ran[i].text)
	}
	if err := os.WriteFile(verdictFile, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	wholeDigest = regexp.MustCompile(`\b(sha\d{3}:)?[0-9a-f]{64,128}\b`)
	tempName    = regexp.MustCompile(`(\.imgtool-)[0-9a-f]{8}`)
	expansion   = regexp.MustCompile(`(read tar at )?\d*(: read \w+ stream: expands more than allowed: |expands more than allowed: )\d+ bytes from \d+`)
	ruleID      = regexp.MustCompile(`\bIMG-[A-Z0-9.-]*[A-Z0-9]`)
)

// messages are those on stderr, hints too, without what differs from run to run.
// That an archive was spooled is left out, and what is said twice.
func messages(stderr string) string {
	var out []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "imgtool: ")
		if line != "" && !strings.Contains(line, " cannot be read in place: spooled ") && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	text := wholeDigest.ReplaceAllString(strings.Join(out, " | "), "${1}…")
	text = tempName.ReplaceAllString(text, "$1…")
	text = expansion.ReplaceAllString(text, "${1}…$2… bytes from …")
	if len(text) > 500 {
		text = fmt.Sprintf("%.400s… %d bytes in all", text, len(text))
	}
	return text
}

// rulesIn gives the rules that a report names, sorted.
func rulesIn(report string) []string {
	found := ruleID.FindAllString(report, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// writeOther writes the archive that hostile ones are compared with.
func writeOther(t *testing.T, path string) {
	t.Helper()
	archivetest.Build(t, filepath.Clean(path), "format docker-save\nimage example.com/other:v1\n  layer\n    file etc/motd other\n")
}

// TestHostileRules: there is a case for each rule of verify.
func TestHostileRules(t *testing.T) {
	t.Parallel()
	covered := map[string]bool{}
	for _, c := range hostile.Cases() {
		for _, rule := range c.Rules {
			covered[rule] = true
			if _, ok := verify.RuleByID(rule); !ok {
				t.Errorf("%s wants %s, which is no rule", c.Name, rule)
			}
		}
	}
	for _, rule := range verify.Rules() {
		if !covered[rule.ID] {
			t.Errorf("no hostile archive has %s", rule.ID)
		}
	}
}
