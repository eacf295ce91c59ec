package layer_test

import "github.com/imgtool/imgtool/archive/layer"

// hardlinkCases are about names of one inode.
var hardlinkCases = []layerCase{
	{
		name: "hardlinks in one layer",
		layers: `
layer
  dir d
  file d/a 1 mode=0600 uid=5
  hardlink d/b d/a mode=0600 uid=5
  hardlink a d/b mode=0600 uid=5
`,
		want: `
file a "1" mode=0600 uid=5
dir d
hardlink d/a a
hardlink d/b a
`,
	},
	{
		name: "one name is overwritten (GG2002)",
		layers: `
layer
  file a old
  hardlink b a
  hardlink c a
layer
  file a new
`,
		want: `
file a "new"
file b "old"
hardlink c b
`,
	},
	{
		name: "the name with the data is deleted (GG977)",
		layers: `
layer
  file a 1
  hardlink b a
layer
  whiteout a
`,
		want: `file b "1"`,
	},
	{
		name: "the name with the data is deleted and comes again",
		layers: `
layer
  file a old
  hardlink b a
layer
  whiteout a
layer
  file a new
`,
		want: `
file a "new"
file b "old"
`,
	},
	{
		name: "equal content is no link",
		layers: `
layer
  file a same
  file b same
`,
		want: `
file a "same"
file b "same"
`,
	},
	{
		name: "hardlink to a symlink",
		layers: `
layer
  file f 1
  symlink a f
  hardlink b a mode=0777
`,
		want: `
symlink a f
hardlink b a
file f "1"
`,
	},
	{
		name: "hardlink to a device and to a pipe",
		layers: `
layer
  char a 1 3
  hardlink b a
  fifo c
  hardlink d c
`,
		want: `
char a 1 3
hardlink b a
fifo c
hardlink d c
`,
	},
	{
		name: "hardlink to a file of a lower layer",
		layers: `
layer
  file a 1
layer
  hardlink b a
`,
		want: `
file a "1"
hardlink b a
`,
		differs: by(whyLowerLink, docker),
	},
	{
		name: "hardlinks across three layers",
		layers: `
layer
  file a 1
layer
  hardlink b a
layer
  hardlink c b
`,
		want: `
file a "1"
hardlink b a
hardlink c a
`,
		differs: by(whyLowerLink, docker),
	},
	{
		name: "hardlink of a later layer, then its target goes",
		layers: `
layer
  file a 1
layer
  hardlink b a
layer
  whiteout a
`,
		want:    `file b "1"`,
		differs: by(whyLowerLink, docker),
	},
	{
		name: "hardlink through a symlink",
		layers: `
layer
  dir usr
  dir usr/bin
  file usr/bin/a 1
  symlink bin usr/bin
layer
  hardlink b bin/a
  hardlink bin/c /bin/a
`,
		want: `
file b "1"
symlink bin usr/bin
dir usr
dir usr/bin
hardlink usr/bin/a b
hardlink usr/bin/c b
`,
		differs: by(whyLowerLink, docker),
	},
	{
		name: "chain of hardlinks, the first names go",
		layers: `
layer
  file a 1
  hardlink b a
  hardlink c b
  hardlink d c
layer
  whiteout a
  file b 2
`,
		want: `
file b "2"
file c "1"
hardlink d c
`,
	},
	{
		name: "hardlink over another file",
		layers: `
layer
  file a 1
  file b 2
  dir d
  file d/f 3
layer
  hardlink b a
  hardlink d a
`,
		want: `
file a "1"
hardlink b a
hardlink d a
`,
		differs: by(whyLowerLink, docker),
	},
	{
		name: "hardlink over a name of the same inode",
		layers: `
layer
  file a 1
  hardlink b a
layer
  hardlink b a
`,
		want: `
file a "1"
hardlink b a
`,
		differs: by(whyLowerLink, docker),
	},
	{
		name: "file over hardlinks in the layer that makes them",
		layers: `
layer
  file a 1
  hardlink b a
  hardlink c a
  file a 2
`,
		want: `
file a "2"
file b "1"
hardlink c b
`,
		differs: by(whyTwice, podman, docker),
	},
	{
		name: "hardlink spelled in another way",
		layers: `
layer
  dir d
  file d/a 1
  hardlink b ./d//a
  hardlink c /d/./a
  hardlink d/e d/../d/a
`,
		want: `
file b "1"
hardlink c b
dir d
hardlink d/a b
hardlink d/e b
`,
	},
	{
		name: "header of a hardlink with other attributes",
		layers: `
layer
  file a 1 mode=0644 mtime=1000
  hardlink b a mode=04755 uid=5 gid=6 mtime=2000
`,
		want: `
file a "1" mode=4755 uid=5 gid=6 mtime=2000
hardlink b a
`,
		differs: by(whyLinkHeader, umoci),
	},
	{
		name: "header of a hardlink with a size",
		layers: `
layer
  file a hello
  ` + rawPart(rawEntry(ustarMagic, '1', "b", "", field(atLink, "a"), field(atSize, octal(11, 5)))) + `
  file c 2
`,
		want: `
file a "hello"
hardlink b a
file c "2"
`,
	},
	{
		name: "hardlinked file is replaced under both names",
		layers: `
layer
  file a 1
  hardlink b a
layer
  file a 2
  hardlink b a
`,
		want: `
file a "2"
hardlink b a
`,
	},
	{
		name: "folder of the data is replaced",
		layers: `
layer
  dir d
  file d/a 1
  hardlink z d/a
layer
  file d 2
`,
		want: `
file d "2"
file z "1"
`,
	},
	{
		name: "hardlink over the folder of its target",
		layers: `
layer
  file b/a 1
layer
  hardlink b b/a
`,
		want:    `file b "1"`,
		differs: and(by(whyLowerLink, docker), by(whyOwnFolder, umoci, podman)),
	},
	{
		name:    "hardlink to nothing",
		layers:  "layer\n  file a 1\n  hardlink b c\n",
		wantErr: layer.ErrMalformed,
	},
	{
		name:    "hardlink to what comes behind it",
		layers:  "layer\n  hardlink b a\n  file a 1\n",
		wantErr: layer.ErrMalformed,
	},
	{
		name:    "hardlink to what a lower layer had",
		layers:  "layer\n  file a 1\nlayer\n  whiteout a\nlayer\n  hardlink b a\n",
		wantErr: layer.ErrMalformed,
	},
	{
		name:    "hardlink to a folder",
		layers:  "layer\n  dir d\n  hardlink b d\n",
		wantErr: layer.ErrMalformed,
	},
	{
		name:    "hardlink to the root",
		layers:  "layer\n  hardlink b .\n",
		wantErr: layer.ErrMalformed,
	},
	{
		name:    "hardlink to itself",
		layers:  "layer\n  hardlink a a\n",
		wantErr: layer.ErrMalformed,
	},
	{
		name:    "hardlink to a path that leaves the root",
		layers:  "layer\n  hardlink a ../../x\n",
		wantErr: layer.ErrUnsafePath,
	},
	{
		name:    "hardlink through a circle of symlinks",
		layers:  "layer\n  symlink a a\n  hardlink b a/f\n",
		wantErr: layer.ErrLoop,
	},
}
