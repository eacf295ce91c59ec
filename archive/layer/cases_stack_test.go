package layer_test

import (
	"fmt"
	"strings"
)

// stackCases are about layers as a whole.
func stackCases() []layerCase {
	cases := []layerCase{
		{
			name:   "a layer that stands twice",
			layers: "layer\n  file a 1\n  whiteout b\nlayer\n  file a 2\n  file b 3\nlayer\n  file a 1\n  whiteout b\n",
			want:   `file a "1"`,
		},
		{
			name:   "a layer that stands twice, one over the other",
			layers: strings.Repeat("layer\n  dir d\n  opaque d\n  file d/a 1\n  hardlink d/b d/a\n", 2),
			want:   "dir d\nfile d/a \"1\"\nhardlink d/b d/a",
		},
		{
			name:    "a layer that stands twice with a hardlink in between",
			layers:  "layer\n  file a 1\nlayer\n  hardlink b a\nlayer\n  file a 1\n",
			want:    "file a \"1\"\nfile b \"1\"",
			differs: by(whyLowerLink, docker),
		},
		{
			name:    "a layer that stands three times with hardlinks in between",
			layers:  "layer\n  file a 1\nlayer\n  hardlink b a\nlayer\n  file a 1\nlayer\n  hardlink c a\nlayer\n  file a 1\n",
			want:    "file a \"1\"\nfile b \"1\"\nfile c \"1\"",
			differs: by(whyLowerLink, docker),
		},
		{
			name:   "a layer without entries",
			layers: "layer\nlayer\n  file a 1\nlayer\n",
			want:   `file a "1"`,
		},
		{
			name:   "layers without entries alone",
			layers: "layer\nlayer no-end\n",
		},
		{
			name:   "every compression",
			layers: "layer plain\n  file a 1\nlayer gzip\n  file b 2\nlayer gzip-members\n  file c 3\n",
			want:   "file a \"1\"\nfile b \"2\"\nfile c \"3\"",
		},
		{
			name:    "zstd",
			layers:  "layer zstd\n  file z 1\n",
			want:    "file z \"1\"",
			differs: by(whyFormat, umoci, docker),
		},
		{
			name:    "zstd among skippable frames",
			layers:  "layer zstd-frames\n  file zstd 2\n",
			want:    "file zstd \"2\"",
			differs: by(whyFormat, umoci, podman, docker),
		},
		{
			name:    "xz",
			layers:  "layer xz\n  file xz 1\n",
			want:    "file xz \"1\"",
			differs: by(whyFormat, umoci),
		},
		{
			name:   "entries behind the end in gzip members",
			layers: "layer gzip-members no-end\n  file a 1\n  " + rawPart(tarEnd, tarEnd) + "\n  file b 2\n",
			want:   `file a "1"`,
		},
	}
	return append(cases, manyLayers(130))
}

// manyLayers is an image of n layers that each change the same paths.
func manyLayers(n int) layerCase {
	c := layerCase{name: fmt.Sprintf("%d layers", n), differs: by(whyDepth, docker)}
	var last strings.Builder
	for i := range n {
		c.layers += fmt.Sprintf("layer\n  file same %d\n  file d/%03d %d\n", i, i, i)
		if i > 0 && i%2 == 0 {
			c.layers += fmt.Sprintf("  whiteout d/%03d\n", i-1)
		}
		if i%2 == 0 || i == n-1 {
			fmt.Fprintf(&last, "file d/%03d \"%d\"\n", i, i)
		}
	}
	c.want = "dir d mtime=0\n" + last.String() + fmt.Sprintf("file same \"%d\"\n", n-1)
	return c
}
