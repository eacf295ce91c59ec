package diff

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/printable"
)

// htmlBudget is what a page still has room for.
type htmlBudget struct{ files, texts int }

// htmlGroup is some paths of one folder, as the script reads them: the folder from
// the root on without the slash at its start, and rows of a name, a letter of the
// kind, the type, the sizes before and after, and, where there is any, what
// changed, the values that did, and the text diff.
type htmlGroup [2]any

// chunkRows is how many rows stand in one block of data.
const chunkRows = 2000

// takeFiles puts as many paths into the page as there is room for.
func (p *htmlPart) takeFiles(f *Files, left *htmlBudget) {
	p.Files = f
	n := min(len(f.Changes), left.files)
	left.files -= n
	p.MoreFiles = len(f.Changes) - n
	shown := f.Changes[:n]
	texts := left.takeTexts(shown)
	for _, c := range shown[texts:] {
		if c.Text != nil && c.Text.Unified != "" {
			p.MoreTexts++
		}
	}
	p.Chunks = htmlChunks(shown, texts)
}

// takeTexts gives how many changes, from the first on, show their text diffs.
func (b *htmlBudget) takeTexts(changes []FileChange) int {
	for i, c := range changes {
		if c.Text == nil {
			continue
		}
		if b.texts < len(c.Text.Unified) {
			b.texts = 0
			return i
		}
		b.texts -= len(c.Text.Unified)
	}
	return len(changes)
}

// htmlChunks gives the changes in blocks, the first texts of them with their text
// diffs. They are made while the page is written.
func htmlChunks(changes []FileChange, texts int) func(func([]htmlGroup) bool) {
	return func(yield func([]htmlGroup) bool) {
		for from := 0; from < len(changes); from += chunkRows {
			to := min(from+chunkRows, len(changes))
			if !yield(htmlGroups(changes[from:to], texts-from)) {
				return
			}
		}
	}
}

// htmlGroups puts changes that follow one another in one folder together.
func htmlGroups(changes []FileChange, texts int) []htmlGroup {
	var groups []htmlGroup
	for from := 0; from < len(changes); {
		dir := path.Dir(changes[from].Path)
		var rows [][]any
		for ; from < len(changes) && path.Dir(changes[from].Path) == dir; from++ {
			rows = append(rows, htmlRow(&changes[from], from < texts))
		}
		if dir == "." {
			dir = ""
		}
		groups = append(groups, htmlGroup{printable.String(dir), rows})
	}
	return groups
}

func htmlRow(c *FileChange, withText bool) []any {
	before, after := c.Sizes()
	row := []any{printable.String(path.Base(c.Path)), string(c.Kind[:1]), c.Type(), before, after}
	values := htmlValues(c)
	text := c.Text
	if !withText {
		text = nil
	}
	switch {
	case text != nil:
		shown := *text
		shown.Unified, shown.Why = printable.Text(text.Unified), printable.String(text.Why)
		return append(row, c.Aspects.String(), values, &shown)
	case values != nil:
		return append(row, c.Aspects.String(), values)
	case c.Aspects != 0:
		return append(row, c.Aspects.String())
	}
	return row
}

// htmlValues gives what differs of a path with its values before and after, empty
// for none, and the target of a symlink that is new or gone.
func htmlValues(c *FileChange) [][3]string {
	var rows [][3]string
	for _, v := range htmlAspects {
		before, after := v.of(c.Before), v.of(c.After)
		if (c.Aspects&v.aspect != 0 || v.aspect == AspectLink) && before != after {
			rows = append(rows, [3]string{v.label, printable.String(before), printable.String(after)})
		}
	}
	return rows
}

// htmlAspect is a value that the page shows.
type htmlAspect struct {
	aspect Aspects
	label  string
	value  func(*layer.Inode) string
}

var htmlAspects = []htmlAspect{
	{AspectType, "type", func(i *layer.Inode) string { return i.Type.String() }},
	{AspectMode, "mode", func(i *layer.Inode) string { return fmt.Sprintf("%04o", i.Mode) }},
	{AspectOwner, "owner", func(i *layer.Inode) string { return fmt.Sprintf("%d:%d", i.Owner.UID, i.Owner.GID) }},
	{AspectOwnerNames, "owner names", func(i *layer.Inode) string { return i.Owner.Uname + ":" + i.Owner.Gname }},
	{AspectTimes, "modified", func(i *layer.Inode) string { return i.ModTime().UTC().Format(time.RFC3339Nano) }},
	{AspectLink, "link", func(i *layer.Inode) string { return i.Link }},
	{AspectHardlinks, "names", func(i *layer.Inode) string { return decimal(int64(i.Names())) }},
	{AspectDevice, "device", func(i *layer.Inode) string {
		major, minor := i.Device()
		return fmt.Sprintf("%d, %d", major, minor)
	}},
	{AspectXattrs, "xattrs", xattrsText},
	{AspectContent, "size", func(i *layer.Inode) string { return decimal(i.Size) }},
}

// of gives the value of a file, empty for no file.
func (v htmlAspect) of(f *File) string {
	if f == nil {
		return ""
	}
	return v.value(f.Inode)
}

// maxHTMLValue is how much of the value of an extended attribute is shown.
const maxHTMLValue = 64

func xattrsText(i *layer.Inode) string {
	var all []string
	xattrs := i.Xattrs()
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		value := xattrs[name]
		if len(value) > maxHTMLValue {
			value = value[:maxHTMLValue] + "…"
		}
		all = append(all, fmt.Sprintf("%s=%q", name, value))
	}
	return strings.Join(all, " ")
}
