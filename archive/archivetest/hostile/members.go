package hostile

import (
	"fmt"
	"slices"
	"strings"
)

func sortCases(cases []Case) {
	slices.SortStableFunc(cases, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
}

// memberCases are docker-save archives whose members try to be what they are not.
func memberCases() []Case {
	with := func(members ...string) string { return tarOf(append(members, file("layer.tar", baseLayer))...) }
	list := file("manifest.json", dockerManifest)
	config := file("config.json", dockerConfig)
	const other = `[{"Config":"config.json","RepoTags":["example.com/evil:v1"],"Layers":["layer.tar"]}]`
	var out []Case
	for _, m := range []struct{ name, about, data string }{
		{"manifest-json-twice", "two manifest.json; the last one counts, as for tar(1).", docker(other, list)},
		{"manifest-json-twice-spelled-otherwise", "a second manifest.json called ./x/../manifest.json; it counts.", docker(other, file("./x/../manifest.json", dockerManifest))},
		{"manifest-json-behind-end", "a second manifest.json behind the end of the tar; nobody sees it.", docker(dockerManifest) + file("manifest.json", other) + tarEnd},
		{"config-twice", "two configs of one name; the last one counts.", with(file("config.json", "{}"), config, list)},
		{"layer-twice", "two layers of one name; the last one counts, and its diffID is another.", docker(dockerManifest, file("layer.tar", tarOf(file("evil", "x"))))},
		{"config-symlink", "a config that is a symlink to a member; it is followed.", with(symlink("config.json", "real.json"), file("real.json", dockerConfig), list)},
		{"config-symlink-up-and-back", "a symlink through a folder and back; it is followed.", with(symlink("config.json", "d/../real.json"), file("real.json", dockerConfig), list)},
		{"config-hardlink", "a config that is a hardlink to a member; it is followed.", with(file("real.json", dockerConfig), hardlink("config.json", "real.json"), list)},
		{"config-hardlink-before-target", "a hardlink before what it links to; it is followed.", with(hardlink("config.json", "real.json"), file("real.json", dockerConfig), list)},
		{"config-hardlink-to-symlink", "a hardlink to a symlink to a member; it is followed.", with(hardlink("config.json", "s"), symlink("s", "real.json"), file("real.json", dockerConfig), list)},
		{"config-symlink-to-itself", "a config that is a symlink to itself.", with(symlink("config.json", "config.json"), list)},
		{"config-hardlink-to-itself", "a config that is a hardlink to itself.", with(hardlink("config.json", "config.json"), list)},
		{"config-symlink-circle", "symlinks in a circle.", with(symlink("config.json", "b"), symlink("b", "config.json"), list)},
		{"config-hardlink-circle", "hardlinks in a circle.", with(hardlink("config.json", "b"), hardlink("b", "config.json"), list)},
		{"config-symlink-nowhere", "a symlink to a member that is not there.", with(symlink("config.json", "nowhere"), list)},
		{"config-symlink-out", "a symlink out of the archive; the machine's file is never read.", with(symlink("config.json", "../../../../../../etc/passwd"), list)},
		{"config-symlink-absolute", "an absolute symlink; the machine's file is never read.", with(symlink("config.json", "/etc/passwd"), list)},
		{"config-hardlink-absolute", "an absolute hardlink; the machine's file is never read.", with(hardlink("config.json", "/etc/passwd"), list)},
		{"config-symlink-dot", "a symlink to the folder that it lies in.", with(symlink("config.json", "."), list)},
		{"layer-symlink", "a layer that is a symlink, as docker save shares layers; it is followed.", tarOf(config, list, symlink("layer.tar", "d/l.tar"), file("d/l.tar", baseLayer))},
		{"layer-symlink-nowhere", "a layer that is a symlink to nothing.", tarOf(config, list, symlink("layer.tar", "gone.tar"))},
		{"layer-symlink-out", "a layer that is a symlink to a file of the machine.", tarOf(config, list, symlink("layer.tar", "/etc/passwd"))},
		{"layer-hardlink-circle", "a layer in a circle of hardlinks.", tarOf(config, list, hardlink("layer.tar", "b"), hardlink("b", "layer.tar"))},
		{"manifest-json-symlink-to-itself", "a manifest.json that is a symlink to itself.", with(config, symlink("manifest.json", "manifest.json"))},
		{"manifest-json-symlink-out", "a manifest.json that is a symlink to a file of the machine.", with(config, symlink("manifest.json", "/etc/passwd"))},
		{"manifest-json-folder", "a manifest.json that is a folder.", with(config, dir("manifest.json"))},
		{"manifest-json-fifo", "a manifest.json that is a pipe; nothing waits for it.", with(config, entry('6', "manifest.json", ""))},
		{"manifest-json-device", "a manifest.json that is the device of zeros; nothing reads it.", with(config, entry('3', "manifest.json", "", put{atMajor, octal(7, 1)}, put{atMinor, octal(7, 5)}))},
		{"config-device", "a config that is the device of zeros; nothing reads it.", with(entry('3', "config.json", "", put{atMajor, octal(7, 1)}, put{atMinor, octal(7, 5)}), list)},
		{"config-folder", "a config that is a folder.", with(dir("config.json"), list)},
		{"member-up", "a member called ../config.json; it is passed over.", with(file("../config.json", dockerConfig), list)},
		{"member-absolute", "a member called /config.json; it is passed over.", with(file("/config.json", dockerConfig), list)},
		{"member-backslash", "a member called ..\\config.json; it is no config.json.", with(file(`..\config.json`, dockerConfig), list)},
		{"member-drive", "a member called C:\\config.json; it is no config.json.", with(file(`C:\config.json`, dockerConfig), list)},
		{"member-without-name", "a member without a name beside a good archive; it is passed over.", docker(dockerManifest, file("", "x"))},
		{"member-nul", "a member whose PAX name holds a NUL.", docker(dockerManifest, pax('x', "path", "a\x00b"), file("a", "x"))},
		{"config-sparse", "a config that is a sparse file, whose stored bytes are not its content.", with(pax('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "config.json", "GNU.sparse.realsize", "9000000000"), file("GNUSparseFile.0/config.json", "0\n"+strings.Repeat("\x00", 510)+dockerConfig), list)},
	} {
		out = append(out, Case{Name: "member-" + m.name, About: m.about, write: bytesOf(m.data)})
	}
	return append(out, chainCases()...)
}

// chainCases are links from member to member to member.
func chainCases() []Case {
	var out []Case
	for _, n := range []int{40, 41} {
		parts := []string{file("manifest.json", `[{"Config":"link0","Layers":["layer.tar"]}]`), file("layer.tar", baseLayer), file(fmt.Sprintf("link%d", n), dockerConfig)}
		for i := range n {
			parts = append(parts, symlink(fmt.Sprintf("link%d", i), fmt.Sprintf("link%d", i+1)))
		}
		about := "a config behind 40 symlinks, as many as Linux follows; it is read."
		if n > 40 {
			about = "a config behind 41 symlinks, one more than Linux follows."
		}
		out = append(out, Case{Name: fmt.Sprintf("member-links-%d", n), About: about, write: bytesOf(tarOf(parts...))})
	}
	return out
}

// typeCases are archive tars with headers of odd types and broken ones.
func typeCases() []Case {
	var out []Case
	add := func(name, about string, members ...string) {
		out = append(out, Case{Name: "header-" + name, About: about, write: bytesOf(docker(dockerManifest, members...))})
	}
	for _, t := range []byte("DMNVZ\x8079") {
		add(fmt.Sprintf("type-%02x", t), fmt.Sprintf("a member of tar type %q beside a good archive; it is passed over.", t), entry(t, "odd", "content"))
	}
	add("pax-last", "a PAX header with no member behind it.", pax('x', "path", "nothing"))
	add("pax-global-path", "a global PAX header that names all members after it.", pax('g', "path", "manifest.json"), file("other", "[]"))
	add("pax-global-size", "a global PAX header that gives all members after it a size.", pax('g', "size", "99999"), file("other", "[]"))
	add("pax-no-record", "a PAX header whose record says that it is longer than it is.", paxText('x', "99999 path=a\n"), file("a", "x"))
	add("pax-short-record", "a PAX header whose record says that it is shorter than its key.", paxText('x', "3 path=a\n"), file("a", "x"))
	add("pax-negative-size", "a PAX size below zero.", pax('x', "size", "-1"), file("a", "x"))
	add("pax-huge-size", "a PAX size of 8 EiB less one.", pax('x', "size", "9223372036854775807"), file("a", "x"))
	add("pax-size-overflow", "a PAX size beyond 64 bits.", pax('x', "size", "99999999999999999999"), file("a", "x"))
	add("pax-twice", "two PAX headers before one member.", pax('x', "path", "one"), pax('x', "path", "two"), file("a", "x"))
	add("gnu-name-last", "a GNU long name with no member behind it.", gnuLong('L', "nothing"))
	add("gnu-name-empty", "an empty GNU long name.", gnuLong('L', ""), file("a", "x"))
	add("size-base256-negative", "a size below zero in base 256.", header('0', "a", 0, put{atSize, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}))
	add("size-base256-huge", "a size beyond 64 bits in base 256.", header('0', "a", 0, put{atSize, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}))
	add("size-beyond-file", "a size beyond the end of the file.", header('0', "a", 8589934591))
	add("size-no-octal", "a size that is no octal number.", header('0', "a", 0, put{atSize, "99999999999\x00"}))
	add("size-of-folder", "a folder with a size, which some skip and some do not.", header('5', "d/", 512), padded(file("evil", "")[:10]))
	add("size-of-symlink", "a symlink with a size, which some skip and some do not.", header('2', "l", 512, put{atLink, "config.json"}), padded("data"))
	add("sum-wrong", "a check sum that is wrong in the last header.", flipped(header('0', "a", 0), 0))
	add("sum-signed", "a check sum of signed bytes, as old Sun tars have it; it is right.", signedSum(header('0', "a\xff\xfe", 0)))
	add("garbage-header", "a block of text where a header belongs.", padded(strings.Repeat("text", 128)))
	add("sparse-old", "an old GNU sparse member beside a good archive; it is passed over.", header('S', "s", 0, put{atMagic, gnuMagic}, put{atRealSize, octal(11, 1<<30)}, put{atSparse, octal(11, 1<<30) + octal(11, 0)}))
	out = append(out, Case{Name: "header-sum-wrong-first", About: "a check sum that is wrong in the first header; it is no tar.", write: bytesOf(flipped(docker(dockerManifest), 0))})
	return out
}

// signedSum sets the check sum that adding signed bytes gives.
func signedSum(block string) string {
	b := []byte(block)
	copy(b[atSum:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(int8(c))
	}
	copy(b[atSum:], fmt.Sprintf("%06o\x00 ", sum))
	return string(b)
}
