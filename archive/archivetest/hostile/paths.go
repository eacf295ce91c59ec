package hostile

import (
	"fmt"
	"slices"
	"strings"
)

// spelling is a path in an odd spelling, and whether it leaves the root.
type spelling struct {
	name, path string
	escapes    bool
}

var spellings = []spelling{
	{"up", "../evil", true},
	{"up-up", "../../../../../../../../tmp/evil", true},
	{"up-later", "a/../../evil", true},
	{"up-from-root", "/../evil", true},
	{"up-alone", "..", true},
	{"up-slash", "../", true},
	{"up-and-back", "a/../b", false},
	{"up-behind-dot", "./../evil", true},
	{"absolute", "/tmp/evil", false},
	{"absolute-twice", "//tmp/evil", false},
	{"double-slash", "a//b", false},
	{"dots", "./././a", false},
	{"three-dots", ".../a", false},
	{"dot-names", "a/.b./..c", false},
	{"slash-behind", "a/", false},
	{"root", ".", false},
	{"root-slash", "/", false},
	{"empty", "", false},
	{"backslash-up", `..\..\evil`, false},
	{"backslash", `a\b`, false},
	{"drive", `C:\evil`, false},
	{"drive-slash", "C:/evil", false},
	{"unc", `\\server\share\evil`, false},
	{"colon", "a:b", false},
	{"windows-device", "CON", false},
	{"windows-device-in-folder", "a/nul.txt", false},
	{"dot-behind", "a.", false},
	{"space-behind", "a ", false},
	{"space", " ", false},
	{"hyphen", "-rf", false},
	{"option", "--help", false},
	{"star", "*", false},
	{"no-utf8", "a\xff\xfe", false},
	{"overlong-slash", "..\xc0\xafevil", false},
	{"fullwidth-dots", "\uff0e\uff0e/evil", false},
	{"composed", "\u00e9", false},
	{"url-encoded", "%2e%2e/evil", false},
	{"home", "~/evil", false},
	{"proc", "proc/self/root/evil", false},
	{"whiteout-alone", ".wh.", false},
	{"whiteout-up", "../.wh.evil", true},
	{"whiteout-of-up", "a/.wh...", false},
	{"whiteout-of-dot", ".wh..", false},
	{"long-component", strings.Repeat("n", 255), false},
	{"too-long-component", strings.Repeat("n", 256), false},
}

// pathCases write a file at each path, and folders and symlinks at some.
func pathCases() []Case {
	var out []Case
	for i, s := range spellings {
		var ids []string
		switch {
		case s.escapes:
			ids = rules("PATH-ESCAPE")
		case slices.Contains([]string{"backslash", "drive", "colon", "windows-device", "dot-behind", "space-behind", "no-utf8"}, s.name):
			ids = rules("NAME-UNPORTABLE")
		}
		makers := map[string]func(string) string{
			"file":    func(p string) string { return long(p, "evil") },
			"folder":  func(p string) string { return pax('x', "path", p+"/") + dir("d") },
			"symlink": func(p string) string { return pax('x', "path", p) + symlink("l", "/etc/passwd") },
		}
		kinds := []string{"file", "folder", "symlink"}
		if !s.escapes && i%5 != 0 {
			kinds = kinds[:1]
		}
		for _, kind := range kinds {
			at := makers[kind](s.path)
			if s.path == "" { // PAX takes an empty record for none
				at = map[string]string{"file": file("", "evil"), "folder": entry('5', "", ""), "symlink": symlink("", "/etc/passwd")}[kind]
			}
			out = append(out, Case{
				Name: "path-" + kind + "-" + s.name, Rules: ids, write: over(at).write,
				About: fmt.Sprintf("a %s in a layer is called %s; nothing is written outside of the output.", kind, shown(s.path)),
			})
		}
	}
	return out
}

func shown(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%.20q and so on, %d bytes", s, len(s))
	}
	return fmt.Sprintf("%q", s)
}
