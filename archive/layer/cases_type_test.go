package layer_test

import "github.com/imgtool/imgtool/archive/layer"

// typeCases are about what replaces what.
var typeCases = []layerCase{
	{
		name: "folder over file",
		layers: `
layer
  file a 1
layer
  dir a mode=0700
  file a/b 2
`,
		want: `
dir a mode=0700
file a/b "2"
`,
	},
	{
		name: "file over folder",
		layers: `
layer
  dir d
  dir d/e
  file d/e/f 1
  file z 1
layer
  file d 2
`,
		want: `
file d "2"
file z "1"
`,
	},
	{
		name: "file over folder, then a folder again",
		layers: `
layer
  dir d
  file d/old 1
layer
  file d 2
layer
  dir d
  file d/new 3
`,
		want: `
dir d
file d/new "3"
`,
	},
	{
		name: "file over folder and folder again in one layer",
		layers: `
layer
  dir d
  file d/old 1
layer
  file d 2
  dir d
  file d/new 3
`,
		want: `
dir d
file d/new "3"
`,
		differs: by(whyTwice, podman, docker),
	},
	{
		name: "symlink over folder",
		layers: `
layer
  dir d
  file d/f 1
  dir e
  file e/g 2
layer
  symlink d e
`,
		want: `
symlink d e
dir e
file e/g "2"
`,
	},
	{
		name: "folder over symlink to a folder",
		layers: `
layer
  dir real mode=0700
  file real/f 1
  symlink s real
layer
  dir s
  file s/g 2
`,
		want: `
dir real mode=0700
file real/f "1"
dir s
file s/g "2"
`,
	},
	{
		name: "folder over symlink to a folder, at the root",
		layers: `
layer
  dir usr
  dir usr/lib
  file usr/lib/f 1
  symlink lib usr/lib
layer
  dir lib mode=0711
layer
  file lib/g 2
`,
		want: `
dir lib mode=0711
file lib/g "2"
dir usr
dir usr/lib
file usr/lib/f "1"
`,
		differs: by(whyParentKeeps, docker),
	},
	{
		name: "file over symlink does not write through it",
		layers: `
layer
  file target 1
  symlink s target
  symlink out /../../target
layer
  file s 2
  file out 3
`,
		want: `
file out "3"
file s "2"
file target "1"
`,
	},
	{
		name: "folder over folder takes the upper attributes",
		layers: `
layer
  dir d mode=0700 uid=1 gid=2 mtime=1000
  file d/a 1
layer
  dir d mode=02775 uid=3 gid=4 mtime=2000
  file d/b 2
`,
		want: `
dir d mode=2775 uid=3 gid=4 mtime=2000
file d/a "1"
file d/b "2"
`,
	},
	{
		name: "folder without an entry",
		layers: `
layer
  file d/e/f 1
`,
		want: `
dir d mtime=0
dir d/e mtime=0
file d/e/f "1"
`,
	},
	{
		name: "folder without an entry keeps what it has below",
		layers: `
layer
  dir d mode=01777 uid=5 gid=6
  file d/a 1
layer
  file d/b 2
`,
		want: `
dir d mode=1777 uid=5 gid=6
file d/a "1"
file d/b "2"
`,
		differs: by(whyParentKeeps, docker),
	},
	{
		name: "entry of a folder behind what is in it",
		layers: `
layer
  file d/a 1
  dir d mode=0700
`,
		want: `
dir d mode=0700
file d/a "1"
`,
	},
	{
		name: "file where a path goes on",
		layers: `
layer
  file a 1
layer
  file a/b/c 2
`,
		want: `
dir a mtime=0
dir a/b mtime=0
file a/b/c "2"
`,
		differs: by(whyImplied, umoci, podman),
	},
	{
		name: "file where a path ends",
		layers: `
layer
  file a 1
  symlink s a
  fifo p
  symlink l nowhere
layer
  file a/b 2
  dir p/d
`,
		want: `
dir a mtime=0
file a/b "2"
symlink l nowhere
dir p mtime=0
dir p/d
symlink s a
`,
		differs: by(whyImplied, umoci, podman),
	},
	{
		name: "file where a hardlink goes",
		layers: `
layer
  file a 1
  file b 2
layer
  hardlink a/c b
`,
		want: `
dir a mtime=0
file a/c "2"
hardlink b a/c
`,
		differs: and(by(whyImplied, umoci, podman), by(whyLowerLink, docker)),
	},
	{
		name: "every type",
		layers: `
layer
  dir d
  fifo d/fifo mode=0600
  char d/null 1 3 mode=0666 gid=5
  block d/sda 8 0 mode=0660 gid=6
  symlink d/dangling nowhere
  file d/empty ""
`,
		want: `
dir d
symlink d/dangling nowhere
file d/empty ""
fifo d/fifo mode=0600
char d/null 1 3 mode=0666 gid=5
block d/sda 8 0 mode=0660 gid=6
`,
	},
	{
		name: "every type over every other",
		layers: `
layer
  file a 1
  fifo b
  char c 1 3
  symlink d a
  block e 8 0
  dir f
layer
  fifo a
  char b 1 3
  symlink c a
  block d 8 0
  dir e
  file f 1
`,
		want: `
fifo a
char b 1 3
symlink c a
block d 8 0
dir e
file f "1"
`,
	},
	{
		name: "device 0:0 is no whiteout",
		layers: `
layer
  file a 1
  file b 2
layer
  char a 0 0
  char c 0 0
`,
		want: `
char a 0 0
file b "2"
char c 0 0
`,
		differs: by(whyOnDisk, docker),
	},
	{
		name: "attributes of overlayfs mean nothing",
		layers: `
layer
  dir d
  file d/a 1
  dir e
  file e/a 1
layer
  dir d xattr.trusted.overlay.opaque=y
  dir e xattr.user.overlay.opaque=y
`,
		want: `
dir d xattr.trusted.overlay.opaque=y
file d/a "1"
dir e xattr.user.overlay.opaque=y
file e/a "1"
`,
		differs: by(whyOnDisk, docker),
	},
	{
		name: "attributes of the root",
		layers: `
layer
  dir ./ mode=0700 uid=7 gid=8 mtime=1000
  file a 1
layer
  file b 2
`,
		want: `
dir . mode=0700 uid=7 gid=8 mtime=1000
file a "1"
file b "2"
`,
	},
	{
		name:    "root as a file",
		layers:  "layer\n  file . 1\n",
		wantErr: layer.ErrMalformed,
		differs: by(whyRoot, docker),
	},
	{
		name: "the last entry of a path wins",
		layers: `
layer
  file a 1 mode=0600
  file a 22 mode=0640 uid=5
  symlink s a
  file s 3
  dir d
  file d/x 4
  symlink d s
  dir d mode=0700
  file d/y 5
`,
		want: `
file a "22" mode=0640 uid=5
dir d mode=0700
file d/y "5"
file s "3"
`,
		differs: by(whyTwice, podman, docker),
	},
	{
		name:    "sockets and their like",
		layers:  rawLayer(rawEntry(ustarMagic, '8', "s", ""), tarEnd),
		wantErr: layer.ErrUnsupported,
	},
}
