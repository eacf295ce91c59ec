package cli

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// printable escapes what could steer a terminal, and bytes that are no UTF-8:
// names, labels and commands come from archives that nobody vouches for.
func printable(s string) string {
	if strings.IndexFunc(s, isControl) < 0 && strings.ToValidUTF8(s, "") == s {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&out, "\\x%02x", s[0])
		case isControl(r):
			quoted := strconv.QuoteRune(r)
			out.WriteString(quoted[1 : len(quoted)-1])
		default:
			out.WriteRune(r)
		}
		s = s[n:]
	}
	return out.String()
}

func isControl(r rune) bool { return !unicode.IsPrint(r) }

// line is printable on one line.
func line(s string) string {
	return strings.Join(strings.Fields(printable(s)), " ")
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 0 {
		return "?"
	}
	return humanize.Bytes(uint64(n))
}

// painter colours what it prints, or does not.
type painter bool

func (p painter) paint(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) bold(s string) string { return p.paint("1", s) }
func (p painter) dim(s string) string  { return p.paint("2", s) }
func (p painter) name(s string) string { return p.paint("1;36", s) }
func (p painter) bad(s string) string  { return p.paint("31", s) }

// stdoutPainter colours on a terminal, unless NO_COLOR is set (no-color.org).
func stdoutPainter(env Env) painter {
	return painter(env.StdoutWidth > 0 && env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb")
}
