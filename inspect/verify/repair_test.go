package verify_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/imgtool/imgtool/inspect/verify"
)

// TestRepair: where a rule tells people to repair, that mends it. Each archive of
// the table of cases is repaired, and clean then.
func TestRepair(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, tt := range cases {
		rule, _ := verify.RuleByID(tt.rule)
		if !strings.Contains(rule.Fix, "imgtool repair") {
			continue
		}
		tried++
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			from, to := filepath.Join(t.TempDir(), "image"), filepath.Join(t.TempDir(), "mended.tar")
			if tt.listing != "" {
				archivetest.Build(t, from, tt.listing)
			} else {
				tt.layout.build(t, from)
			}
			notes := repair(t, from, to)
			if len(notes) == 0 && tt.rule != verify.LoadLegacy && tt.rule != verify.LoadNoManifestJSON {
				t.Error("repair says nothing")
			}
			if report := verifyFile(t, to, verify.Options{}); len(report.Findings) > 0 {
				t.Errorf("the mended archive gives %+v, repair said %q", report.Findings, notes)
			}
		})
	}
	if tried < 10 {
		t.Errorf("%d rules say that repair mends them, want 10 at least", tried)
	}
}

// TestRepairSecondRoot: a descriptor of index.json that lies is mended also where
// another one of the same image does not.
func TestRepairSecondRoot(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join(t.TempDir(), "image"), filepath.Join(t.TempDir(), "mended.tar")
	layout{}.build(t, from)
	index := filepath.Join(from, "index.json")
	raw, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		SchemaVersion int              `json:"schemaVersion"`
		Manifests     []map[string]any `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	lying := maps.Clone(document.Manifests[0])
	lying["size"] = 7
	lying["annotations"] = map[string]any{"org.opencontainers.image.ref.name": "example.com/a:v2"}
	document.Manifests = append(document.Manifests, lying)
	write(t, from, "index.json", text(t, document))
	if report := verifyFile(t, from, verify.Options{}); !slices.Equal(ruleIDs(report), []string{verify.SizeMismatch}) {
		t.Errorf("before: %+v", report.Findings)
	}
	if notes := repair(t, from, to); !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "once more, and otherwise") }) {
		t.Errorf("repair said %q", notes)
	}
	if report := verifyFile(t, to, verify.Options{}); len(report.Findings) > 0 {
		t.Errorf("after: %+v", report.Findings)
	}
}

// repair mends an archive and gives what it said.
func repair(t *testing.T, from, to string) []string {
	t.Helper()
	var notes []string
	a, err := archive.Open(t.Context(), ref.Ref{Path: from}, archive.OpenOptions{Mend: true, Warn: func(s string) { notes = append(notes, s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	plan, err := convert.NewRepair([]convert.Source{{Archive: a}}, ref.Ref{Transport: ref.DockerArchive, Path: to}, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Run(t.Context(), archive.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(notes, plan.Notes)
}
