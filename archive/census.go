package archive

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// census notes what the members of a tar look like, for the messages about odd
// archives and about tars that are no image archive at all.
type census struct {
	rootNames  []string // distinct members of rootFolders that were seen
	whiteouts  int
	unsafeName string
	unsafes    int
	duplicates int
	twice      string
	inFolder   string // first folder of an image face that does not lie at the top
}

// rootFolders are first path components that a root filesystem has and an
// image archive has not.
var rootFolders = []string{"bin", "dev", "etc", "home", "lib", "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}

func (c *census) count(name string) {
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(rootFolders, first) && !slices.Contains(c.rootNames, first) {
		c.rootNames = append(c.rootNames, first)
	}
	if base := path.Base(name); c.inFolder == "" && base != name && (base == indexFile || base == dockerManifestFile) {
		c.inFolder = path.Dir(name)
	}
	if strings.HasPrefix(path.Base(name), ".wh.") {
		c.whiteouts++
	}
}

func (c *census) unsafe(name string) {
	if c.unsafes++; c.unsafes == 1 {
		c.unsafeName = name[:min(len(name), 80)]
	}
}

func (c *census) duplicate(name string) {
	if c.duplicates++; c.duplicates == 1 {
		c.twice = name
	}
}

// warn tells what was passed over while the tar was indexed.
func (c *census) warn(opts OpenOptions) {
	if c.unsafes > 0 {
		opts.warn("members whose names leave the archive or are too long are passed over: %d, first %q", c.unsafes, c.unsafeName)
	}
	if c.duplicates > 0 {
		opts.warn("members that stand more than once, of which the last counts: %d, first %q", c.duplicates, c.twice)
	}
}

// describe says what a tar without any image face is.
func (c *census) describe() (what, hint string) {
	switch {
	case c.whiteouts > 0:
		return "the tar of one layer (it has whiteouts)", "give the whole archive that the layer belongs to"
	case c.inFolder != "" && len(c.rootNames) == 0:
		return fmt.Sprintf("a tar with its image in the folder %q", c.inFolder),
			fmt.Sprintf("unpack it and give oci:%s, or pack it with `tar -C %s -cf image.tar .`", c.inFolder, c.inFolder)
	case len(c.rootNames) >= 2:
		return "a root filesystem tar (from `docker export`, or a layer)",
			"`docker import` makes an image of it; `docker save` writes what imgtool reads"
	}
	return "a tar without manifest.json, index.json or repositories", "image archives come from `docker save`, `podman save`, `skopeo copy` or BuildKit"
}
