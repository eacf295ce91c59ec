package archivetest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// line is one line of a listing, with the lines that are indented below it.
type line struct {
	num   int
	words []string
	json  string // what stands after two words of a field line
	kids  []*line
}

func (l *line) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", l.num, fmt.Errorf(format, args...))
}

func (l *line) unknown() error {
	return l.errorf("unknown word %q", l.words[0])
}

// leaf returns the words after the first. There must be least to most of them,
// and nothing below the line; a negative most is no limit.
func (l *line) leaf(least, most int) ([]string, error) {
	if len(l.kids) > 0 {
		return nil, l.kids[0].errorf("nothing can stand below %q", l.words[0])
	}
	args := l.words[1:]
	if len(args) < least || most >= 0 && len(args) > most {
		return nil, l.errorf("wrong number of words after %q: %d", l.words[0], len(args))
	}
	return args, nil
}

// parseLines makes a tree of lines; the value it returns has the top ones below it.
func parseLines(text string) (*line, error) {
	root := &line{}
	parents := []*line{root} // by depth
	for i, s := range strings.Split(text, "\n") {
		l := &line{num: i + 1}
		if err := l.split(strings.TrimRight(s, "\r")); err != nil {
			return nil, l.errorf("%w", err)
		}
		if len(l.words) == 0 {
			continue
		}
		indent := len(s) - len(strings.TrimLeft(s, " "))
		depth := indent / 2
		if indent%2 != 0 || depth >= len(parents) {
			return nil, l.errorf("bad indentation of %d spaces", indent)
		}
		parents[depth].kids = append(parents[depth].kids, l)
		parents = append(parents[:depth+1], l)
	}
	return root, nil
}

// split cuts text into words. On field lines it stops before the JSON, because
// JSON inside a quoted word is hard to read.
func (l *line) split(text string) error {
	for {
		if len(l.words) == 2 && strings.HasSuffix(l.words[0], "-field") {
			l.json = text
			return nil
		}
		word, rest, err := cutWord(text)
		if err != nil || rest == text {
			return err
		}
		l.words = append(l.words, word)
		text = rest
	}
}

// cutWord takes the first word off s. Without a word, rest is s.
func cutWord(s string) (word, rest string, err error) {
	t := strings.TrimLeft(s, " \t")
	if t == "" || t[0] == '#' {
		return "", s, nil
	}
	if t[0] != '"' && t[0] != '`' {
		end := strings.IndexAny(t, " \t")
		if end < 0 {
			end = len(t)
		}
		return t[:end], t[end:], nil
	}
	return cutQuoted(t)
}

func cutQuoted(s string) (word, rest string, err error) {
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, errors.New("bad quoted string")
	}
	word, err = strconv.Unquote(quoted)
	if err != nil {
		return "", s, errors.New("bad quoted string")
	}
	rest = s[len(quoted):]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", s, fmt.Errorf("no space after %s", quoted)
	}
	return word, rest, nil
}
