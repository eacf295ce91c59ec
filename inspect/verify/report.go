package verify

import (
	"cmp"
)

// Run is what a report tells: archives that were verified alike.
type Run struct {
	// Version is that of the program.
	Version string
	// Severities are those of the [Options].
	Severities map[string]Severity
	// Fails is the least severity that makes an archive faulty. Zero means [Error].
	Fails Severity
	// Archives stand in the order in which they are told.
	Archives []Outcome
}

// Outcome is what came of one archive.
type Outcome struct {
	// Path is what was to be verified, as the user wrote it.
	Path string
	// Report is nil where Err says why there is none.
	Report *Report
	Err    error
}

// Verdict says in a word what came of an archive.
type Verdict string

// The verdicts.
const (
	OK          Verdict = "ok"
	Faulty      Verdict = "faulty"
	NotVerified Verdict = "not verified" // it could not be opened, or read
)

// Verdict judges one of the archives.
func (r *Run) Verdict(o Outcome) Verdict {
	if o.Report == nil {
		return NotVerified
	}
	for _, f := range o.Report.Findings {
		if r.fails(f.Severity) {
			return Faulty
		}
	}
	return OK
}

func (r *Run) fails(s Severity) bool { return s >= cmp.Or(r.Fails, Error) }

// severity is that which findings of a rule had.
func (r *Run) severity(rule Rule) Severity {
	if s, ok := r.Severities[rule.ID]; ok {
		return s
	}
	return rule.Severity
}

// Totals are sums over all archives of a run.
type Totals struct {
	Archives    int   `json:"archives"`
	OK          int   `json:"ok"`
	Faulty      int   `json:"faulty"`
	NotVerified int   `json:"notVerified"`
	Images      int   `json:"images"`
	Blobs       int   `json:"blobs"`
	Bytes       int64 `json:"bytes"`
	Counts
}

// Counts are numbers of findings.
type Counts struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// Counts counts the findings of an archive.
func (r *Report) Counts() Counts { return Counts{r.Count(Error), r.Count(Warning), r.Count(Note)} }

// Totals adds up what came of all archives.
func (r *Run) Totals() Totals {
	t := Totals{Archives: len(r.Archives)}
	for _, o := range r.Archives {
		switch r.Verdict(o) {
		case OK:
			t.OK++
		case Faulty:
			t.Faulty++
		case NotVerified:
			t.NotVerified++
			continue
		}
		counts := o.Report.Counts()
		t.Images += o.Report.Images
		t.Blobs += o.Report.Blobs
		t.Bytes += o.Report.Bytes
		t.Errors += counts.Errors
		t.Warnings += counts.Warnings
		t.Notes += counts.Notes
	}
	return t
}
