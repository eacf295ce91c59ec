package cli

import (
	"fmt"
	"strings"

	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/diff"
	"github.com/imgtool/imgtool/inspect/printable"
)

// fold is a folder that was added or removed with all in it, told in one line.
type fold struct {
	files int
	bytes int64
}

// smallFold is how many paths a folder has in it that is told path by path.
const smallFold = 8

// files prints paths that differ: those of which more than times does come first.
func (p *diffPage) files(d *diff.Platform) {
	if d.Files == nil {
		return
	}
	changes := d.Files.Changes
	folds := map[string]fold{}
	if p.limit > 0 {
		folds = foldsOf(changes)
	}
	var real, times []*diff.FileChange
	inside := ""
	for i := range changes {
		c := &changes[i]
		if inside != "" && strings.HasPrefix(c.Path, inside) {
			continue
		}
		if inside = ""; folds[c.Path].files > smallFold {
			inside = c.Path + "/"
		}
		if c.TimesOnly() {
			times = append(times, c)
		} else {
			real = append(real, c)
		}
	}
	if len(real) > 0 {
		p.heading("files")
		p.someFiles(real, folds)
	}
	if len(times) > 0 {
		p.heading("files, times only")
		p.someFiles(times, folds)
	}
	if t := d.Texts; t != nil && t.Skipped > 0 {
		p.row("    %s", p.dim(fmt.Sprintf("%s of changed content shown, %d left out", plural(t.Shown, "file"), t.Skipped)))
	}
}

// foldsOf finds folders of which all was added, or all removed.
func foldsOf(changes []diff.FileChange) map[string]fold {
	folds := map[string]fold{}
	for i := range changes {
		c := &changes[i]
		if c.Kind == diff.Changed || c.Path == "." {
			continue
		}
		before, after := c.Sizes()
		if c.Type() == layer.Dir.String() {
			folds[c.Path] = fold{}
		}
		for dir := c.Path; strings.Contains(dir, "/"); {
			dir = dir[:strings.LastIndex(dir, "/")]
			f, ok := folds[dir]
			if !ok {
				break
			}
			f.files++
			f.bytes += before + after
			folds[dir] = f
		}
	}
	return folds
}

func (p *diffPage) someFiles(changes []*diff.FileChange, folds map[string]fold) {
	for _, c := range changes[:p.shown(len(changes))] {
		s := p.fileText(c)
		if f := folds[c.Path]; f.files > smallFold {
			s = fmt.Sprintf("%s/  %s", line(c.Name()), p.dim(fmt.Sprintf("%s, %s", plural(f.files, "path"), size(f.bytes))))
		}
		p.change(c.Kind.Sign(), s)
		p.text(c.Text)
	}
	p.more(len(changes) - p.shown(len(changes)))
}

// fileText tells of a path in one line.
func (p *diffPage) fileText(c *diff.FileChange) string {
	name := line(c.Name())
	if c.Kind != diff.Changed && c.Type() == layer.Dir.String() && c.Path != "." {
		name += "/"
	}
	return name + "  " + p.dim(line(c.Describe()))
}

// text prints how a text file changed.
func (p *diffPage) text(t *diff.TextDiff) {
	if t == nil || t.Why != "" {
		return
	}
	for row := range strings.Lines(t.Unified) {
		row = strings.TrimSuffix(row, "\n")
		sign, rest := row[:1], strings.ReplaceAll(row[1:], "\t", "    ")
		shown := printable.String(rest)
		switch sign {
		case "@":
			p.row("      %s", p.paint("36", row))
		case "+", "-":
			p.row("      %s", p.paint(map[string]string{"+": "32", "-": "31"}[sign], sign+shown))
		default:
			p.row("      %s%s", sign, shown)
		}
	}
	if t.Cut > 0 {
		p.row("      %s", p.dim(fmt.Sprintf("… and %s more", plural(t.Cut, "line"))))
	}
}
