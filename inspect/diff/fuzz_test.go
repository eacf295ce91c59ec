package diff

import (
	"slices"
	"strings"
	"testing"
)

// FuzzFields: documents are the same as themselves, and what differs between two
// is mirrored by swapping them.
func FuzzFields(f *testing.F) {
	for _, seed := range [][2]string{
		{`{}`, `{"a":null}`}, {`{"a":{"b.c":1}}`, `{"a":{"b.c":[]}}`}, {`{"a":[1,2]}`, `{"a":[2,1]}`}, {`{"":{"":0}}`, `{"":""}`}, {`[]`, `{`},
		{`{"config":{"Env":["A=1","B=2"]}}`, `{"config":{"Env":["B=2","A=1"]}}`}, {`{"n":1e400}`, `{"n":10}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		left, err := parseObject([]byte(a))
		right, err2 := parseObject([]byte(b))
		if err != nil || err2 != nil {
			return
		}
		compare := func(a, b object) []Field {
			f := &fields{}
			f.objects("", a, b)
			return f.found
		}
		if found := compare(left, left); len(found) > 0 {
			t.Errorf("%q differs from itself in %v", a, found)
		}
		there, back := compare(left, right), compare(right, left)
		swap := map[Kind]Kind{Added: Removed, Removed: Added, Changed: Changed, Moved: Moved}
		same := slices.EqualFunc(there, back, func(a, b Field) bool {
			return a.Field == b.Field && a.Kind == swap[b.Kind] && string(a.Before) == string(b.After) && string(a.After) == string(b.Before)
		})
		if !same {
			t.Errorf("%q to %q: %v; back: %v", a, b, there, back)
		}
	})
}

// FuzzPattern: a pattern that is taken matches, or does not, in little time, and a
// path matches itself where it has no signs in it.
func FuzzPattern(f *testing.F) {
	f.Add("/etc/**/x", "etc/a/x")
	f.Add("**/**/**/**", "a/b/c")
	f.Add("[", "a")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if checkPatterns([]string{pattern}) != nil {
			return
		}
		matched := matcher([]string{pattern})(path)
		if !matched && !strings.ContainsAny(pattern, `*?[\`) && strings.Trim(pattern, "/") == path && !strings.Contains("/"+path+"/", "/.") && !strings.Contains(path, "//") {
			t.Errorf("%q does not match itself", pattern)
		}
	})
}
