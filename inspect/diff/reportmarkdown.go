package diff

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imgtool/imgtool/inspect/printable"
)

// MarkdownOptions says how to write Markdown.
type MarkdownOptions struct {
	// Limit is how many details of a level are written; 0 is all that have room.
	Limit int
}

// Bounds of what [WriteMarkdown] writes, in bytes: comments of GitHub and GitLab
// hold 65,536 characters and more.
const (
	maxMarkdown     = 60_000
	maxMarkdownLine = 300
)

// WriteMarkdown writes a report as GitHub's Markdown, short enough for a comment:
// a table of what differs, and the details to be unfolded. Nothing that comes from
// an archive acts as Markdown or HTML.
func WriteMarkdown(w io.Writer, r *Report, o MarkdownOptions) error {
	m := &markdown{limit: o.Limit}
	m.report(r)
	if m.left > 0 {
		fmt.Fprintf(m, "\n%d more parts have no room here.\n", m.left)
	}
	_, err := io.WriteString(w, m.String())
	return err
}

type markdown struct {
	strings.Builder
	limit int
	left  int // parts that had no room
}

func (m *markdown) report(r *Report) {
	fmt.Fprintf(m, "### %s\n\n", m.verdict(r))
	fmt.Fprintf(m, "`A` %s %s  \n`B` %s %s\n", code(r.A.Path), r.A.Format, code(r.B.Path), r.B.Format)
	if e := r.Layer; e != nil {
		m.effect(e)
	}
	if len(r.Ignored) > 0 {
		fmt.Fprintf(m, "\nIgnored: %s\n", strings.Join(r.Ignored, ", "))
	}
	m.table(r)
	m.details("images only in A", len(r.OnlyA), func(i int) string { return "- " + r.OnlyA[i].Describe() })
	m.details("images only in B", len(r.OnlyB), func(i int) string { return "+ " + r.OnlyB[i].Describe() })
	for i := range r.Images {
		m.image(&r.Images[i], len(r.Images) > 1)
	}
}

func (m *markdown) verdict(r *Report) string {
	switch {
	case r.Mode == ModeLayer:
		return fmt.Sprintf("What layer %d does", r.Layer.Number)
	case r.Same:
		return "The images are the same"
	case r.TimesOnly:
		return "The images differ in times only"
	case r.Mode == ModeLayers:
		return fmt.Sprintf("Layers %d and %d differ", *r.A.Layer, *r.B.Layer)
	}
	return "The images differ"
}

func (m *markdown) effect(e *LayerEffect) {
	fmt.Fprintf(m, "\nBytes of files: %s come with it, %s of lower layers (files: %d) are wasted, %s (files: %d) are there again unchanged.\n",
		FormatSize(e.AddedBytes), FormatSize(e.WastedBytes), e.WastedFiles, FormatSize(e.SameBytes), e.SameFiles)
}

// row is one line of the table.
type row struct{ what, level, text string }

// table tells what differs at each level of each image.
func (m *markdown) table(r *Report) {
	var rows []row
	add := func(what string, counts []Count) {
		for _, c := range counts {
			rows = append(rows, row{what, c.Level, c.Text})
		}
	}
	for i := range r.Images {
		image := &r.Images[i]
		add(image.title(), image.Summary())
		for k := range image.Platforms {
			add(image.title()+" "+image.Platforms[k].A.Platform, image.Platforms[k].Summary())
		}
	}
	if len(rows) == 0 {
		return
	}
	m.WriteString("\n| image | level | differs |\n|---|---|---|\n")
	shown := m.shown(len(rows))
	for _, row := range rows[:shown] {
		fmt.Fprintf(m, "| %s | %s | %s |\n", strings.ReplaceAll(code(row.what), "|", `\|`), row.level, row.text)
	}
	if shown < len(rows) {
		fmt.Fprintf(m, "\n%d more rows.\n", len(rows)-shown)
	}
}

// title is how people call the pair.
func (i *Image) title() string {
	if names := slices.Concat(i.A.Names, i.B.Names); len(names) > 0 {
		return names[0]
	}
	return ShortDigest(string(i.A.Digest))
}

func (m *markdown) shown(n int) int {
	if m.limit == 0 {
		return n
	}
	return min(n, m.limit)
}

func (m *markdown) image(i *Image, several bool) {
	at := ""
	if several {
		at = " of " + i.title()
	}
	m.fields("names"+at, i.Names)
	m.fields("annotations"+at, i.Annotations)
	m.fields("index"+at, i.Index)
	m.details("manifests only in A"+at, len(i.OnlyA), func(k int) string { return "- " + i.OnlyA[k].Describe() })
	m.details("manifests only in B"+at, len(i.OnlyB), func(k int) string { return "+ " + i.OnlyB[k].Describe() })
	for k := range i.Platforms {
		where := at
		if len(i.Platforms) > 1 {
			where += " for " + i.Platforms[k].A.Platform
		}
		m.platform(&i.Platforms[k], where)
	}
}

func (m *markdown) platform(p *Platform, at string) {
	m.fields("annotations of the manifest"+at, p.Annotations)
	m.fields("manifest"+at, p.Manifest)
	m.fields("config"+at, p.Config)
	if p.History != nil {
		steps := slices.DeleteFunc(slices.Clone(p.History.Steps), func(s Step) bool { return s.Kind == Unchanged })
		m.details("history"+at, len(steps), func(i int) string { return mark(steps[i].Kind) + steps[i].CreatedBy })
	}
	if p.Layers != nil {
		layers := p.Layers.Layers
		m.details("layers"+at, len(layers), func(i int) string { return mark(layers[i].Kind) + layers[i].Describe() })
	}
	m.details("packages"+at, len(p.Packages), func(i int) string { return mark(p.Packages[i].Kind) + p.Packages[i].Describe() })
	if p.Files != nil {
		changes := slices.Clone(p.Files.Changes)
		slices.SortStableFunc(changes, func(a, b FileChange) int { return boolInt(a.TimesOnly()) - boolInt(b.TimesOnly()) })
		m.details("files"+at, len(changes), func(i int) string {
			return mark(changes[i].Kind) + changes[i].Name() + "  " + changes[i].Describe()
		})
		m.texts(p.Files.Changes)
	}
	if len(p.Sizes) > 1 {
		m.details("sizes"+at, len(p.Sizes), func(i int) string { return "  " + p.Sizes[i].Name() + "  " + p.Sizes[i].Describe() })
	}
	m.details("notes"+at, len(p.Notes), func(i int) string { return "  " + p.Notes[i] })
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mark begins a line of a diff, in which ! stands for what changed.
func mark(k Kind) string {
	return strings.ReplaceAll(strings.ReplaceAll(k.Sign(), "~", "!"), ">", "!") + " "
}

func (m *markdown) fields(title string, all []Field) {
	m.details(title, len(all), func(i int) string { return mark(all[i].Kind) + all[i].Describe() })
}

// texts writes how text files changed, each folded.
func (m *markdown) texts(changes []FileChange) {
	for i := range changes {
		t := changes[i].Text
		if t == nil || t.Why != "" {
			continue
		}
		var lines []string
		for text := range strings.Lines(t.Unified) {
			lines = append(lines, clip(printable.String(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\t", "    "))))
		}
		m.fold("content of "+changes[i].Name(), fmt.Sprintf("+%d -%d", t.Inserted, t.Deleted), lines)
	}
}

// details writes a folded list of n lines, of which some are left out.
func (m *markdown) details(title string, n int, line func(int) string) {
	if n == 0 {
		return
	}
	var lines []string
	for i := range m.shown(n) {
		lines = append(lines, clip(printable.String(line(i))))
	}
	if left := n - len(lines); left > 0 {
		lines = append(lines, fmt.Sprintf("# and %d more", left))
	}
	m.fold(title, strconv.Itoa(n), lines)
}

// fold writes a part that is to be unfolded, if it has room. The fence is longer
// than any in the lines, so that none of them ends it.
func (m *markdown) fold(title, count string, lines []string) {
	text := strings.Join(lines, "\n")
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	part := fmt.Sprintf("\n<details><summary>%s (%s)</summary>\n\n%sdiff\n%s\n%s\n\n</details>\n", escapeHTML(printable.String(title)), count, fence, text, fence)
	if m.Len()+len(part) > maxMarkdown {
		m.left++
		return
	}
	m.WriteString(part)
}

// clip bounds a line.
func clip(s string) string {
	if len(s) <= maxMarkdownLine {
		return s
	}
	end := maxMarkdownLine
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// code spells what an archive says as code in one line.
func code(s string) string {
	if s = clip(printable.String(s)); s == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(s)+1)
	return fence + " " + s + " " + fence
}

// longestRun is the length of the longest run of back quotes.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, b := range []byte(s) {
		if run++; b != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// escapeHTML makes a text one that acts as neither HTML nor Markdown.
func escapeHTML(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
			fmt.Fprintf(&out, "&#%d;", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
