package verify

import (
	"context"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/opencontainers/go-digest"
)

// checkTree merges the layers of an image and looks at the result. An image with
// a broken layer has none.
func (v *verifier) checkTree(ctx context.Context, n *archive.Node, w Where) error {
	tree := layer.NewTree()
	for i, l := range n.Layers {
		r := v.layers[l.Descriptor.Digest]
		if r == nil || r.changes == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		at := w
		at.Layer, at.Digest = &i, l.Descriptor.Digest
		// Faults are findings, so there is no error.
		_ = tree.Apply(i, r.changes, layer.ApplyOptions{
			Keep:  v.uses[l.Descriptor.Digest] > 1,
			Fault: func(e *layer.EntryError) { v.addEntryFault(e, at) },
			Watch: func(e *layer.Entry, earlier *layer.Inode, through bool) { v.watch(e, earlier, through, at) },
		})
	}
	for _, files := range tree.Folders() {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, f := range files {
			v.checkFile(f, n, w)
		}
		v.checkCase(files, n, w)
	}
	return nil
}

// watch looks at an entry as it is applied.
func (v *verifier) watch(e *layer.Entry, earlier *layer.Inode, through bool, w Where) {
	w.Entry, w.Offset = e.Path, &e.Origin.Offset
	if through {
		v.found.add(WriteThroughLink, w, "its path leads through a symlink")
	}
	if earlier == nil || e.Type == layer.Hardlink || e.Type == layer.Dir && earlier.Type == layer.Dir {
		return
	}
	if differs := e.Differs(earlier) &^ layer.TimeChanged; differs != 0 {
		v.found.add(DuplicateEntry, w, "the layer has it before, with another %s", differs)
	}
}

// checkFile looks at one path of the merged filesystem.
func (v *verifier) checkFile(f layer.File, n *archive.Node, w Where) {
	w.Layer, w.Digest = &f.Layer, n.Layers[f.Layer].Descriptor.Digest
	w.Entry = f.Path
	switch {
	case f.Type == layer.Char, f.Type == layer.Block:
		major, minor := f.Device()
		v.found.add(DeviceNode, w, "%s device %d:%d", f.Type, major, minor)
	case f.Type == layer.Regular && f.Mode&0o6000 != 0:
		v.found.add(SetUID, w, "mode %04o, owner %d:%d", f.Mode, f.Owner.UID, f.Owner.GID)
	}
	switch {
	case f.Type == layer.Symlink && escapes(f.Path, f.Link):
		v.found.add(SymlinkEscape, w, "it points at %q", f.Link)
	case f.Type == layer.Regular && f.Mode&0o002 != 0, f.Type == layer.Dir && f.Mode&0o1002 == 0o002:
		v.found.add(WorldWritable, w, "%s of mode %04o", f.Type, f.Mode)
	}
	if why := unportable(path.Base(f.Path)); why != "" {
		v.found.add(NameUnportable, w, "%s", why)
	}
}

// escapes reports a relative target that climbs above the root.
func escapes(p, target string) bool {
	if strings.HasPrefix(target, "/") {
		return false
	}
	joined := path.Join(path.Dir(p), target)
	return joined == ".." || strings.HasPrefix(joined, "../")
}

// unportable says why Windows, or anything that shows names, cannot have a name
// (Microsoft, "Naming Files, Paths, and Namespaces").
func unportable(name string) string {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch {
	case !utf8.ValidString(name):
		return "the name is no UTF-8"
	case len(name) > 255:
		return "the name is longer than 255 bytes, which no file system takes"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>:"\|?*`, r) }):
		return "the name has a character that Windows does not take"
	case strings.HasSuffix(name, " "), strings.HasSuffix(name, "."):
		return "the name ends with a space or a dot, which Windows drops"
	case slices.Contains(reserved, stem):
		return "the name is a device's on Windows"
	}
	return ""
}

var reserved = []string{
	"CON", "PRN", "AUX", "NUL",
	"COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
	"LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
}

// checkCase looks for names of one folder that differ in case alone.
func (v *verifier) checkCase(files []layer.File, n *archive.Node, w Where) {
	if !v.found.wants(CaseCollision) {
		return
	}
	seen := make(map[string]string, len(files))
	for _, f := range files {
		folded := strings.ToLower(path.Base(f.Path))
		if other, ok := seen[folded]; ok {
			w.Layer, w.Digest, w.Entry = &f.Layer, n.Layers[f.Layer].Descriptor.Digest, f.Path
			v.found.add(CaseCollision, w, "beside %q", other)
		}
		seen[folded] = f.Path
	}
}

// forget drops layers that no image still to come has.
func (v *verifier) forget(n *archive.Node) {
	for _, l := range n.Layers {
		d := l.Descriptor.Digest
		if v.uses[d]--; v.uses[d] <= 0 && v.layers[d] != nil {
			if c := v.layers[d].changes; c != nil {
				v.held.Release(c)
			}
			v.layers[d] = &layerResult{size: v.layers[d].size, tar: v.layers[d].tar}
		}
	}
}

// countUses counts how often each layer is going to be applied.
func countUses(images []*archive.Image, platforms []archive.PlatformMatcher) map[digest.Digest]int {
	uses := map[digest.Digest]int{}
	for _, image := range images {
		wanted := newFilter(image.Node, platforms)
		for _, n := range archive.Instances(image.Node) {
			if !wanted.has(n) {
				continue
			}
			for _, l := range n.Layers {
				uses[l.Descriptor.Digest]++
			}
		}
	}
	return uses
}
