package layer_test

// whiteoutCases are about .wh. files.
var whiteoutCases = []layerCase{
	{
		name: "whiteout of a file",
		layers: `
layer
  dir d
  file d/a 1
  file d/b 2
layer
  whiteout d/a
`,
		want: `
dir d
file d/b "2"
`,
	},
	{
		name: "whiteout of a folder",
		layers: `
layer
  dir d
  dir d/e
  file d/e/f 1
  file g 2
layer
  whiteout d
`,
		want: `file g "2"`,
	},
	{
		name: "whiteout of nothing",
		layers: `
layer
  dir d
layer
  whiteout d/a
`,
		want: `dir d`,
	},
	{
		name: "whiteout in a folder that is not there",
		layers: `
layer
  file a 1
layer
  whiteout d/e/f
`,
		want:    `file a "1"`,
		differs: by(whyNoTarget, podman, docker),
	},
	{
		name: "whiteout below a file",
		layers: `
layer
  file a 1
  file b 2
layer
  whiteout a/c
`,
		want: `
file a "1"
file b "2"
`,
		differs: by(whyNoTarget, podman, docker),
	},
	{
		name: "whiteout of a symlink",
		layers: `
layer
  dir d
  file d/f 1
  symlink s d
layer
  whiteout s
`,
		want: `
dir d
file d/f "1"
`,
	},
	{
		name: "whiteout through a symlink to a folder",
		layers: `
layer
  dir usr
  dir usr/bin
  file usr/bin/a 1
  file usr/bin/b 2
  symlink bin usr/bin
layer
  whiteout bin/a
`,
		want: `
symlink bin usr/bin
dir usr
dir usr/bin
file usr/bin/b "2"
`,
		differs: by(whyLinkMark, docker),
	},
	{
		name: "whiteout before the same name",
		layers: `
layer
  file a old
layer
  whiteout a
  file a new mode=0600
`,
		want: `file a "new" mode=0600`,
	},
	{
		name: "whiteout behind the same name",
		layers: `
layer
  file a old
layer
  file a new mode=0600
  whiteout a
`,
		want:    `file a "new" mode=0600`,
		differs: by(whySameLayer, podman, docker),
	},
	{
		name: "whiteout of what only its own layer has",
		layers: `
layer
  file z 1
layer
  file a new
  dir d
  file d/f 2
  whiteout a
  whiteout d/f
`,
		want: `
file a "new"
dir d
file d/f "2"
file z "1"
`,
		differs: by(whySameLayer, podman, docker),
	},
	{
		name: "whiteout of a folder that comes again",
		layers: `
layer
  dir d mode=0700
  file d/old 1
  dir d/sub
  file d/sub/old 1
layer
  whiteout d
  dir d
  file d/new 2
`,
		want: `
dir d
file d/new "2"
`,
		differs: by(whyReturns, docker),
	},
	{
		name: "whiteout behind a folder that comes again",
		layers: `
layer
  dir d mode=0700
  file d/old 1
layer
  dir d
  file d/new 2
  whiteout d
`,
		want: `
dir d
file d/new "2"
`,
		differs: and(by(whySameLayer, podman, docker), by(whyDirTime, umoci)),
	},
	{
		name: "whiteout of a folder that comes again without an entry",
		layers: `
layer
  dir d mode=0700 uid=5
  file d/old 1
layer
  whiteout d
  file d/new 2
`,
		want: `
dir d mtime=0
file d/new "2"
`,
		differs: by(whyReturns, docker),
	},
	{
		name: "nothing older comes back in a later layer",
		layers: `
layer
  dir d
  file d/old 1
layer
  whiteout d
layer
  dir d
  file d/new 2
layer
  dir d
  file d/newer 3
`,
		want: `
dir d
file d/new "2"
file d/newer "3"
`,
	},
	{
		name: "whiteouts of a folder and of a file in it",
		layers: `
layer
  dir d
  file d/x 1
  hardlink y d/x
  hardlink z d/x
layer
  whiteout d
  whiteout d/x
`,
		want: `
file y "1"
hardlink z y
`,
		differs: and(by(whyNoTarget, podman), by(whyTwoMarks, docker)),
	},
	{
		name: "whiteouts of a file and of its folder",
		layers: `
layer
  dir d
  file d/x 1
  hardlink y d/x
  hardlink z d/x
layer
  whiteout d/x
  whiteout d
`,
		want: `
file y "1"
hardlink z y
`,
		differs: by(whyTwoMarks, docker),
	},
	{
		name: "whiteout with content and odd attributes",
		layers: `
layer
  file a 1
  file b 2
layer
  file .wh.a "what is this" mode=07777 uid=5 xattr.user.x=1
`,
		want: `file b "2"`,
	},
	{
		name: "whiteout as a folder",
		layers: `
layer
  file a 1
  file b 2
layer
  dir .wh.a
`,
		want: `file b "2"`,
	},
	{
		name: "whiteout as a symlink",
		layers: `
layer
  file a 1
  file b 2
layer
  symlink .wh.a b
`,
		want: `file b "2"`,
	},
	{
		name: "whiteout as a hardlink to nothing",
		layers: `
layer
  file a 1
  file b 2
layer
  hardlink .wh.a .wh..wh.plnk/1.2
`,
		want: `file b "2"`,
	},
	{
		name: "whiteout as a device",
		layers: `
layer
  file a 1
  file b 2
layer
  char .wh.a 0 0
`,
		want: `file b "2"`,
	},
	{
		name: "whiteout without a name",
		layers: `
layer
  dir d
  file d/a 1
layer
  file d/.wh. ""
  file .wh. ""
`,
		want: `
dir d
file d/a "1"
`,
		differs: by(whyBare, umoci, podman, docker),
	},
	{
		name: "whiteout of a dot",
		layers: `
layer
  dir d
  file d/a 1
layer
  file d/.wh.. ""
`,
		want: `
dir d
file d/a "1"
`,
		differs: by(whyBare, umoci, podman, docker),
	},
	{
		name: "whiteout of two dots",
		layers: `
layer
  dir d
  dir d/e
  file d/e/a 1
layer
  file d/e/.wh... ""
`,
		want: `
dir d
dir d/e
file d/e/a "1"
`,
		differs: by(whyBare, umoci, podman, docker),
	},
	{
		name: "whiteout of three dots",
		layers: `
layer
  file ... 1
  file .... 2
layer
  whiteout ...
`,
		want: `file .... "2"`,
	},
	{
		name: "names of AUFS",
		layers: `
layer
  file a 1
layer
  dir .wh..wh.plnk
  file .wh..wh.plnk/123.456 2
  dir .wh..wh.orph
  file .wh..wh.aufs ""
`,
		want:    `file a "1"`,
		differs: by(whyAUFS, umoci, podman, docker),
	},
	{
		name: "entries below a whiteout",
		layers: `
layer
  dir d
  file d/a 1
  dir e
layer
  dir .wh.e
  file .wh.d/b 2
  dir .wh.d/c
  file .wh.d/.wh.x ""
`,
		want: `
dir d
file d/a "1"
`,
		differs: by(whyMarkName, umoci, podman, docker),
	},
	{
		name: "whiteout of one name of an inode",
		layers: `
layer
  file a 1
  hardlink b a
  hardlink c a
layer
  whiteout a
`,
		want: `
file b "1"
hardlink c b
`,
	},
	{
		name: "whiteout through a symlink that its layer makes",
		layers: `
layer
  dir real
  file real/f 1
  dir d
  file d/f 2
layer
  whiteout d/f
  symlink d real
`,
		want: `
symlink d real
dir real
file real/f "1"
`,
	},
	{
		name: "whiteout through a symlink that its layer replaces",
		layers: `
layer
  dir real
  file real/f 1
  symlink s real
layer
  dir s
  whiteout s/f
`,
		want: `
dir real
dir s
`,
		differs: by(whyOldLink, umoci, podman, docker),
	},
	{
		name: "names that only look like whiteouts",
		layers: `
layer
  file a 1
  file b 2
layer
  file x.wh.a 3
  file .whb 4
  file .wh 5
  file .WH.a 6
`,
		want: `
file .WH.a "6"
file .wh "5"
file .whb "4"
file a "1"
file b "2"
file x.wh.a "3"
`,
	},
}
