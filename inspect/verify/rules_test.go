package verify_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/inspect/verify"
)

// groups are the sections of docs/rules.md.
var groups = []struct {
	group verify.Group
	about string
}{
	{verify.Whole, "Is everything there, and undamaged?"},
	{verify.Truthful, "Does the archive say what is so?"},
	{verify.Safe, "Does it do harm where it is unpacked? These rules look at the content of layers, which `--fast` does not read."},
	{verify.Loadable, "Do engines take it?"},
}

const rulesHead = `# The rules of imgtool verify

Made from the table in ` + "`inspect/verify/rule.go`" + ` by ` + "`go test ./inspect/verify -run RulesPage -update`" + `. An ID never changes its
meaning.

**error**: the archive is broken, untruthful or unsafe; verify ends with exit code 1. **warning**: it works, and is likely
to surprise somebody; exit code 1 with ` + "`--strict`" + `. **note**: worth knowing. ` + "`--rule ID=off|note|warning|error`" + ` weighs a rule
otherwise; where a rule is named twice, the last one counts.

In the commands, SRC is the archive and DST a new one.
`

// rulesPage is docs/rules.md.
func rulesPage() string {
	var out strings.Builder
	out.WriteString(rulesHead)
	for _, g := range groups {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n", strings.ToUpper(string(g.group[:1]))+string(g.group[1:]), g.about)
		for _, r := range verify.Rules() {
			if r.Group != g.group {
				continue
			}
			fmt.Fprintf(&out, "\n### %s\n\n**%s**: %s.\n\n%s\n\nFix: %s\n", r.ID, r.Severity, r.Title, r.Why, fix(r.Fix))
		}
	}
	return out.String()
}

// fix marks commands as such.
func fix(s string) string {
	if strings.HasPrefix(s, "imgtool ") {
		return "`" + s + "`"
	}
	return s + "."
}

// TestRulesPage compares docs/rules.md with the table of rules; -update writes it.
func TestRulesPage(t *testing.T) {
	t.Parallel()
	compareFile(t, filepath.Join("..", "..", "docs", "rules.md"), []byte(rulesPage()))
}

// TestRules: each rule says what it has to, once.
func TestRules(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	page := rulesPage()
	for _, r := range verify.Rules() {
		if !regexp.MustCompile(`^IMG(-[A-Z0-9.]+)+$`).MatchString(r.ID) || seen[r.ID] {
			t.Errorf("rule %q: not an ID, or there twice", r.ID)
		}
		seen[r.ID] = true
		if r.Severity < verify.Note || r.Severity > verify.Error || r.Title == "" || r.Why == "" || r.Fix == "" || strings.ContainsRune(r.Fix, '\n') {
			t.Errorf("rule %s lacks something: %+v", r.ID, r)
		}
		if !strings.Contains(page, "### "+r.ID+"\n") {
			t.Errorf("rule %s has no section; is its group %q listed?", r.ID, r.Group)
		}
		if got, ok := verify.RuleByID(r.ID); !ok || got != r {
			t.Errorf("RuleByID(%q) = %+v, %v", r.ID, got, ok)
		}
	}
}
