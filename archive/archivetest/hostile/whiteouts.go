package hostile

// whiteoutCases are whiteouts of all spellings over a layer that has etc/motd, and
// over nothing.
func whiteoutCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		out = append(out, Case{Name: "whiteout-" + name, About: about, Rules: rules(ids...), write: over(parts...).write})
	}
	add("of-file", "a whiteout of a file; nothing is wrong.", nil, file("etc/.wh.motd", ""))
	add("of-folder", "a whiteout of a folder; nothing is wrong.", nil, file(".wh.etc", ""))
	add("of-nothing", "a whiteout of what is not there; nothing is wrong.", nil, file("etc/.wh.nothing", ""), file("gone/.wh.nothing", ""))
	add("opaque", "an opaque folder; nothing is wrong.", nil, file("etc/.wh..wh..opq", ""))
	add("opaque-root", "an opaque root: all below is gone.", nil, file(".wh..wh..opq", ""), file("a", "x"))
	add("opaque-other-spelling", "almost an opaque marker, which AUFS's other names are.", nil, file("etc/.wh..wh..opqx", ""), file("etc/.wh..wh..OPQ", ""))
	add("aufs", "AUFS's own files, which are none.", nil, file(".wh..wh.aufs", ""), file(".wh..wh.plnk/1.2", ""), file(".wh..wh.orph/x", ""))
	add("bare", "a whiteout without a name: it deletes nothing.", nil, file("etc/.wh.", ""))
	add("of-dot", "a whiteout of a dot.", nil, file("etc/.wh..", ""))
	add("of-dots", "a whiteout of two dots: nothing outside is touched.", nil, file("etc/.wh...", ""))
	add("of-root", "a whiteout of the root itself, in each spelling.", nil, file(".wh..", ""), file("./.wh.", ""))
	add("of-whiteout", "a whiteout of a whiteout.", nil, file("etc/.wh..wh.motd", ""))
	add("with-content", "a whiteout with content, which is none.", nil, file("etc/.wh.motd", "content"))
	add("folder", "a whiteout that is a folder with a file in it.", nil, dir("etc/.wh.motd"), file("etc/.wh.motd/x", "x"))
	add("symlink", "a whiteout that is a symlink to a file outside.", nil, symlink("etc/.wh.motd", "/etc/passwd"))
	add("hardlink", "a whiteout that is a hardlink to nothing.", nil, hardlink("etc/.wh.motd", "nothing"))
	add("device", "a whiteout that is a device.", nil, entry('3', "etc/.wh.motd", "", put{atMajor, octal(7, 0)}, put{atMinor, octal(7, 0)}))
	add("after-file", "a whiteout behind the file of its own layer, which stays.", nil, file("etc/motd", "new"), file("etc/.wh.motd", ""))
	add("before-file", "a whiteout before the file of its own layer, which stays.", nil, file("etc/.wh.motd", ""), file("etc/motd", "new"))
	add("parent-of-file", "a whiteout of a folder that the same layer has a file in.", nil, file("etc/new", "x"), file(".wh.etc", ""))
	add("twice", "one whiteout twice.", nil, file("etc/.wh.motd", ""), file("etc/.wh.motd", ""))
	add("up", "a whiteout that leaves the root.", []string{"PATH-ESCAPE"}, file("../.wh.evil", ""))
	add("absolute", "a whiteout with an absolute path, which means inside.", nil, file("/etc/.wh.motd", ""))
	add("through-file", "a whiteout below a file.", nil, file("etc/motd/.wh.x", ""))
	add("through-symlink", "a whiteout through a symlink to a folder.", nil, symlink("l", "etc"), file("l/.wh.motd", ""))
	add("name-in-path", "a folder whose name begins like a whiteout, with files in it.", nil, file("a/.wh.b/c/d", "x"))
	add("symlink-leads-to", "a file below a symlink that leads to a whiteout's name.", []string{"ENTRY-INVALID"}, symlink("l", ".wh.x"), file("l/evil", "x"))
	out = append(out,
		Case{Name: "whiteout-in-lowest-layer", About: "a whiteout in the lowest layer, where there is nothing to remove.", write: image{layers: []string{tarOf(dir("etc"), file("etc/motd", "hello\n"), file("etc/.wh.motd", ""), file(".wh.gone", ""))}}.write},
		Case{Name: "whiteout-and-back", About: "a file that is removed and comes back: nothing older comes with it.", write: image{layers: []string{baseLayer, tarOf(file(".wh.etc", "")), tarOf(dir("etc"), file("etc/new", "x"))}}.write},
	)
	return out
}
