package cli

import (
	"io"
	"unicode/utf8"
)

// jsonEscaper escapes what [escapeJSON] does, of JSON of any length.
type jsonEscaper struct {
	w    io.Writer
	rest []byte // the beginning of a character
}

func (e *jsonEscaper) Write(p []byte) (int, error) {
	if len(e.rest) == 0 && isPlainASCII(p) { // almost all there is
		return e.w.Write(p)
	}
	text := append(e.rest, p...)
	whole := len(text)
	for back := 1; back < utf8.UTFMax && back <= whole; back++ {
		if utf8.RuneStart(text[whole-back]) {
			if !utf8.FullRune(text[whole-back:]) {
				whole -= back
			}
			break
		}
	}
	e.rest = append([]byte(nil), text[whole:]...)
	if _, err := io.WriteString(e.w, escapeJSON(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isPlainASCII reports bytes that are printed as they are: JSON has no others of
// ASCII but line ends, and DEL.
func isPlainASCII(p []byte) bool {
	for _, b := range p {
		if b >= 0x7f {
			return false
		}
	}
	return true
}
