package layer_test

// opaqueCases are about opaque whiteouts.
var opaqueCases = []layerCase{
	{
		name: "opaque before what its layer adds",
		layers: `
layer
  dir d
  file d/a 1
  dir d/sub
  file d/sub/b 1
  file e 1
layer
  dir d
  opaque d
  file d/c 2
`,
		want: `
dir d
file d/c "2"
file e "1"
`,
	},
	{
		name: "opaque behind what its layer adds",
		layers: `
layer
  dir d
  file d/a 1
  dir d/sub
  file d/sub/b 1
layer
  dir d
  file d/c 2
  dir d/sub
  file d/sub/n 2
  opaque d
`,
		want: `
dir d
file d/c "2"
dir d/sub
file d/sub/n "2"
`,
		differs: by(whyDirTime, umoci),
	},
	{
		name: "opaque among what its layer adds, a name of the lower layer too",
		layers: `
layer
  dir d
  file d/a 1 mode=0600
  file d/b 1
layer
  dir d
  file d/a 2
  opaque d
  file d/c 2
`,
		want: `
dir d
file d/a "2"
file d/c "2"
`,
	},
	{
		name: "opaque without an entry of its folder",
		layers: `
layer
  dir d mode=0700 uid=5 gid=6
  file d/a 1
layer
  opaque d
  file d/b 2
`,
		want: `
dir d mode=0700 uid=5 gid=6
file d/b "2"
`,
		differs: by(whyOpaqueKeeps, docker),
	},
	{
		name: "opaque at the root",
		layers: `
layer
  file a 1
  dir d
  file d/b 1
layer
  file .wh..wh..opq ""
  file c 2
`,
		want:    `file c "2"`,
		differs: by(whyOpaqueRoot, docker),
	},
	{
		name: "opaque through a symlink",
		layers: `
layer
  dir real
  file real/a 1
  symlink s real
layer
  file s/.wh..wh..opq ""
`,
		want: `
dir real
symlink s real
`,
		differs: by(whyLinkMark, podman, docker),
	},
	{
		name: "opaque in a folder that is not there",
		layers: `
layer
  file a 1
layer
  opaque d
`,
		want:    `file a "1"`,
		differs: by(whyNoTarget, podman, docker),
	},
	{
		name: "opaque in what is a file below",
		layers: `
layer
  file d 1
  file e 1
layer
  opaque d
`,
		want: `
file d "1"
file e "1"
`,
		differs: by(whyNoTarget, docker),
	},
	{
		name: "opaque and nested opaque",
		layers: `
layer
  dir d
  dir d/e
  file d/e/x 1
  hardlink y d/e/x
  hardlink z d/e/x
layer
  dir d
  opaque d
  dir d/e
  opaque d/e
  file d/e/n 2
`,
		want: `
dir d
dir d/e
file d/e/n "2"
file y "1"
hardlink z y
`,
	},
	{
		name: "opaque and whiteout of the folder",
		layers: `
layer
  dir d mode=0700
  file d/x 1
  hardlink y d/x
  hardlink z d/x
layer
  whiteout d
  dir d
  opaque d
  file d/n 2
`,
		want: `
dir d
file d/n "2"
file y "1"
hardlink z y
`,
	},
	{
		name: "opaque and whiteouts in the folder",
		layers: `
layer
  dir d
  file d/x 1
  dir d/e
  file d/e/f 1
layer
  whiteout d/x
  dir d
  opaque d
  whiteout d/e
  file d/n 2
`,
		want: `
dir d
file d/n "2"
`,
	},
	{
		name: "opaque twice, in layers one over the other",
		layers: `
layer
  dir d
  file d/a 1
layer
  dir d
  opaque d
  file d/b 2
layer
  dir d
  opaque d
  file d/c 3
`,
		want: `
dir d
file d/c "3"
`,
	},
	{
		name: "opaque keeps a folder below without an entry, not what it held",
		layers: `
layer
  dir d
  dir d/sub mode=0700
  file d/sub/a 1
layer
  dir d
  opaque d
  file d/sub/b 2
`,
		want: `
dir d
dir d/sub mtime=0
file d/sub/b "2"
`,
		differs: by(whyDirTime, umoci),
	},
	{
		name: "opaque as a folder",
		layers: `
layer
  dir d
  file d/a 1
layer
  dir d
  dir d/.wh..wh..opq
  file d/b 2
`,
		want: `
dir d
file d/b "2"
`,
	},
	{
		name: "opaque as a symlink",
		layers: `
layer
  dir d
  file d/a 1
layer
  dir d
  symlink d/.wh..wh..opq a
`,
		want: `dir d`,
	},
	{
		name: "names that only begin like an opaque marker",
		layers: `
layer
  dir d
  file d/a 1
layer
  dir d
  file d/.wh..wh..opqx ""
  file d/.wh..wh..opaque ""
  file d/.wh..wh..op ""
`,
		want: `
dir d
file d/a "1"
`,
	},
}
