package layer_test

import "github.com/imgtool/imgtool/archive/layer"

// symlinkCases are about paths that lead through symlinks.
var symlinkCases = []layerCase{
	{
		name: "through a relative symlink",
		layers: `
layer
  dir usr
  dir usr/bin mode=0711
  symlink bin usr/bin
layer
  file bin/sh 1
  dir bin/sub
  file bin/sub/f 2
`,
		want: `
symlink bin usr/bin
dir usr
dir usr/bin mode=0711
file usr/bin/sh "1"
dir usr/bin/sub
file usr/bin/sub/f "2"
`,
		differs: by(whyThrough, docker),
	},
	{
		name: "through an absolute symlink",
		layers: `
layer
  dir usr
  dir usr/bin
  dir deep
  symlink deep/bin /usr/bin
layer
  file deep/bin/sh 1
`,
		want: `
dir deep
symlink deep/bin /usr/bin
dir usr
dir usr/bin
file usr/bin/sh "1"
`,
		differs: by(whyThrough, docker),
	},
	{
		name: "through a chain of symlinks",
		layers: `
layer
  dir a
  dir a/real
  symlink a/one real
  symlink two /a/one
  symlink three ./a/../two
layer
  file three/f 1
`,
		want: `
dir a
symlink a/one real
dir a/real
file a/real/f "1"
symlink three ./a/../two
symlink two /a/one
`,
		differs: by(whyThrough, docker),
	},
	{
		name: "through symlinks that would leave the root",
		layers: `
layer
  dir d
  dir real
  symlink d/up ../../../../real
  symlink abs /../../real
layer
  file d/up/f 1
  file abs/g 2
`,
		want: `
symlink abs /../../real
dir d
symlink d/up ../../../../real
dir real
file real/f "1"
file real/g "2"
`,
		differs: by(whyThrough, docker),
	},
	{
		name: "through a symlink to the root",
		layers: `
layer
  symlink s /
layer
  file s/f 1
`,
		want: `
file f "1"
symlink s /
`,
		differs: by(whyThrough, docker),
	},
	{
		name: "through a symlink to nothing",
		layers: `
layer
  symlink s not/there
layer
  file s/f 1
`,
		want: `
dir not mtime=0
dir not/there mtime=0
file not/there/f "1"
symlink s not/there
`,
		differs: by(whyThrough, podman, docker),
	},
	{
		name: "through a symlink with what is not there and back",
		layers: `
layer
  dir real
  symlink s nope/../real
layer
  file s/f 1
`,
		want: `
dir real
file real/f "1"
symlink s nope/../real
`,
		differs: by(whyThrough, podman, docker),
	},
	{
		name: "through a symlink of the same layer",
		layers: `
layer
  dir real
  symlink s real
  file s/f 1
`,
		want: `
dir real
file real/f "1"
symlink s real
`,
	},
	{
		name: "a symlink behind what it would lead",
		layers: `
layer
  dir real
  file s/f 1
  symlink s real
`,
		want: `
dir real
symlink s real
`,
	},
	{
		name:    "through a circle of symlinks",
		layers:  "layer\n  symlink a b\n  symlink b a\nlayer\n  file a/f 1\n",
		wantErr: layer.ErrLoop,
		differs: by(whyThrough, docker),
	},
	{
		name:    "through a symlink to itself",
		layers:  "layer\n  symlink a a\n  file a/f 1\n",
		wantErr: layer.ErrLoop,
	},
	{
		name:    "through a symlink to a file",
		layers:  "layer\n  file f 1\n  symlink s f\nlayer\n  file s/g 2\n",
		wantErr: layer.ErrMalformed,
		differs: by(whyThrough, docker),
	},
	{
		name:    "through a symlink to a whiteout's name",
		layers:  "layer\n  symlink s .wh.d\nlayer\n  file s/f 1\n",
		wantErr: layer.ErrMalformed,
		differs: and(by(whyMarkName, umoci), by(whyThrough, docker)),
	},
	{
		name: "whiteouts in a circle of symlinks",
		layers: `
layer
  symlink a b
  symlink b a
layer
  whiteout a/f
  opaque b
`,
		want: `
symlink a b
symlink b a
`,
		differs: by(whyNoTarget, umoci, podman, docker),
	},
}
