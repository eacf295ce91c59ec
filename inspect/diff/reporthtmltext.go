package diff

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/imgtool/imgtool/inspect/printable"
)

// prettyWidth is how long JSON may be on one line.
const prettyWidth = 72

// pretty gives a value of a document: text as it is, all else as JSON, indented
// where it is long.
func pretty(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return printable.Text(text)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err == nil && out.Len() <= prettyWidth {
		return printable.Text(out.String())
	}
	out.Reset()
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return printable.Text(string(raw))
	}
	return printable.Text(out.String())
}

// joinNames lists words.
func joinNames(names []string) string { return strings.Join(names, ", ") }

// signed is FormatSize with a sign.
func signed(n int64) string {
	switch {
	case n < 0:
		return "−" + FormatSize(-n)
	case n > 0:
		return "+" + FormatSize(n)
	}
	return "±0 B"
}

// count gives a number with the word for it.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// grouped gives a number with commas.
func grouped(n int) string {
	s := decimal(int64(n))
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
