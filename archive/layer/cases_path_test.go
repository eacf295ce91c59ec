package layer_test

import (
	"strings"

	"github.com/imgtool/imgtool/archive/layer"
)

// deepPath is a path of n bytes, of components with 200 bytes or fewer.
func deepPath(n int) string {
	var b strings.Builder
	for b.Len() < n {
		rest := n - b.Len()
		name := min(200, rest)
		if rest-name == 1 { // no room for a slash and a name
			name--
		}
		b.WriteString(strings.Repeat(string(rune('a'+b.Len()%26)), name))
		if b.Len() < n {
			b.WriteByte('/')
		}
	}
	return b.String()
}

// above are the folders that lead to a path, as lines of a tree.
func above(p string) string {
	var b strings.Builder
	for i := range len(p) {
		if p[i] == '/' {
			b.WriteString("dir " + p[:i] + " mtime=0\n")
		}
	}
	return b.String()
}

// pathCases are about names.
var pathCases = []layerCase{
	{
		name: "one path in many spellings",
		layers: `
layer
  dir ./d mode=0700
  file /d/a 1
  file ./d//b 2
  file d/./c 3
  file d/x/../e 4
layer
  file d/a 11
  file /d/b 22
  dir d//
  whiteout ./d//e
  ` + rawPart(rawEntry(ustarMagic, '0', "./d/c/", "33")) + `
`,
		want: `
dir d
file d/a "11"
file d/b "22"
file d/c "33"
`,
	},
	{
		name: "spellings of a folder",
		layers: `
layer
  ` + rawPart(rawEntry(ustarMagic, '5', "/a", ""), rawEntry(ustarMagic, '5', "./a//b", ""), rawEntry(ustarMagic, '5', "c///", "")) + `
`,
		want: `
dir a
dir a/b
dir c
`,
	},
	{
		name: "two dots inside the root",
		layers: `
layer
  dir a
  file a/../b 1
  file a/c/../../d 2
`,
		want: `
dir a
file b "1"
file d "2"
`,
	},
	{
		name: "two dots behind a symlink are read before it",
		layers: `
layer
  dir real
  dir real/sub
  symlink s real/sub
  file s/../f 1
`,
		want: `
file f "1"
dir real
dir real/sub
symlink s real/sub
`,
	},
	{
		name:    "two dots that leave the root",
		layers:  "layer\n  file ../a 1\n",
		wantErr: layer.ErrUnsafePath,
		differs: by(whyLeaves, umoci, podman, docker),
	},
	{
		name:    "two dots that leave the root on their way",
		layers:  "layer\n  file a/../../b 1\n",
		wantErr: layer.ErrUnsafePath,
		differs: by(whyLeaves, umoci, podman, docker),
	},
	{
		name:    "a whiteout that leaves the root",
		layers:  "layer\n  whiteout ../a\n",
		wantErr: layer.ErrUnsafePath,
		differs: by(whyLeaves, umoci, podman, docker),
	},
	{
		name: "names of dots",
		layers: `
layer
  file ... 1
  file ..a 2
  file .b 3
  file c.. 4
`,
		want: `
file ... "1"
file ..a "2"
file .b "3"
file c.. "4"
`,
	},
	{
		name: "odd bytes in names",
		layers: `
layer
  file "new\nline" 1
  file "back\\slash" 2
  file "a b" 3
  file "quote\"" 4
  file "tab\t" 5
  file "bell\a\x7f" 6
  file "C:x" 7
  file "-rf" 8
  file "*" 9
  symlink "s\n" "target\n\\"
`,
		want: `
file * "9"
file -rf "8"
file C:x "7"
file "a b" "3"
file "back\\slash" "2"
file "bell\a\x7f" "6"
file "new\nline" "1"
file "quote\"" "4"
symlink "s\n" "target\n\\"
file "tab\t" "5"
`,
	},
	{
		name: "names that are not UTF-8",
		layers: `
layer
  file "a\xff" 1 format=gnu
  dir "d\x80"
  file "d\x80/\xe9" 2
  symlink s "\xfe"
  hardlink h "d\x80/\xe9"
layer
  file "\xc3(" 3 pax.hdrcharset=BINARY
  whiteout "a\xff"
`,
		want: `
dir "d\x80"
file "d\x80/\xe9" "2"
hardlink h "d\x80/\xe9"
symlink s "\xfe"
file "\xc3(" "3"
`,
	},
	{
		name: "neither case nor accents are folded",
		layers: `
layer
  file a 1
  file A 2
  file "\u00e9" 3
  file "e\u0301" 4
layer
  whiteout A
  whiteout "\u00e9"
`,
		want: "file a \"1\"\nfile e\u0301 \"4\"",
	},
	{
		name:   "name of 255 bytes",
		layers: "layer\n  file d/" + strings.Repeat("n", 255) + " 1\n",
		want:   "dir d mtime=0\nfile d/" + strings.Repeat("n", 255) + ` "1"`,
	},
	{
		name:    "name of 256 bytes",
		layers:  "layer\n  file " + strings.Repeat("n", 256) + " 1\n",
		want:    "file " + strings.Repeat("n", 256) + ` "1"`,
		differs: by(whyName255, umoci, podman, docker),
	},
	{
		name:   "path of 150 bytes",
		layers: "layer\n  file " + deepPath(150) + " 1\n  hardlink h " + deepPath(150) + "\n",
		want:   "file " + deepPath(150) + " \"1\"\nhardlink h " + deepPath(150),
	},
	{
		name:   "path of 1000 bytes",
		layers: "layer\n  file " + deepPath(1000) + " 1\nlayer\n  whiteout " + deepPath(999) + "x\n  symlink s " + deepPath(1000) + "\n",
		want:   above(deepPath(1000)) + "file " + deepPath(1000) + " \"1\"\nsymlink s " + deepPath(1000),
	},
	{
		name:    "path of 4096 bytes",
		layers:  "layer\n  dir " + deepPath(4096) + "\n",
		want:    above(deepPath(4096)) + "dir " + deepPath(4096),
		differs: by(whyPath4096, umoci, podman, docker),
	},
	{
		name:    "path of 4097 bytes",
		layers:  "layer\n  file " + deepPath(4097) + " 1\n",
		wantErr: layer.ErrTooLarge,
	},
	{
		name:    "link target of 4097 bytes",
		layers:  "layer\n  symlink s " + deepPath(4097) + "\n",
		wantErr: layer.ErrTooLarge,
	},
	{
		name:    "path that is too long behind a symlink",
		layers:  "layer\n  symlink s " + deepPath(3000) + "\n  file s/" + deepPath(1200) + " 1\n",
		wantErr: layer.ErrTooLarge,
	},
}
