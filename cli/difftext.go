package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/inspect/diff"
	"github.com/imgtool/imgtool/inspect/printable"
	"github.com/jedib0t/go-pretty/v6/text"
)

// diffPage is the report for people: what differs in a line for each level, then
// the details of each.
type diffPage struct {
	page
	limit int
}

func printDiffText(w io.Writer, r *diff.Report, limit int, o pageOptions) error {
	p := &diffPage{page: page{pageOptions: o}, limit: limit}
	p.report(r)
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *diffPage) report(r *diff.Report) {
	p.sides(r)
	p.verdict(r)
	p.roots("only in A", "-", r.OnlyA)
	p.roots("only in B", "+", r.OnlyB)
	for i := range r.Images {
		p.image(r, &r.Images[i])
	}
}

// sides tells what is compared.
func (p *diffPage) sides(r *diff.Report) {
	switch r.Mode {
	case diff.ModeLayer:
		p.effect(r)
		return
	case diff.ModeLayers:
		p.row("%s  layer %d of %s", p.bold("A"), *r.A.Layer, line(r.A.Path))
		p.row("%s  layer %d of %s", p.bold("B"), *r.B.Layer, line(r.B.Path))
		return
	}
	p.side("A", r.A, r, func(i diff.Image) diff.Root { return i.A })
	p.side("B", r.B, r, func(i diff.Image) diff.Root { return i.B })
}

// side tells of one side, with its image where there is one.
func (p *diffPage) side(letter string, s diff.Side, r *diff.Report, of func(diff.Image) diff.Root) {
	out := fmt.Sprintf("%s  %s  %s", p.bold(letter), p.name(line(s.Path)), s.Format)
	if len(r.Images) == 1 && len(r.OnlyA)+len(r.OnlyB) == 0 {
		root := of(r.Images[0])
		out += "  " + line(diff.ShortDigest(string(root.Digest))) + "  " + line(strings.Join(root.Names, " "))
	}
	p.row("%s", out)
}

// verdict says in a line what came of it.
func (p *diffPage) verdict(r *diff.Report) {
	if r.Mode == diff.ModeLayer {
		return
	}
	ignored := ""
	if words := ignoredWords(r.Ignored); len(words) > 0 {
		ignored = p.dim(" (ignored: " + strings.Join(words, ", ") + ")")
	}
	switch {
	case r.Same:
		p.row("%s%s", p.paint("1;32", "SAME"), ignored)
	case r.TimesOnly:
		p.row("%s, times only%s", p.paint("1;31", "DIFFERENT"), ignored)
	default:
		p.row("%s%s", p.paint("1;31", "DIFFERENT"), ignored)
	}
}

// ignoredWords has one word for those of --semantic.
func ignoredWords(words []string) []string {
	semantic := diff.Semantic()
	has := func(word string) bool { return slices.Contains(words, word) }
	if slices.ContainsFunc(semantic, func(word string) bool { return !has(word) }) {
		return words
	}
	rest := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return slices.Contains(semantic, word) })
	return append([]string{"--semantic"}, rest...)
}

// row prints one line, cut at the edge of the terminal.
func (p *diffPage) row(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if p.width > 0 {
		s = text.Snip(s, p.width, "…")
	}
	p.printf("%s\n", strings.TrimRight(s, " "))
}

func (p *diffPage) heading(s string) { p.printf("\n%s\n", p.bold(s)) }

// change prints one detail behind a sign.
func (p *diffPage) change(sign, s string) { p.row("  %s %s", p.sign(sign), s) }

// sign colours a sign: what is gone, what is new, what is another.
func (p *diffPage) sign(s string) string {
	if code, ok := map[string]string{"-": "31", "+": "32", "~": "33", ">": "36"}[s]; ok {
		return p.paint(code, s)
	}
	return s
}

// shown is how many of n details are printed.
func (p *diffPage) shown(n int) int {
	if p.limit == 0 {
		return n
	}
	return min(n, p.limit)
}

// more tells how many details are not printed.
func (p *diffPage) more(n int) {
	if n > 0 {
		p.row("    %s", p.dim(fmt.Sprintf("… and %d more", n)))
	}
}

// roots lists images that stand alone.
func (p *diffPage) roots(title, sign string, roots []diff.Root) {
	if len(roots) == 0 {
		return
	}
	p.heading("images " + title)
	for _, root := range roots[:p.shown(len(roots))] {
		p.change(sign, printable.String(root.Describe()))
	}
	p.more(len(roots) - p.shown(len(roots)))
}

// image prints a pair of images, under a title where there are several.
func (p *diffPage) image(r *diff.Report, i *diff.Image) {
	if len(r.Images)+len(r.OnlyA)+len(r.OnlyB) > 1 {
		verdict := p.paint("1;31", "different")
		if i.Same {
			verdict = p.paint("32", "same")
		}
		p.printf("\n")
		p.row("%s  %s", p.name(line(rootTitle(i))), verdict)
	}
	if i.Same {
		return
	}
	p.levels(i.Summary())
	several := len(i.Platforms) > 1
	if !several && len(i.Platforms) > 0 {
		p.levels(i.Platforms[0].Summary())
	}
	p.fields("names", i.Names)
	p.fields("annotations", i.Annotations)
	p.fields("index", i.Index)
	p.manifests(i)
	for k := range i.Platforms {
		if several {
			p.platformTitle(&i.Platforms[k])
		}
		p.platform(&i.Platforms[k])
	}
}

func rootTitle(i *diff.Image) string {
	if names := slices.Concat(i.A.Names, i.B.Names); len(names) > 0 {
		return names[0]
	}
	return diff.ShortDigest(string(i.A.Digest))
}

// levels prints a summary.
func (p *diffPage) levels(counts []diff.Count) {
	for _, c := range counts {
		p.level(c.Level, c.Text)
	}
}

// level prints a line of a summary, if there is anything to say.
func (p *diffPage) level(name, s string) {
	if s != "" {
		p.row("  %s %s", p.label(name), s)
	}
}

// fields lists values of documents.
func (p *diffPage) fields(title string, fields []diff.Field) {
	if len(fields) == 0 {
		return
	}
	p.heading(title)
	for _, f := range fields[:p.shown(len(fields))] {
		p.value(f)
	}
	p.more(len(fields) - p.shown(len(fields)))
}

// value prints a value, on lines of their own where both sides have no room on one.
func (p *diffPage) value(f diff.Field) {
	s := line(f.Describe())
	if f.Before == nil || f.After == nil || p.width == 0 || text.StringWidthWithoutEscSequences(s)+4 <= p.width {
		p.change(f.Kind.Sign(), s)
		return
	}
	p.change(f.Kind.Sign(), line(f.Field))
	p.row("      %s %s", p.sign("-"), line(string(f.Before)))
	p.row("      %s %s", p.sign("+"), line(string(f.After)))
}

// manifests lists what one index alone names.
func (p *diffPage) manifests(i *diff.Image) {
	if len(i.OnlyA)+len(i.OnlyB) == 0 {
		return
	}
	p.heading("manifests")
	for _, side := range []struct {
		sign string
		all  []diff.Manifest
	}{{"-", i.OnlyA}, {"+", i.OnlyB}} {
		for _, m := range side.all[:p.shown(len(side.all))] {
			p.change(side.sign, printable.String(m.Describe()))
		}
		p.more(len(side.all) - p.shown(len(side.all)))
	}
}

// platformTitle stands above one platform of several, with what differs in it.
func (p *diffPage) platformTitle(d *diff.Platform) {
	verdict := p.paint("32", "same")
	if !d.Same {
		verdict = p.paint("1;31", "different")
	}
	p.printf("\n")
	p.row("%s  %s", p.name(line(d.A.Platform)), verdict)
	p.levels(d.Summary())
}

// platform prints the details of a pair of images for one platform.
func (p *diffPage) platform(d *diff.Platform) {
	p.fields("annotations of the manifest", d.Annotations)
	p.fields("manifest", d.Manifest)
	p.fields("config", d.Config)
	p.history(d.History)
	p.layers(d.Layers)
	p.packages(d.Packages)
	p.files(d)
	p.folders(d.Sizes)
	p.notes(d.Notes)
}

// history prints steps that differ, with one on each side of them.
func (p *diffPage) history(h *diff.History) {
	if h == nil {
		return
	}
	p.heading("history")
	printed, cut := 0, 0
	for i, s := range h.Steps {
		near := i > 0 && h.Steps[i-1].Kind != diff.Unchanged || i+1 < len(h.Steps) && h.Steps[i+1].Kind != diff.Unchanged
		if s.Kind == diff.Unchanged && !near {
			continue
		}
		if p.limit > 0 && printed >= p.limit {
			cut++
			continue
		}
		printed++
		p.step(s)
	}
	p.more(cut)
}

func (p *diffPage) step(s diff.Step) {
	command := line(s.CreatedBy)
	if s.Kind == diff.Unchanged {
		command = p.dim(command)
	}
	p.change(s.Kind.Sign(), command)
	for _, f := range s.Fields {
		p.row("      %s", line(f.Describe()))
	}
}

// layers prints all layers, for their order tells how they belong together.
func (p *diffPage) layers(l *diff.Layering) {
	if l == nil {
		return
	}
	p.heading("layers")
	for _, pair := range l.Layers[:p.shown(len(l.Layers))] {
		text := printable.String(pair.Describe())
		if pair.Kind == diff.Unchanged {
			text = p.dim(text)
		}
		p.change(pair.Kind.Sign(), text)
		for _, f := range pair.Fields {
			p.row("        %s %s", p.sign(f.Kind.Sign()), line(f.Describe()))
		}
	}
	p.more(len(l.Layers) - p.shown(len(l.Layers)))
}

// packages prints packages that differ.
func (p *diffPage) packages(all []diff.Package) {
	if len(all) == 0 {
		return
	}
	p.heading("packages")
	for _, k := range all[:p.shown(len(all))] {
		p.change(k.Kind.Sign(), line(k.Describe()))
	}
	p.more(len(all) - p.shown(len(all)))
}

// folders prints the folders that grew or shrank most.
func (p *diffPage) folders(all []diff.Folder) {
	if len(all) < 2 { // the root alone, which the summary tells of
		return
	}
	const most = 12
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b diff.Folder) int { return int(min(max(b.Added+b.Removed-a.Added-a.Removed, -1), 1)) })
	n := min(p.shown(len(sorted)), most)
	if p.limit == 0 {
		n = len(sorted)
	}
	p.heading("sizes")
	for _, f := range sorted[:n] {
		p.row("  %-20s %s", f.Describe(), line(f.Name()))
	}
	p.more(len(sorted) - n)
}

func (p *diffPage) notes(notes []string) {
	if len(notes) == 0 {
		return
	}
	p.heading("notes")
	for _, note := range notes[:p.shown(len(notes))] {
		p.row("  %s", line(note))
	}
	p.more(len(notes) - p.shown(len(notes)))
}

// effect tells what a layer did as a whole.
func (p *diffPage) effect(r *diff.Report) {
	e := r.Layer
	p.row("%s  %s", p.name(fmt.Sprintf("layer %d", e.Number)), printable.String(fmt.Sprintf("%s  %s stored  %s", e.Digest, size(e.Size), e.Compression)))
	p.level("of", line(r.A.Path))
	p.level("made by", line(e.CreatedBy))
	p.level("brings", size(e.AddedBytes)+" of files")
	if r.Same {
		p.level("changes", "nothing")
	}
	if e.WastedFiles > 0 {
		p.level("wastes", fmt.Sprintf("%s in %s of lower layers, which it covers or deletes", size(e.WastedBytes), plural(e.WastedFiles, "file")))
	}
	if e.SameFiles > 0 {
		p.level("repeats", fmt.Sprintf("%s in %s, the content of which did not change", size(e.SameBytes), plural(e.SameFiles, "file")))
	}
}
