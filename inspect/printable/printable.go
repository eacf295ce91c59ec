// Package printable spells out what could steer a terminal or turn the text around
// it: names, labels and commands come from archives that nobody vouches for.
package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String gives s with control characters, marks of direction and whatever else does
// not print as Go would quote it, and bytes that are no UTF-8 as \xNN.
func String(s string) string { return spell(s, "") }

// Text is String, and leaves the ends of lines and tabs.
func Text(s string) string { return spell(s, "\n\t") }

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
