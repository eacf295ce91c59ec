package layer_test

import (
	"archive/tar"
	"strings"
)

// dialectCases are tars that other programs write.
var dialectCases = []layerCase{
	{
		name: "v7",
		layers: rawLayer(
			rawEntry("", 0, "d/", "", field(atMode, "0000755\x00")),
			rawEntry("", 0, "d/a", "hello"),
			rawEntry("", '1', "d/b", "", field(atLink, "d/a")),
			rawEntry("", '2', "s", "", field(atLink, "d/a")),
			tarEnd),
		want: `
dir d
file d/a "hello"
hardlink d/b d/a
symlink s d/a
`,
	},
	{
		name: "v7 numbers with spaces",
		layers: rawLayer(
			rawEntry("", 0, "a", "hello", field(atMode, "   644 \x00"), field(atUID, "     5 \x00"), field(atSize, "          5 ")),
			tarEnd),
		want: `file a "hello" uid=5`,
	},
	{
		name: "ustar with a prefix",
		layers: rawLayer(
			rawEntry(ustarMagic, '0', strings.Repeat("n", 99), "1", field(atPrefix, strings.Repeat("p", 154))),
			rawEntry(ustarMagic, '0', strings.Repeat("n", 100), "2", field(atPrefix, strings.Repeat("p", 155))),
			tarEnd),
		want: `
dir ` + strings.Repeat("p", 154) + ` mtime=0
file ` + strings.Repeat("p", 154) + "/" + strings.Repeat("n", 99) + ` "1"
dir ` + strings.Repeat("p", 155) + ` mtime=0
file ` + strings.Repeat("p", 155) + "/" + strings.Repeat("n", 100) + ` "2"
`,
	},
	{
		name: "GNU long names and link targets",
		layers: rawLayer(
			gnuLong('L', deepPath(300)), rawEntry(gnuMagic, '0', deepPath(300)[:100], "1"),
			gnuLong('K', deepPath(300)), gnuLong('L', "l/"+deepPath(290)), rawEntry(gnuMagic, '1', "l/x", "", field(atLink, "cut")),
			gnuLong('K', strings.Repeat("../", 200)+"x"), rawEntry(gnuMagic, '2', "s", "", field(atLink, "cut")),
			tarEnd),
		want: above(deepPath(300)) + "file " + deepPath(300) + " \"1\"\n" +
			above("l/"+deepPath(290)) + "hardlink l/" + deepPath(290) + " " + deepPath(300) + `
symlink s ` + strings.Repeat("../", 200) + "x",
	},
	{
		name: "numbers in base 256",
		layers: rawLayer(
			rawEntry(gnuMagic, '0', "a", "hello", field(atSize, base256(12, 5)), field(atUID, base256(8, 3000000)),
				field(atGID, base256(8, 4000000)), field(atTime, base256(12, -86400))),
			rawEntry(gnuMagic, '0', "b", "2", field(atTime, base256(12, 1<<33))),
			tarEnd),
		want: `
file a "hello" uid=3000000 gid=4000000 mtime=-86400
file b "2" mtime=8589934592
`,
		differs: by(whyTimes, podman, docker),
	},
	{
		name: "PAX path, link target and size over those of the header",
		layers: rawLayer(
			paxHeader('x', paxRecord("path", "a"), paxRecord("size", "5"), paxRecord("uid", "7"), paxRecord("mtime", "9.25")),
			rawEntry(ustarMagic, '0', "wrong", "hello", field(atSize, octal(11, 0))),
			paxHeader('x', paxRecord("path", "s"), paxRecord("linkpath", "a")),
			rawEntry(ustarMagic, '2', "wrong", "", field(atLink, "wrong")),
			rawEntry(ustarMagic, '0', "b", "2"),
			tarEnd),
		want: `
file a "hello" uid=7 mtime=9.25
file b "2"
symlink s a
`,
	},
	{
		name: "PAX size with a GNU header in between",
		layers: rawLayer(
			paxHeader('x', paxRecord("size", "5")),
			gnuLong('L', "dir/"+strings.Repeat("n", 120)),
			rawEntry(ustarMagic, '0', "cut", "hello", field(atSize, octal(11, 0))),
			rawEntry(ustarMagic, '0', "z", "2"),
			tarEnd),
		want: `
dir dir mtime=0
file dir/` + strings.Repeat("n", 120) + ` "hello"
file z "2"
`,
	},
	{
		name: "PAX records without UTF-8",
		layers: rawLayer(
			paxHeader('x', paxRecord("hdrcharset", "BINARY"), paxRecord("path", "d/\xff\xfe")),
			rawEntry(ustarMagic, '0', "d/__", "1"),
			paxHeader('x', paxRecord("hdrcharset", "BINARY"), paxRecord("linkpath", "d/\xff\xfe")),
			rawEntry(ustarMagic, '1', "h", "", field(atLink, "d/__")),
			tarEnd),
		want: `
dir d mtime=0
file "d/\xff\xfe" "1"
hardlink h "d/\xff\xfe"
`,
	},
	{
		name: "global PAX headers",
		layers: rawLayer(
			paxHeader('g', paxRecord("comment", "52ca5a2a8bc3c1d0ff26a6d8ba3a8b2fc5dd2d1f")),
			rawEntry(ustarMagic, '0', "a", "1"),
			paxHeader('g', paxRecord("mtime", "5"), paxRecord("uid", "5"), paxRecord("path", "nonsense")),
			rawEntry(ustarMagic, '0', "b", "2"),
			tarEnd),
		want: `
file a "1"
file b "2"
`,
		differs: by(whyDialect, umoci),
	},
	{
		name: "star",
		layers: rawLayer(
			rawEntry(ustarMagic, '0', strings.Repeat("n", 99), "1", field(atPrefix, strings.Repeat("p", 130)),
				field(atPrefix+131, octal(11, 5)), field(atPrefix+143, octal(11, 6)), field(atStarTrailer, "tar\x00")),
			tarEnd),
		want: `
dir ` + strings.Repeat("p", 130) + ` mtime=0
file ` + strings.Repeat("p", 130) + "/" + strings.Repeat("n", 99) + ` "1" atime=5 ctime=6
`,
	},
	{
		name: "contiguous file, and sizes of what has no content",
		layers: rawLayer(
			rawEntry(ustarMagic, '7', "a", "hello"),
			rawEntry(ustarMagic, '5', "d", "", field(atSize, octal(11, 4096))),
			rawEntry(ustarMagic, '2', "s", "", field(atLink, "a"), field(atSize, octal(11, 1))),
			rawEntry(ustarMagic, '6', "p", "", field(atSize, octal(11, 77))),
			rawEntry(ustarMagic, '0', "z", "2"),
			tarEnd),
		want: `
file a "hello"
dir d
fifo p
symlink s a
file z "2"
`,
		differs: by(whyDialect, umoci, podman, docker),
	},
	{
		name:   "no end blocks",
		layers: rawLayer(rawEntry(ustarMagic, '0', "a", "1"), rawEntry(ustarMagic, '0', "b", "2")),
		want:   "file a \"1\"\nfile b \"2\"",
	},
	{
		name:   "one end block",
		layers: rawLayer(rawEntry(ustarMagic, '0', "a", "1"), tarEnd[:512]),
		want:   `file a "1"`,
	},
	{
		name:   "end blocks and padding",
		layers: rawLayer(rawEntry(ustarMagic, '0', "a", "1"), strings.Repeat("\x00", 10240-1024)),
		want:   `file a "1"`,
	},
	{
		name: "entries and garbage behind the end",
		layers: rawLayer(rawEntry(ustarMagic, '0', "a", "1"), tarEnd, rawEntry(ustarMagic, '0', "b", "2"),
			strings.Repeat("garbage", 100)),
		want: `file a "1"`,
	},
	{
		name:   "last content not padded",
		layers: rawLayer(rawEntry(ustarMagic, '0', "a", "hello")[:517]),
		want:   `file a "hello"`,
	},
	{
		name:    "garbage behind one end block",
		layers:  rawLayer(rawEntry(ustarMagic, '0', "a", "1"), tarEnd[:512], rawEntry(ustarMagic, '0', "b", "2")),
		wantErr: tar.ErrHeader,
	},
	{
		name:    "wrong check sum",
		layers:  rawLayer(strings.Replace(rawEntry(ustarMagic, '0', "a", "1"), "a", "b", 1), tarEnd),
		wantErr: tar.ErrHeader,
	},
}
