package diff

import (
	"fmt"
	"path"
	"strings"
)

// pattern is a glob, name by name.
type pattern []string

func parsePattern(s string) pattern {
	if s = strings.Trim(path.Clean("/"+s), "/"); s == "" {
		return nil
	}
	return strings.Split(s, "/")
}

func checkPatterns(all []string) error {
	for _, s := range all {
		for _, name := range parsePattern(s) {
			if _, err := path.Match(name, ""); err != nil {
				return fmt.Errorf("path pattern %q: %w", s, err)
			}
		}
	}
	return nil
}

// matcher reports whether a relative path is meant by one of the patterns; without
// any, each is.
func matcher(all []string) func(p string) bool {
	var patterns []pattern
	for _, s := range all {
		patterns = append(patterns, parsePattern(s))
	}
	return func(p string) bool {
		if len(patterns) == 0 {
			return true
		}
		var names []string
		if p != "." {
			names = strings.Split(p, "/")
		}
		for _, pattern := range patterns {
			if pattern.match(names) {
				return true
			}
		}
		return false
	}
}

// match reports that p matches names or a folder that they lie in. It takes time
// in proportion to the product of both lengths.
func (p pattern) match(names []string) bool {
	// reached[i] says that the pattern so far matches the first i names.
	reached := make([]bool, len(names)+1)
	reached[0] = true
	for _, part := range p {
		next := make([]bool, len(names)+1)
		for i := range reached {
			switch {
			case part == "**":
				next[i] = reached[i] || i > 0 && next[i-1]
			case i > 0 && reached[i-1]:
				next[i], _ = path.Match(part, names[i-1]) // was checked
			}
		}
		reached = next
	}
	for _, ok := range reached {
		if ok {
			return true
		}
	}
	return false
}
