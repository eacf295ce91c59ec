package hostile

import "fmt"

// acts are texts that act on a terminal, or look as what they are not.
var acts = []struct{ name, about, text string }{
	{"colour", "a change of colour", "\x1b[31mred"},
	{"title", "a new title of the window", "\x1b]0;evil\x07"},
	{"clear", "an order to clear the screen", "\x1b[2J\x1b[H"},
	{"c1", "the C1 form of an escape sequence", "\u009b31m"},
	{"c1-bytes", "the C1 form of an escape sequence, no UTF-8", "\x9b31m"},
	{"return", "a return to the line's begin", "evil\rgood"},
	{"newline", "a line break before what looks as a message", "a\nimgtool: all is well"},
	{"backspace", "letters that are taken back", "evil\b\b\b\bgood"},
	{"bell", "a bell", "\a\a\a"},
	{"delete", "a delete", "a\x7fb"},
	{"direction", "a mark that turns text around", "a\u202etxt.exe"},
	{"zero-width", "letters of no width", "a\u200b\u200db"},
	{"tag", "invisible letters", "a\U000e0041\U000e0042"},
	{"hyperlink", "a link of terminals to another place", "\x1b]8;;http://192.0.2.1\x1b\\here\x1b]8;;\x1b\\"},
	{"paste", "an end of a paste and a command", "\x1b[201~\nid\n"},
}

// terminalCases put each text wherever an archive has a text.
func terminalCases() []Case {
	var out []Case
	for i, a := range acts {
		add := func(name, about string, write func(string) error) {
			out = append(out, Case{Name: "terminal-" + a.name + "-in-" + name, About: about + " with " + a.about + "; it is spelled out.", write: write})
		}
		add("layer", "a path, a link and an owner", over(long("etc/"+a.text, "x"), pax('x', "linkpath", a.text)+symlink("l", "x"), pax('x', "uname", a.text, "SCHILY.xattr.user."+a.name, a.text)+file("owned", "x")).write)
		add("documents", "a config, a manifest and a platform", image{
			config: func(m doc) {
				m["author"], m["os"], m["architecture"] = a.text, a.text, a.text
				m["config"] = doc{"Cmd": []any{a.text}, "Env": []any{"A=" + a.text}, "Labels": doc{a.text: a.text}, "User": a.text, "WorkingDir": a.text}
				m["history"] = []any{doc{"created_by": a.text, "comment": a.text}}
			},
			manifest: set("annotations", doc{a.text: a.text}), root: set("annotations", doc{"org.opencontainers.image.ref.name": a.text, a.text: a.text}),
		}.write)
		add("list", "a member and a list", bytesOf(docker(fmt.Sprintf(`[{"Config":%s,"RepoTags":[%[1]s],"Layers":[%[1]s]}]`, marshal(a.text)), pax('x', "path", a.text)+file("x", "x"))))
		if i%4 == 0 {
			add("bad-entry", "an entry that cannot be applied", over(pax('x', "path", "../"+a.text)+file("x", "x"), pax('x', "linkpath", a.text, "path", "h"+a.text)+hardlink("h", "x")).write)
		}
	}
	return out
}
