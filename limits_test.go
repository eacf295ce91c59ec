package imgtool_test

import (
	"bytes"
	"go/ast"
	"go/constant"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// notLimits are constants that are called as limits are and bound nothing that an
// archive says: sizes of a format.
var notLimits = []string{
	"codec.maxChunk",                                                                    // of LZMA2
	"gunzip.maxCodeLen", "gunzip.maxSymbols", "gunzip.maxRepeatBits", "gunzip.maxRound", // of DEFLATE
}

// TestLimits compares the limits in docs/threat-model.md with the constants of the
// code: all of them are there, and with their values.
func TestLimits(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := shownLimits(t, string(page))
	constants := constantsOf(t)
	for name, text := range shown {
		value, ok := constants[name]
		if !ok {
			t.Errorf("docs/threat-model.md tells of %s, and there is no such constant", name)
		} else if got, ok := parseLimit(text); !ok || got != value {
			t.Errorf("docs/threat-model.md says that %s is %q; it is %d", name, text, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(constants)) {
		_, ok := shown[name]
		isLimit := strings.Contains(strings.ToLower(name), "max") && !slices.Contains(notLimits, name)
		if isLimit && !ok {
			t.Errorf("docs/threat-model.md does not tell of %s, which is %d", name, constants[name])
		}
	}
	if len(shown) < 40 {
		t.Errorf("docs/threat-model.md tells of %d constants, which cannot be all", len(shown))
	}
	t.Logf("tried: %d limits of the threat model against the constants", len(shown))
}

// limitRow is a row of a table of limits: what, the limit, and in its last cell
// the constant.
var limitRow = regexp.MustCompile("(?m)^\\| [^|]+ \\| ([^|]+) \\|.*\\| `([a-z0-9]+\\.\\w+)` \\|$")

// shownLimits gives the limits on a page by their constants.
func shownLimits(t *testing.T, page string) map[string]string {
	t.Helper()
	shown := map[string]string{}
	for _, row := range limitRow.FindAllStringSubmatch(page, -1) {
		if _, twice := shown[row[2]]; twice {
			t.Errorf("docs/threat-model.md tells of %s twice", row[2])
		}
		shown[row[2]] = row[1]
	}
	return shown
}

// parseLimit reads `4 MiB`, `10,000` or `200 to 1`.
func parseLimit(text string) (int64, bool) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(strings.ReplaceAll(number, ",", ""), 10, 64)
	shift := map[string]int{"KiB": 10, "MiB": 20, "GiB": 30}[unit]
	return n << shift, err == nil
}

// constantsOf gives the whole numbers that our packages have for constants, by
// package and name; what is made of other constants is not among them.
func constantsOf(t *testing.T) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	for _, file := range goFiles(t) {
		folder := path.Dir(file)
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(folder, "scripts") || folder == "archive/archivetest" || folder == "archive/enginetest" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i := range min(len(spec.Names), len(spec.Values)) {
					if value, ok := evaluate(t, spec.Values[i]); ok {
						all[path.Base(folder)+"."+spec.Names[i].Name] = value
					}
				}
			}
			return true
		})
	}
	return all
}

// evaluate gives the value of an expression of numbers.
func evaluate(t *testing.T, expression ast.Expr) (int64, bool) {
	t.Helper()
	var text bytes.Buffer
	if err := format.Node(&text, token.NewFileSet(), expression); err != nil {
		t.Fatal(err)
	}
	result, err := types.Eval(token.NewFileSet(), nil, token.NoPos, text.String())
	if err != nil || result.Value == nil || result.Value.Kind() != constant.Int {
		return 0, false
	}
	return constant.Int64Val(result.Value)
}

// TestParseLimit: numbers are read as people write them.
func TestParseLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"4 MiB": 4 << 20, "10,000": 10_000, "200 to 1": 200, "4,096 bytes": 4096, "512": 512} {
		if got, ok := parseLimit(text); !ok || got != want {
			t.Errorf("parseLimit(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	if got, ok := parseLimit("many"); ok {
		t.Errorf("parseLimit(many) = %d, want none", got)
	}
}
