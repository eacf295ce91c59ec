package cli

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// cutTable is a table whose last column is cut at the edge of the terminal, so
// that a row is a line. Columns that are empty in all rows are left out.
type cutTable struct {
	painter
	header []string
	right  []int // columns, from 1, that are aligned to the right
	hidden []int
	rows   []table.Row
}

func (t *cutTable) add(cells ...any) { t.rows = append(t.rows, cells) }

// render gives the lines of the table, at most width columns wide where that is
// not 0; the last column keeps 20.
func (t *cutTable) render(width int) string {
	if width == 0 {
		return t.lines(0)
	}
	title := len(t.header[len(t.header)-1])
	head, _, _ := strings.Cut(t.lines(title), "\n")
	return t.lines(max(width-text.StringWidthWithoutEscSequences(head)+title, 20))
}

// lines lays the rows out, the last column at most last wide where that is not 0.
func (t *cutTable) lines(last int) string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	w.SetStyle(style)
	w.SuppressEmptyColumns()
	header := make(table.Row, len(t.header))
	for i, title := range t.header {
		header[i] = t.dim(title)
	}
	w.AppendHeader(header)
	w.AppendRows(t.rows)
	cut := func(s string, width int) string { return text.Snip(s, width, "…") }
	columns := []table.ColumnConfig{{Number: len(header), WidthMax: last, WidthMaxEnforcer: cut}}
	for _, n := range t.right {
		columns = append(columns, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	for _, n := range t.hidden {
		columns = append(columns, table.ColumnConfig{Number: n, Hidden: true})
	}
	w.SetColumnConfigs(columns)
	var out strings.Builder
	for row := range strings.Lines(w.Render()) {
		fmt.Fprintln(&out, strings.TrimRight(row, " \n"))
	}
	return out.String()
}
