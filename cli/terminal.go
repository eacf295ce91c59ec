package cli

import (
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/imgtool/imgtool/inspect/printable"
)

// line is a text on one line.
func line(s string) string {
	return strings.Join(strings.Fields(printable.String(s)), " ")
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
