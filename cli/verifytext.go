package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/inspect/printable"
	"github.com/imgtool/imgtool/inspect/verify"
	"github.com/jedib0t/go-pretty/v6/text"
)

// verifyPage is the report for people.
type verifyPage struct {
	page
	run   *verify.Run
	least verify.Severity
	// printed and long say what stands above: something, and findings, which have
	// empty lines around them.
	printed, long bool
}

// writeVerifyText writes the whole report, for a file.
func writeVerifyText(w io.Writer, run *verify.Run, least verify.Severity) error {
	p := &verifyPage{run: run, least: least}
	for _, o := range run.Archives {
		p.archive(o)
	}
	p.totals()
	return p.flush(w)
}

// flush prints what there is so far.
func (p *verifyPage) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.String())
	p.Reset()
	return err
}

// archive prints what is to be shown of the findings in an archive, and the
// verdict.
func (p *verifyPage) archive(o verify.Outcome) {
	var shown []verify.Finding
	if o.Report != nil {
		shown = slices.Clone(o.Report.Findings)
		shown = slices.DeleteFunc(shown, func(f verify.Finding) bool { return f.Severity < p.least })
	}
	if p.printed && (p.long || len(shown) > 0) {
		p.printf("\n")
	}
	p.printed, p.long = true, len(shown) > 0
	if len(shown) > 0 {
		p.printf("%s: %s\n", p.bold(line(o.Path)), o.Report.Format)
		p.findings(shown)
		p.printf("\n")
	}
	p.verdict(o)
}

// findings prints findings by severity and image.
func (p *verifyPage) findings(all []verify.Finding) {
	slices.SortStableFunc(all, func(a, b verify.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Where.Image, b.Where.Image), cmp.Compare(a.Where.Platform, b.Where.Platform))
	})
	for i, f := range all {
		same := i > 0 && all[i-1].Severity == f.Severity
		if !same {
			p.printf("\n%s\n", p.severe(f.Severity, f.Severity.String()+"s"))
		}
		if !same || place(all[i-1]) != place(f) {
			p.wrapped("   ", "   ", cmp.Or(place(f), "(archive)"), p.name)
		}
		p.finding(f)
		if last := i == len(all)-1; last || all[i+1].Rule != f.Rule || place(all[i+1]) != place(f) {
			p.wrapped("       ", "       ", "fix: "+f.Fix, p.dim)
		}
	}
}

// place is what a finding is printed under.
func place(f verify.Finding) string {
	return verify.Where{Image: f.Where.Image, Platform: f.Where.Platform}.String()
}

func (p *verifyPage) finding(f verify.Finding) {
	inner := f
	inner.Where.Image, inner.Where.Platform = "", ""
	if strings.Contains(f.Message, f.Where.Digest.String()) {
		inner.Where.Digest = "" // once is enough
	}
	p.wrapped("     ", "       ", f.Rule+" "+inner.String(), func(s string) string {
		rest, found := strings.CutPrefix(s, f.Rule)
		if !found {
			return s
		}
		return p.severe(f.Severity, f.Rule) + rest
	})
}

// wrapped prints a text in as many lines as the terminal needs.
func (p *verifyPage) wrapped(first, more, s string, paint func(string) string) {
	room := 0
	if p.width > 0 {
		room = max(p.width-len(more), 20)
	}
	for _, row := range wrap(printable.String(s), room) {
		p.printf("%s%s\n", first, paint(row))
		first = more
	}
}

// wrap breaks a line at spaces so that its parts are at most width columns wide,
// and within a word that is wider than that. A width of 0 is no limit.
func wrap(s string, width int) []string {
	var rows []string
	for width > 0 && text.StringWidthWithoutEscSequences(s) > width {
		end, columns := 0, 0 // of what has room, at least one character
		for i, r := range s {
			if columns += text.RuneWidth(r); columns > width && i > 0 {
				end = i
				break
			}
		}
		if end == 0 {
			break
		}
		next := end
		if space := strings.LastIndexByte(s[:end+1], ' '); space > 0 {
			end, next = space, space+1
		}
		rows = append(rows, s[:end])
		s = s[next:]
	}
	return append(rows, s)
}

// severe paints what is of a severity.
func (p *verifyPage) severe(s verify.Severity, text string) string {
	switch s {
	case verify.Error:
		return p.paint("1;31", text)
	case verify.Warning:
		return p.paint("1;33", text)
	}
	return p.bold(text)
}

// verdict prints the one line that tells all.
func (p *verifyPage) verdict(o verify.Outcome) {
	path := p.bold(line(o.Path))
	verdict := p.run.Verdict(o)
	if verdict == verify.NotVerified {
		p.printf("%s: %s\n", path, p.verdictWord(verdict))
		return
	}
	r := o.Report
	read := fmt.Sprintf("%s, %s, %s read", plural(r.Images, "image"), plural(r.Blobs, "blob"), size(r.Bytes))
	if r.Fast {
		read += ", layer content not read"
	}
	p.printf("%s: %s\n", path, p.judged(verdict, read, r.Counts()))
}

// judged joins a verdict, what it rests on, and numbers of findings, with what
// counts most first.
func (p *verifyPage) judged(v verify.Verdict, read string, c verify.Counts) string {
	parts := []string{p.verdictWord(v)}
	if v == verify.OK {
		parts = append(parts, read)
	}
	parts = append(parts, found(c)...)
	if v != verify.OK {
		parts = append(parts, read)
	}
	return strings.Join(parts, ", ")
}

// found spells numbers of findings, and leaves out what there is none of.
func found(c verify.Counts) []string {
	var parts []string
	for i, n := range []int{c.Errors, c.Warnings, c.Notes} {
		if n > 0 {
			parts = append(parts, plural(n, []string{"error", "warning", "note"}[i]))
		}
	}
	return parts
}

func (p *verifyPage) verdictWord(v verify.Verdict) string {
	word := strings.ToUpper(string(v))
	if v == verify.OK {
		return p.paint("1;32", word)
	}
	return p.paint("1;31", word)
}

// totals prints a last line where there are several archives.
func (p *verifyPage) totals() {
	t := p.run.Totals()
	if t.Archives < 2 {
		return
	}
	if p.long {
		p.printf("\n")
	}
	var parts []string
	for _, n := range []struct {
		n       int
		verdict verify.Verdict
	}{{t.OK, verify.OK}, {t.Faulty, verify.Faulty}, {t.NotVerified, verify.NotVerified}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, p.verdictWord(n.verdict)))
		}
	}
	parts = append(parts, plural(t.Images, "image"), plural(t.Blobs, "blob"), size(t.Bytes)+" read")
	parts = append(parts, found(t.Counts)...)
	p.printf("%s: %s\n", plural(t.Archives, "archive"), strings.Join(parts, ", "))
}
