package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible spells out what does not show, or turns the text around it: control
// characters, marks of direction, and bytes that are no UTF-8.
func visible(s string) string { return spell(s, "") }

// visibleText is visible, and leaves lines and tabs.
func visibleText(s string) string { return spell(s, "\n\t") }

func spell(s, kept string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune(kept, r) }
	if utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, "\\x%02x", s[0])
		case hidden(r):
			quoted := strconv.QuoteRune(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		default:
			out.WriteRune(r)
		}
		s = s[n:]
	}
	return out.String()
}

// prettyWidth is how long JSON may be on one line.
const prettyWidth = 72

// pretty gives a value of a document: text as it is, all else as JSON, indented
// where it is long.
func pretty(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return visibleText(text)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err == nil && out.Len() <= prettyWidth {
		return visibleText(out.String())
	}
	out.Reset()
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return visibleText(string(raw))
	}
	return visibleText(out.String())
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
