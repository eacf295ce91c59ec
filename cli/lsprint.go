package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/inspect"
	"github.com/imgtool/imgtool/inspect/printable"
)

// listPrinter prints a listing while it is made, to a buffer that remembers what
// fails.
type listPrinter interface {
	begin()
	folder(name string) // before what is in it, where there are several things
	entry(inspect.Entry) error
	end()
	stop() // in place of end where the listing breaks off
}

func newListPrinter(w *bufio.Writer, a *archive.Archive, n *archive.Node, o lsOptions) listPrinter {
	switch {
	case o.format == "jsonl":
		return &jsonLines{w}
	case o.format == "json":
		return &jsonEntries{w: w, path: a.Path, digest: n.Descriptor.Digest.String()}
	}
	return &textList{w: w, rows: columns{w: w, right: longRight}, long: o.long, ofLayer: o.layer != nil}
}

// textList prints names for people, all in one column, or with --long in several.
type textList struct {
	w       *bufio.Writer
	rows    columns
	long    bool
	ofLayer bool
	some    bool // something was printed
}

func (l *textList) begin() {}
func (l *textList) end()   { l.stop() }
func (l *textList) stop()  { _ = l.rows.flush() } // the buffer keeps the error

func (l *textList) folder(name string) {
	l.stop()
	if l.some {
		fmt.Fprintln(l.w)
	}
	l.some, l.rows.widths = true, nil
	fmt.Fprintf(l.w, "%s:\n", printable.String(name))
}

func (l *textList) entry(e inspect.Entry) error {
	l.some = true
	if l.long {
		return l.rows.add(longRow(e, l.ofLayer))
	}
	name := printable.String(e.Name)
	if e.Type == "whiteout" || e.Type == "opaque" {
		name += " (" + e.Type + ")"
	}
	_, err := fmt.Fprintln(l.w, name)
	return err
}

// longRight are the columns of longRow with numbers.
var longRight = map[int]bool{1: true, 3: true, 5: true}

// longRow tells all of an entry, as `ls -l` and `tar tv` do. What is not known is
// a dash.
func longRow(e inspect.Entry, ofLayer bool) []string {
	layer, name := fmt.Sprint(e.Layer), printable.String(e.Name)
	if e.Attributes == nil {
		kind := e.Type
		if kind == "dir" {
			kind = "d?????????"
		}
		return []string{kind, "-", "-", "-", "-", layer, name}
	}
	links := fmt.Sprint(max(e.Links, 1))
	if ofLayer {
		links = "-"
	}
	switch e.Type {
	case "symlink":
		name += " -> " + printable.String(e.Link)
	case "hardlink":
		name += " link to " + printable.String(e.Link)
	}
	owner := fmt.Sprintf("%d:%d", e.UID, e.GID)
	return []string{modeString(e.Type, e.Mode), links, owner, sizeColumn(e), e.ModTime.Format("2006-01-02T15:04:05Z"), layer, name}
}

// sizeColumn is the size of a file, or the numbers of a device.
func sizeColumn(e inspect.Entry) string {
	switch {
	case e.Size != nil:
		return fmt.Sprint(*e.Size)
	case e.Major != nil:
		return fmt.Sprintf("%d, %d", *e.Major, *e.Minor)
	}
	return "-"
}

// typeLetters are those of ls(1), and tar's for a hardlink.
var typeLetters = map[string]byte{
	"file": '-', "dir": 'd', "symlink": 'l', "char": 'c', "block": 'b', "fifo": 'p', "hardlink": 'h',
}

// modeString spells a mode as ls(1) does.
func modeString(kind string, m inspect.Mode) string {
	out := []byte("?rwxrwxrwx")
	out[0] = typeLetters[kind]
	for i := range 9 {
		if m&(1<<(8-i)) == 0 {
			out[i+1] = '-'
		}
	}
	for i, special := range []string{2: "s", 5: "s", 8: "t"} {
		if special == "" || m&(0o4000>>(i/3)) == 0 {
			continue
		}
		if out[i+1] == '-' {
			special = strings.ToUpper(special)
		}
		out[i+1] = special[0]
	}
	return string(out)
}

// columnRows is how many rows are laid out at once, so that a listing of any
// length is printed while it is made.
const columnRows = 1024

// columns aligns the cells of rows, but for the last ones. Columns do not get
// narrower on the way.
type columns struct {
	w      *bufio.Writer
	right  map[int]bool
	rows   [][]string
	widths []int
}

func (c *columns) add(row []string) error {
	for len(c.widths) < len(row) {
		c.widths = append(c.widths, 0)
	}
	for i, cell := range row {
		c.widths[i] = max(c.widths[i], len(cell))
	}
	c.rows = append(c.rows, row)
	if len(c.rows) < columnRows {
		return nil
	}
	return c.flush()
}

func (c *columns) flush() error {
	for _, row := range c.rows {
		last := len(row) - 1
		for i, cell := range row[:last] {
			width := c.widths[i]
			if !c.right[i] {
				width = -width
			}
			fmt.Fprintf(c.w, "%*s  ", width, cell)
		}
		if _, err := fmt.Fprintln(c.w, row[last]); err != nil {
			return err
		}
	}
	c.rows = c.rows[:0]
	return nil
}

// jsonLines prints one object a line.
type jsonLines struct{ w *bufio.Writer }

func (l *jsonLines) begin()        {}
func (l *jsonLines) folder(string) {}
func (l *jsonLines) end()          {}
func (l *jsonLines) stop()         {}

func (l *jsonLines) entry(e inspect.Entry) error {
	text, err := jsonText(e)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(l.w, text)
	return err
}

// jsonText gives compact JSON without what could steer a terminal.
func jsonText(v any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	return escapeJSON(strings.TrimSuffix(out.String(), "\n")), nil
}

// jsonEntries prints one object that has all entries, one a line.
type jsonEntries struct {
	w            *bufio.Writer
	path, digest string
	some         bool
}

func (l *jsonEntries) begin() {
	path, _ := jsonText(l.path) // a string is always JSON
	digest, _ := jsonText(l.digest)
	fmt.Fprintf(l.w, "{\n  \"schemaVersion\": %d,\n  \"path\": %s,\n  \"digest\": %s,\n  \"entries\": [", inspect.SchemaVersion, path, digest)
}

func (l *jsonEntries) folder(string) {}

func (l *jsonEntries) entry(e inspect.Entry) error {
	text, err := jsonText(e)
	if err != nil {
		return err
	}
	comma := ""
	if l.some {
		comma = ","
	}
	l.some = true
	_, err = fmt.Fprintf(l.w, "%s\n    %s", comma, text)
	return err
}

func (l *jsonEntries) stop() { fmt.Fprintln(l.w) }

func (l *jsonEntries) end() {
	if l.some {
		fmt.Fprint(l.w, "\n  ")
	}
	fmt.Fprint(l.w, "]\n}\n")
}
