package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/imgtool/imgtool/inspect/printable"
)

// The elements of JUnit's XML that CI systems agree on. There are no times in it:
// the same archives give the same bytes.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string           `xml:"name,attr"`
	Tests      int              `xml:"tests,attr"`
	Failures   int              `xml:"failures,attr"`
	Errors     int              `xml:"errors,attr"`
	Skipped    int              `xml:"skipped,attr"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`
}

type junitProperties struct {
	Properties []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Skipped *junitResult `xml:"skipped"`
	Error   *junitResult `xml:"error"`
	Failure *junitResult `xml:"failure"`
	Out     *junitText   `xml:"system-out"`
}

type junitResult struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	junitText
}

// junitText keeps its line ends as they are.
type junitText struct {
	Text string `xml:",cdata"`
}

// WriteJUnit writes a run as JUnit's XML: a test suite for each archive, in it a
// test case for each rule. A case fails with the findings that make its archive
// faulty, is skipped where its rule was not looked for, and passes else, with what
// was found as its output. An archive that could not be verified has one case,
// with an error.
func WriteJUnit(w io.Writer, r *Run) error {
	all := junitSuites{Name: toolName + " verify"}
	for _, o := range r.Archives {
		suite := r.junitSuite(o)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Errors += suite.Errors
		all.Suites = append(all.Suites, suite)
	}
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	return err
}

func (r *Run) junitSuite(o Outcome) junitSuite {
	suite := junitSuite{Name: printable.String(o.Path)}
	if o.Report == nil {
		failure := &junitResult{Message: printable.String(o.Err.Error()), Type: string(NotVerified)}
		suite.Cases = []junitCase{{Class: suite.Name, Name: "open", Error: failure}}
		suite.Tests, suite.Errors = 1, 1
		return suite
	}
	suite.Properties = &junitProperties{[]junitProperty{
		{"format", string(o.Report.Format)},
		{"images", fmt.Sprint(o.Report.Images)},
		{"blobs", fmt.Sprint(o.Report.Blobs)},
		{"bytes", fmt.Sprint(o.Report.Bytes)},
		{"fast", fmt.Sprint(o.Report.Fast)},
	}}
	for _, rule := range rules {
		c := r.junitCase(rule, o.Report)
		c.Class = suite.Name
		suite.Tests++
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

func (r *Run) junitCase(rule Rule, report *Report) junitCase {
	c := junitCase{Name: rule.ID}
	severity := r.severity(rule)
	var text strings.Builder
	for _, f := range report.Findings {
		if f.Rule == rule.ID {
			fmt.Fprintf(&text, "%s\n", printable.String(f.String()))
		}
	}
	switch {
	case severity == Off:
		c.Skipped = &junitResult{Message: "off"}
	case report.Fast && rule.ReadsLayers():
		c.Skipped = &junitResult{Message: "layer content was not read"}
	case text.Len() == 0:
	case r.fails(severity):
		fmt.Fprintf(&text, "fix: %s\n", rule.Fix)
		c.Failure = &junitResult{rule.Title, severity.String(), junitText{text.String()}}
	default:
		c.Out = &junitText{fmt.Sprintf("%s: %s\n%s", severity, rule.Title, text.String())}
	}
	return c
}
