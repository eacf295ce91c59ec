package hostile

import (
	"fmt"
	"strings"
)

// escape is a way out of the root.
type escape struct{ name, target string }

var escapes = []escape{
	{"up", "../../../../../../../../tmp"},
	{"absolute", "/tmp"},
	{"proc", "/proc/self/cwd"},
	{"dot", "."},
	{"itself", "l"},
	{"circle", "m"},
	{"nowhere", "nowhere"},
	{"file", "etc/motd"},
	{"empty", ""},
	{"no-utf8", "\xff\xfe"},
	{"long", strings.Repeat("a/", 2047) + "bb"},
	{"too-long", strings.Repeat("a/", 2047) + "bbb"},
}

// linkCases use a symlink that leads out in each way that something can.
func linkCases() []Case {
	uses := []struct {
		name, about string
		make        func(link string) image
	}{
		{"alone", "lies in a layer", func(l string) image { return over(l) }},
		{"written-through", "has a file below it in its layer", func(l string) image { return over(l, file("l/evil", "evil")) }},
		{"written-through-later", "has a file below it in the next layer", func(l string) image {
			return image{layers: []string{baseLayer, tarOf(l), tarOf(file("l/evil", "evil"))}}
		}},
		{"replaced", "has a file in its own place in the next layer", func(l string) image {
			return image{layers: []string{baseLayer, tarOf(l), tarOf(file("l", "evil"))}}
		}},
		{"folder-over", "has a folder in its own place, and a file in that", func(l string) image {
			return image{layers: []string{baseLayer, tarOf(l), tarOf(dir("l"), file("l/evil", "evil"))}}
		}},
		{"linked-through", "has a hardlink to what lies behind it", func(l string) image { return over(l, hardlink("h", "l/motd")) }},
		{"whiteout-through", "has whiteouts below it in the next layer", func(l string) image {
			return image{layers: []string{baseLayer, tarOf(l), tarOf(file("l/.wh.motd", ""), file("l/.wh..wh..opq", ""))}}
		}},
	}
	var out []Case
	for _, e := range escapes {
		parts := symlink("l", e.target)
		if e.name == "circle" {
			parts += symlink("m", "l")
		}
		for i, u := range uses {
			if i > 1 && len(e.target) != 0 && len(e.target) < 3 || i > 1 && len(e.target) > 40 {
				continue // what cannot lead out
			}
			c := Case{
				Name: "link-" + e.name + "-" + u.name, write: u.make(parts).write,
				About: fmt.Sprintf("a symlink to %s %s; nothing is written outside of the output.", shown(e.target), u.about),
			}
			if e.name == "up" && u.name == "alone" {
				c.Rules = rules("SYMLINK-ESCAPE")
			}
			if e.name == "absolute" && u.name == "written-through" {
				c.Rules = rules("WRITE-THROUGH-LINK")
			}
			out = append(out, c)
		}
	}
	return out
}

// hardlinkCases link to what cannot be linked to.
func hardlinkCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		out = append(out, Case{Name: "hardlink-" + name, About: about, Rules: rules(ids...), write: over(parts...).write})
	}
	invalid, escape := []string{"ENTRY-INVALID"}, []string{"PATH-ESCAPE"}
	add("good", "a hardlink to a file before it; nothing is wrong.", nil, file("a", "x"), hardlink("b", "a"))
	add("to-lower-layer", "a hardlink to a file of the layer below; nothing is wrong.", nil, hardlink("b", "etc/motd"))
	add("to-nothing", "a hardlink to nothing.", invalid, hardlink("b", "nothing"))
	add("to-empty", "a hardlink to an empty name.", invalid, hardlink("b", ""))
	add("to-itself", "a hardlink to itself.", invalid, hardlink("b", "b"))
	add("to-itself-over-file", "a hardlink to its own name, where a file lies.", nil, file("b", "x"), hardlink("b", "b"))
	add("to-itself-otherwise", "a hardlink to itself in another spelling.", invalid, hardlink("b", "./x/../b"))
	add("circle", "two hardlinks to each other.", invalid, hardlink("a", "b"), hardlink("b", "a"))
	add("to-later", "a hardlink to a file that comes later.", invalid, hardlink("b", "a"), file("a", "x"))
	add("to-folder", "a hardlink to a folder.", invalid, dir("d"), hardlink("b", "d"))
	add("to-root", "a hardlink to the root.", invalid, hardlink("b", "."))
	add("to-parent", "a hardlink to the folder that it lies in.", invalid, dir("d"), hardlink("d/b", "d"))
	add("over-root", "a hardlink in the place of the root.", invalid, file("a", "x"), hardlink(".", "a"))
	add("to-symlink", "a hardlink to a symlink: another name of the link.", nil, symlink("l", "/etc/passwd"), hardlink("b", "l"))
	add("to-device", "a hardlink to a device.", []string{"DEVICE-NODE"}, entry('3', "null", "", put{atMajor, octal(7, 1)}, put{atMinor, octal(7, 3)}), hardlink("b", "null"))
	add("to-pipe", "a hardlink to a named pipe.", nil, entry('6', "pipe", ""), hardlink("b", "pipe"))
	add("to-whiteout", "a hardlink to a whiteout's own name.", invalid, file(".wh.etc", ""), hardlink("b", ".wh.etc"))
	add("up", "a hardlink that leaves the root.", escape, hardlink("b", "../../../../etc/passwd"))
	add("up-later", "a hardlink that leaves the root further on.", escape, hardlink("b", "etc/../../evil"))
	add("absolute", "a hardlink to an absolute path, which means inside.", nil, hardlink("b", "/etc/motd"))
	add("absolute-outside", "a hardlink to a file of the machine, which means inside, where it is not.", invalid, hardlink("b", "/proc/self/environ"))
	add("through-symlink", "a hardlink to a file through a symlink to a folder; it is found.", nil, symlink("l", "etc"), hardlink("b", "l/motd"))
	add("through-symlink-out", "a hardlink through a symlink that leads out.", invalid, symlink("l", "/proc/self"), hardlink("b", "l/environ"))
	add("through-symlink-circle", "a hardlink through symlinks in a circle.", invalid, symlink("l", "l"), hardlink("b", "l/x"))
	add("below-file", "a hardlink to something below a file.", invalid, file("a", "x"), hardlink("b", "a/c"))
	add("replaced-target", "a hardlink whose file is replaced behind it: it keeps the content.", nil, file("a", "first"), hardlink("b", "a"), file("a", "second"))
	add("with-content", "a hardlink with content of its own.", nil, file("a", "x"), entry('1', "b", "content", put{atLink, "a"}))
	add("many-names", "2,000 names of one file.", nil, manyHardlinks(2000))
	add("chain", "2,000 hardlinks, each to the one before.", nil, hardlinkChain(2000))
	out = append(out,
		Case{Name: "hardlink-removed-target", About: "a hardlink whose file the next layer removes: it keeps the content.", write: image{layers: []string{baseLayer, tarOf(file("a", "x"), hardlink("b", "a")), tarOf(file(".wh.a", ""))}}.write},
		Case{Name: "hardlink-to-removed", About: "a hardlink to a file that its own layer removes.", Rules: rules("ENTRY-INVALID"), write: image{layers: []string{baseLayer, tarOf(file("etc/.wh.motd", ""), hardlink("b", "etc/motd"))}}.write},
		Case{Name: "hardlink-overwritten-name", About: "a later layer writes to one of two names: the other keeps what it had.", write: image{layers: []string{baseLayer, tarOf(file("a", "x"), hardlink("b", "a")), tarOf(file("b", "y"))}}.write},
	)
	return out
}

func manyHardlinks(n int) string {
	parts := []string{file("a", "x")}
	for i := range n {
		parts = append(parts, hardlink(fmt.Sprintf("n%d", i), "a"))
	}
	return strings.Join(parts, "")
}

func hardlinkChain(n int) string {
	parts := []string{file("n0", "x")}
	for i := range n {
		parts = append(parts, hardlink(fmt.Sprintf("n%d", i+1), fmt.Sprintf("n%d", i)))
	}
	return strings.Join(parts, "")
}
