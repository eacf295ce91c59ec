package verify_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/inspect/verify"
	"github.com/opencontainers/go-digest"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// someRun has every kind of outcome and place, and names that nobody should have.
func someRun() *verify.Run {
	layer, offset, sum := 3, int64(1536), digest.FromString("layer")
	find := func(rule string, s verify.Severity, w verify.Where, message string) verify.Finding {
		r, _ := verify.RuleByID(rule)
		return verify.Finding{Rule: rule, Severity: s, Where: w, Message: message, Fix: r.Fix}
	}
	const app, amd64 = "example.com/app:v1", "linux/amd64"
	return &verify.Run{
		Version:    "v1.2.3",
		Severities: map[string]verify.Severity{verify.SetUID: verify.Warning, verify.CaseCollision: verify.Off},
		Archives: []verify.Outcome{
			{Path: "dist/a b.tar", Report: &verify.Report{
				Path: "dist/a b.tar", Format: archive.OCILayout, Images: 2, Blobs: 5, Bytes: 12345,
				Findings: []verify.Finding{
					find(verify.DigestMismatch, verify.Error, verify.Where{Image: app, Platform: amd64, Digest: sum, Layer: &layer}, "descriptor says A, content is B"),
					find(verify.PathEscape, verify.Error, verify.Where{Image: app, Platform: amd64, Digest: sum, Layer: &layer, Entry: "../evil", Offset: &offset}, `hardlink to "/etc/passwd"`),
					find(verify.SetUID, verify.Warning, verify.Where{Image: app, Platform: amd64, Digest: sum, Layer: &layer, Entry: "usr/bin/su"}, "mode 4755, owner 0:0"),
					find(verify.NameUnportable, verify.Note, verify.Where{Image: "evil\x1b]0;title\a\u202e", Platform: "linux/\u009b]]>", Digest: sum, Layer: &layer, Entry: "a\xff\x00<&\"", EntryBase64: []byte("a\xff\x00<&\"")}, "the name is no UTF-8"),
					find(verify.LoadNoManifestJSON, verify.Note, verify.Where{}, "the archive has no manifest.json"),
				},
			}},
			{Path: "fast.tar", Report: &verify.Report{Path: "fast.tar", Format: archive.Hybrid, Images: 1, Blobs: 2, Bytes: 700, Fast: true}},
			{Path: "gone.tar", Err: errors.New("open \"gone\x1b.tar\": no such file or directory")},
		},
	}
}

// TestReports compares with files, which -update writes.
func TestReports(t *testing.T) {
	t.Parallel()
	for file, write := range map[string]func(io.Writer, *verify.Run) error{
		"report.json": verify.WriteJSON, "report.xml": verify.WriteJUnit, "report.sarif": verify.WriteSARIF,
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := write(&got, someRun()); err != nil {
				t.Fatal(err)
			}
			compareFile(t, filepath.Join("testdata", file), got.Bytes())
		})
	}
}

// compareFile compares a file with what it should be, or writes it.
func compareFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	is, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(is), string(want)); diff != "" {
		t.Errorf("%s is not what is made (-is +made); go test -update writes it:\n%s", path, diff)
	}
}

// allRules has a finding of each rule.
func allRules() *verify.Run {
	r := &verify.Report{Path: "all.tar", Format: archive.DockerSave}
	for i, rule := range verify.Rules() {
		r.Findings = append(r.Findings, verify.Finding{Rule: rule.ID, Severity: rule.Severity, Where: verify.Where{Layer: &i}, Message: "m", Fix: rule.Fix})
	}
	return &verify.Run{Fails: verify.Note, Archives: []verify.Outcome{{Path: r.Path, Report: r}}}
}

// TestReportSARIFSchema validates against the schema of OASIS, formats included.
func TestReportSARIFSchema(t *testing.T) {
	t.Parallel()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = true
	schema, err := compiler.Compile(filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]*verify.Run{"some": someRun(), "all rules": allRules(), "none": {}} {
		var out bytes.Buffer
		if err := verify.WriteSARIF(&out, run); err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(out.Bytes(), &value); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("SARIF of run %q: %#v", name, err)
		}
		// The schema holds something: a level that there is not is refused.
		broken := bytes.Replace(out.Bytes(), []byte(`"level": "error"`), []byte(`"level": "fatal"`), 1)
		if err := json.Unmarshal(broken, &value); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(value) == nil {
			t.Errorf("SARIF of run %q: the schema takes a level that there is not", name)
		}
	}
}

// sarif is what the tests look at.
type sarif struct {
	Runs []struct {
		Artifacts []struct {
			Location struct{ URI string }
		}
		LogicalLocations []logical
		Results          []struct {
			RuleID    string
			RuleIndex int
			Level     string
			Locations []struct {
				LogicalLocations []logical
			}
			PartialFingerprints map[string]string
		}
	}
}

type logical struct {
	Name, FullyQualifiedName, Kind string
	Index, ParentIndex             *int
}

func readSARIF(t *testing.T, run *verify.Run) sarif {
	t.Helper()
	var out bytes.Buffer
	if err := verify.WriteSARIF(&out, run); err != nil {
		t.Fatal(err)
	}
	var log sarif
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	return log
}

// TestReportSARIFPlaces: indexes point at what they should.
func TestReportSARIFPlaces(t *testing.T) {
	t.Parallel()
	for _, run := range []*verify.Run{someRun(), allRules()} {
		log := readSARIF(t, run).Runs[0]
		rules := verify.Rules()
		for _, r := range log.Results {
			if rules[r.RuleIndex].ID != r.RuleID {
				t.Errorf("result of %s: its index is that of %s", r.RuleID, rules[r.RuleIndex].ID)
			}
			for _, l := range r.Locations[0].LogicalLocations {
				listed := log.LogicalLocations[*l.Index]
				listed.Index = l.Index
				if diff := cmp.Diff(listed, l); diff != "" {
					t.Errorf("result of %s: its place is not the listed one (-listed +result):\n%s", r.RuleID, diff)
				}
			}
		}
		for _, l := range log.LogicalLocations {
			if l.ParentIndex != nil && log.LogicalLocations[*l.ParentIndex].FullyQualifiedName+"/"+l.Name != l.FullyQualifiedName {
				t.Errorf("logical location %q is not below its parent", l.FullyQualifiedName)
			}
		}
	}
}

func TestReportSARIFURI(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"a.tar":              "a.tar",
		"./a b.tar":          "a%20b.tar",
		"a:b.tar":            "./a:b.tar",
		"../x#y?.tar":        "../x%23y%3F.tar",
		"%41\x1b\xff\u00e9":  "%2541%1B%FF%C3%A9",
		"/var/lib/a b/c.tar": "file:///var/lib/a%20b/c.tar",
		"-":                  "-",
	} {
		run := &verify.Run{Archives: []verify.Outcome{{Path: path, Report: &verify.Report{}}}}
		if got := readSARIF(t, run).Runs[0].Artifacts[0].Location.URI; got != want {
			t.Errorf("URI of %q: %q, want %q", path, got, want)
		}
	}
}

// TestReportSARIFFingerprints: each result has its own, and keeps it when the
// image is built again.
func TestReportSARIFFingerprints(t *testing.T) {
	t.Parallel()
	prints := func(run *verify.Run) []string {
		var all []string
		for _, r := range readSARIF(t, run).Runs[0].Results {
			all = append(all, r.PartialFingerprints["imgtoolFinding/v1"])
		}
		return all
	}
	run := someRun()
	found := &run.Archives[0].Report.Findings
	*found = append(*found, (*found)[0])
	before := prints(run)
	if distinct := slices.Compact(slices.Sorted(slices.Values(before))); len(distinct) != len(before) || slices.Contains(before, "") {
		t.Errorf("fingerprints are not distinct: %q", before)
	}
	run.Archives[0].Path = "another.tar"
	for i := range *found {
		f := &(*found)[i]
		if f.Where.Digest != "" {
			f.Where.Digest = digest.FromString("another")
		}
		f.Message += " and more"
		if moved := 7; f.Where.Entry != "" {
			f.Where.Layer = &moved
		}
	}
	if diff := cmp.Diff(before, prints(run)); diff != "" {
		t.Errorf("fingerprints change with digests and layers (-before +after):\n%s", diff)
	}
}

// TestReportJUnit reads the XML again: the numbers are those of the elements, and
// nothing steers a terminal.
func TestReportJUnit(t *testing.T) {
	t.Parallel()
	type suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Failures []string `xml:"failure"`
			Errors   []string `xml:"error"`
			Skipped  []string `xml:"skipped"`
		} `xml:"testcase"`
	}
	for name, run := range map[string]*verify.Run{"some": someRun(), "all rules": allRules(), "none": {}} {
		var out bytes.Buffer
		if err := verify.WriteJUnit(&out, run); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("JUnit of run %q has %q in it", name, out.String()[i:i+4])
		}
		var all struct {
			Tests    int     `xml:"tests,attr"`
			Failures int     `xml:"failures,attr"`
			Errors   int     `xml:"errors,attr"`
			Suites   []suite `xml:"testsuite"`
		}
		if err := xml.Unmarshal(out.Bytes(), &all); err != nil {
			t.Fatal(err)
		}
		if len(all.Suites) != len(run.Archives) {
			t.Errorf("JUnit of run %q: %d suites for %d archives", name, len(all.Suites), len(run.Archives))
		}
		var tests, failures, broken int
		for i, s := range all.Suites {
			got := []int{len(s.Cases), 0, 0, 0}
			for _, c := range s.Cases {
				got[1] += len(c.Failures)
				got[2] += len(c.Errors)
				got[3] += len(c.Skipped)
			}
			if want := []int{s.Tests, s.Failures, s.Errors, s.Skipped}; !slices.Equal(got, want) {
				t.Errorf("JUnit of run %q, suite %d: it counts %v, and has %v", name, i, want, got)
			}
			tests, failures, broken = tests+s.Tests, failures+s.Failures, broken+s.Errors
		}
		if got, want := []int{all.Tests, all.Failures, all.Errors}, []int{tests, failures, broken}; !slices.Equal(got, want) {
			t.Errorf("JUnit of run %q: it counts %v, and has %v", name, got, want)
		}
	}
}

// TestVerdict: errors make an archive faulty, warnings where they are to.
func TestVerdict(t *testing.T) {
	t.Parallel()
	outcome := func(severities ...verify.Severity) verify.Outcome {
		r := &verify.Report{}
		for _, s := range severities {
			r.Findings = append(r.Findings, verify.Finding{Severity: s})
		}
		return verify.Outcome{Report: r}
	}
	tests := []struct {
		fails verify.Severity
		of    verify.Outcome
		want  verify.Verdict
	}{
		{verify.Off, outcome(), verify.OK},
		{verify.Off, outcome(verify.Note, verify.Warning), verify.OK},
		{verify.Off, outcome(verify.Note, verify.Error), verify.Faulty},
		{verify.Error, outcome(verify.Warning), verify.OK},
		{verify.Warning, outcome(verify.Note), verify.OK},
		{verify.Warning, outcome(verify.Warning), verify.Faulty},
		{verify.Warning, outcome(verify.Error), verify.Faulty},
		{verify.Off, verify.Outcome{Err: io.ErrUnexpectedEOF}, verify.NotVerified},
	}
	for _, test := range tests {
		run := &verify.Run{Fails: test.fails}
		if got := run.Verdict(test.of); got != test.want {
			t.Errorf("verdict that fails at %q on %v: %s, want %s", test.fails, test.of, got, test.want)
		}
	}
}

// failingWriter takes so many bytes.
type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		return w.left, io.ErrShortWrite
	}
	w.left -= len(p)
	return len(p), nil
}

func TestReportWriterFails(t *testing.T) {
	t.Parallel()
	for i, write := range []func(io.Writer, *verify.Run) error{verify.WriteJSON, verify.WriteJUnit, verify.WriteSARIF} {
		if err := write(&failingWriter{100}, someRun()); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("report %d to a writer that fails: %v", i, err)
		}
	}
}
