package diff

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/imgtool/imgtool/archive/layer"
)

// Bounds of what [Options.Content] shows: 16 MiB of text at most is held for both
// sides together.
const (
	maxTextSize  = 128 << 10 // bytes of a file on one side
	maxTexts     = 64        // files
	maxTextLines = 200       // lines of one diff
)

// texts adds a diff to the changes of text files, the first ones in the order of
// paths. It gives nil where no content changed.
func (c *comparison) texts(ctx context.Context) (*TextStats, error) {
	chosen := c.chooseTexts()
	before, err := contentsOf(ctx, c.a.stack, c.chosenFiles(chosen, true))
	if err != nil {
		return nil, fmt.Errorf("side A: %w", err)
	}
	after, err := contentsOf(ctx, c.b.stack, c.chosenFiles(chosen, false))
	if err != nil {
		return nil, fmt.Errorf("side B: %w", err)
	}
	for k, i := range chosen {
		c.changes[i].Text = diffTexts(before[k], after[k])
	}
	var stats TextStats
	for i := range c.changes {
		switch t := c.changes[i].Text; {
		case t == nil:
		case t.Why != "":
			stats.Skipped++
		default:
			stats.Shown++
		}
	}
	if stats == (TextStats{}) {
		return nil, nil //nolint:nilnil // there is nothing to tell
	}
	return &stats, nil
}

// chooseTexts gives the changes that are to have a diff, and says of others of
// content why they have none.
func (c *comparison) chooseTexts() []int {
	var chosen []int
	for i := range c.changes {
		change := &c.changes[i]
		if change.Aspects&AspectContent == 0 {
			continue
		}
		if why := change.noText(len(chosen)); why != "" {
			change.Text = &TextDiff{Why: why}
			continue
		}
		chosen = append(chosen, i)
	}
	return chosen
}

// noText says why there is no diff of a file, before it is read; so many have one.
func (c *FileChange) noText(have int) string {
	before, after := c.Sizes()
	switch {
	case max(before, after) > maxTextSize:
		return fmt.Sprintf("over %d KiB", maxTextSize>>10)
	case have >= maxTexts:
		return fmt.Sprintf("more than %d files changed", maxTexts)
	}
	return ""
}

// chosenFiles gives one side of chosen changes.
func (c *comparison) chosenFiles(chosen []int, before bool) []layer.File {
	var files []layer.File
	for _, i := range chosen {
		f := c.changes[i].After
		if before {
			f = c.changes[i].Before
		}
		files = append(files, layer.File{Path: c.changes[i].Path, Inode: f.Inode})
	}
	return files
}

// contentsOf reads files whole.
func contentsOf(ctx context.Context, s *layer.Stack, files []layer.File) ([][]byte, error) {
	out := make([][]byte, len(files))
	var content bytes.Buffer
	err := eachContent(ctx, s, files, &content, func(group []int) {
		read := bytes.Clone(content.Bytes())
		for _, i := range group {
			out[i] = read
		}
		content.Reset()
	})
	return out, err
}

// diffTexts compares two texts line by line.
func diffTexts(before, after []byte) *TextDiff {
	if isBinary(before) || isBinary(after) {
		return &TextDiff{Why: "binary"}
	}
	old := string(before)
	unified, err := udiff.ToUnifiedDiff("a", "b", old, udiff.Lines(old, string(after)), udiff.DefaultContextLines)
	if err != nil {
		return &TextDiff{Why: err.Error()}
	}
	t := &TextDiff{}
	var out strings.Builder
	lines := 0
	put := func(line string) {
		if lines++; lines > maxTextLines {
			t.Cut++
			return
		}
		out.WriteString(line)
		if !strings.HasSuffix(line, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
	for _, hunk := range unified.Hunks {
		put(hunkHeader(hunk))
		for _, line := range hunk.Lines {
			put(t.line(line))
		}
	}
	t.Unified = out.String()
	return t
}

// line spells one line of a diff, and counts it.
func (t *TextDiff) line(l udiff.Line) string {
	switch l.Kind {
	case udiff.Delete:
		t.Deleted++
		return "-" + l.Content
	case udiff.Insert:
		t.Inserted++
		return "+" + l.Content
	}
	return " " + l.Content
}

// hunkHeader tells where a hunk is, as diff(1) does.
func hunkHeader(h *udiff.Hunk) string {
	from, to := 0, 0
	for _, l := range h.Lines {
		if l.Kind != udiff.Insert {
			from++
		}
		if l.Kind != udiff.Delete {
			to++
		}
	}
	return fmt.Sprintf("@@ -%s +%s @@\n", lineRange(h.FromLine, from), lineRange(h.ToLine, to))
}

func lineRange(first, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", first-1)
	case 1:
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d,%d", first, count)
}

func isBinary(b []byte) bool { return bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) }
