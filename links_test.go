package imgtool_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestLinks: what pages link to is there, down to its heading, and the rules of
// verify that they name are rules.
func TestLinks(t *testing.T) {
	t.Parallel()
	rules := headings(t, filepath.Join("docs", "rules.md"))
	links, named := 0, 0
	for _, page := range markdown(t) {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := fence.ReplaceAllString(string(raw), "")
		for _, link := range linkTo.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(link[1], "://") {
				links++
				checkLink(t, page, link[1])
			}
		}
		for _, rule := range ruleName.FindAllString(text, -1) {
			named++
			if !slices.Contains(rules, strings.ToLower(strings.ReplaceAll(rule, ".", ""))) {
				t.Errorf("%s names the rule %s, which docs/rules.md has not", page, rule)
			}
		}
	}
	if links < 20 || named < 20 {
		t.Errorf("%d links and %d rules, which cannot be all", links, named)
	}
}

var (
	fence    = regexp.MustCompile("(?s)```.*?```")
	linkTo   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	ruleName = regexp.MustCompile(`\bIMG-[A-Z0-9]+(?:[-.][A-Z0-9]+)*`)
)

// checkLink reports a link that leads nowhere.
func checkLink(t *testing.T, page, link string) {
	t.Helper()
	target, heading, _ := strings.Cut(link, "#")
	if target = filepath.Join(filepath.Dir(page), filepath.FromSlash(target)); link[0] == '#' {
		target = page
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s links to %s: %v", page, link, err)
	} else if heading != "" && !slices.Contains(headings(t, target), heading) {
		t.Errorf("%s links to %s, and there is no such heading", page, link)
	}
}

// markdown finds all pages.
func markdown(t *testing.T) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".md") {
			pages = append(pages, p)
		}
		if err == nil && d.IsDir() && p != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil || len(pages) < 5 {
		t.Fatalf("found the pages %q: %v", pages, err)
	}
	return pages
}

// headings gives the anchors of the headings of a page, as GitHub makes them.
func headings(t *testing.T, page string) []string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(fence.ReplaceAllString(string(raw), "")) {
		text := strings.TrimLeft(line, "#")
		if text == line || !strings.HasPrefix(text, " ") {
			continue
		}
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(text)))
	}
	return all
}
