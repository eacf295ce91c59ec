package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive/layer"
)

// Count is how much differs at one level, in words.
type Count struct{ Level, Text string }

// Summary tells what differs above the platforms, level by level.
func (i *Image) Summary() []Count {
	var names, annotations, index []Kind
	for _, f := range i.Names {
		names = append(names, f.Kind)
	}
	for _, f := range i.Annotations {
		annotations = append(annotations, f.Kind)
	}
	for _, f := range i.Index {
		index = append(index, f.Kind)
	}
	return told(
		Count{"names", countKinds(names)},
		Count{"annotations", countKinds(annotations)},
		Count{"index", countKinds(index)},
		Count{"manifests", countKinds(slices.Concat(slices.Repeat([]Kind{Added}, len(i.OnlyB)), slices.Repeat([]Kind{Removed}, len(i.OnlyA))))},
	)
}

// Summary tells what differs, level by level.
func (p *Platform) Summary() []Count {
	fieldKind := func(f Field) Kind { return f.Kind }
	counts := []Count{
		{"annotations", countKinds(kindsOf(p.Annotations, fieldKind))},
		{"manifest", countKinds(kindsOf(p.Manifest, fieldKind))},
		{"config", countKinds(kindsOf(p.Config, fieldKind))},
	}
	if p.History != nil {
		counts = append(counts, Count{"history", countKinds(kindsOf(p.History.Steps, func(s Step) Kind { return s.Kind }))})
	}
	if p.Layers != nil {
		kinds := countKinds(kindsOf(p.Layers.Layers, func(l LayerPair) Kind { return l.Kind }))
		counts = append(counts, Count{"layers", fmt.Sprintf("%s (%s → %s stored)", kinds, FormatSize(p.A.LayerSize), FormatSize(p.B.LayerSize))})
	}
	counts = append(counts,
		Count{"packages", countKinds(kindsOf(p.Packages, func(k Package) Kind { return k.Kind }))},
		Count{"files", p.filesSummary()})
	return told(counts...)
}

// told leaves out levels of which there is nothing to tell.
func told(counts ...Count) []Count {
	return slices.DeleteFunc(counts, func(c Count) bool { return c.Text == "" })
}

func kindsOf[T any](list []T, kind func(T) Kind) []Kind {
	var kinds []Kind
	for _, v := range list {
		kinds = append(kinds, kind(v))
	}
	return kinds
}

// countKinds spells how many there are of each kind.
func countKinds(kinds []Kind) string {
	counts := map[Kind]int{}
	for _, k := range kinds {
		counts[k]++
	}
	var parts []string
	for _, k := range []Kind{Unchanged, Added, Removed, Changed, Moved, Recompressed} {
		if counts[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[k], k))
		}
	}
	return strings.Join(parts, ", ")
}

// filesSummary counts paths, and bytes.
func (p *Platform) filesSummary() string {
	if p.Files == nil {
		return ""
	}
	f, times := p.Files, 0
	for i := range f.Changes {
		if f.Changes[i].TimesOnly() {
			times++
		}
	}
	var parts []string
	for _, n := range []struct {
		n    int
		kind Kind
	}{{f.Added, Added}, {f.Removed, Removed}, {f.Changed, Changed}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.kind))
		}
	}
	out := strings.Join(parts, ", ")
	switch {
	case times > 0 && times == f.Changed:
		out += " (times only)"
	case times > 0:
		out += fmt.Sprintf(" (%d in times only)", times)
	}
	if len(p.Sizes) > 0 && p.Sizes[0].Path == "." {
		out += "; " + p.Sizes[0].Describe()
	}
	return out
}

// Describe spells what a folder gained and lost.
func (f *Folder) Describe() string {
	switch {
	case f.Removed == 0:
		return "+" + FormatSize(f.Added)
	case f.Added == 0:
		return "-" + FormatSize(f.Removed)
	}
	return "+" + FormatSize(f.Added) + " -" + FormatSize(f.Removed)
}

// Describe spells a value before and after, as JSON.
func (f *Field) Describe() string {
	switch {
	case f.Before == nil && f.After == nil:
		return f.Field
	case f.Before == nil:
		return f.Field + ": " + string(f.After)
	case f.After == nil:
		return f.Field + ": " + string(f.Before)
	}
	return f.Field + ": " + string(f.Before) + " → " + string(f.After)
}

// Describe names a manifest in one line.
func (m *Manifest) Describe() string {
	return joinWords("  ", string(m.Kind), m.Platform, m.ArtifactType, ShortDigest(string(m.Digest)))
}

// Describe names an image in one line.
func (r *Root) Describe() string {
	return joinWords("  ", ShortDigest(string(r.Digest)), string(r.Kind), strings.Join(r.Names, " "))
}

// Describe spells a package and its versions.
func (k *Package) Describe() string {
	return joinWords(" ", k.Type, k.Name, joinWords(" → ", k.Before, k.After), k.Arch)
}

// Describe tells of a layer, or of both.
func (p *LayerPair) Describe() string {
	switch {
	case p.B == nil:
		return p.A.describe()
	case p.A == nil:
		return p.B.describe()
	case p.Kind == Unchanged:
		return p.A.describe()
	case p.Kind == Moved:
		return fmt.Sprintf("%s  moved from %d", p.B.describe(), p.A.Number)
	case p.Kind == Recompressed && p.A.Digest == p.B.Digest && p.A.MediaType == p.B.MediaType:
		return p.A.describe() + "  same content"
	case p.Kind == Recompressed && p.A.Digest == p.B.Digest:
		return fmt.Sprintf("%s  %s → %s", p.A.describe(), p.A.MediaType, p.B.MediaType)
	case p.Kind == Recompressed:
		return p.A.describe() + " → " + strings.TrimLeft(p.B.describe(), " ") + "  same content"
	}
	return p.A.describe() + " → " + strings.TrimLeft(p.B.describe(), " ")
}

func (l *Layer) describe() string {
	return fmt.Sprintf("%2d  %s  %s  %s", l.Number, ShortDigest(string(l.Digest)), FormatSize(l.Size), l.Compression)
}

// Describe tells what a path is, or what changed at it.
func (c *FileChange) Describe() string {
	switch c.Kind {
	case Added:
		return c.After.describe()
	case Removed:
		return c.Before.describe()
	}
	var parts []string
	for i := range aspectWords {
		if aspect := Aspects(1 << i); c.Aspects&aspect != 0 {
			parts = append(parts, c.describeAspect(aspect))
		}
	}
	return strings.Join(parts, ", ")
}

func (f *File) describe() string {
	switch f.Type {
	case layer.Regular:
		return fmt.Sprintf("%04o, %s", f.Mode, FormatSize(f.Size))
	case layer.Symlink, layer.Hardlink:
		return fmt.Sprintf("%s → %s", f.Type, f.Link)
	case layer.Whiteout, layer.Opaque:
		return f.Type.String()
	}
	return fmt.Sprintf("%04o, %s", f.Mode, f.Type)
}

// describeAspect tells one thing that changed.
func (c *FileChange) describeAspect(aspect Aspects) string {
	a, b := c.Before, c.After
	switch aspect {
	case AspectType:
		return fmt.Sprintf("%s → %s", a.Type, b.Type)
	case AspectContent:
		if a.Size == b.Size {
			return "content, " + FormatSize(a.Size)
		}
		return "content " + FormatSize(a.Size) + " → " + FormatSize(b.Size)
	case AspectLink:
		return "link " + a.Link + " → " + b.Link
	case AspectHardlinks:
		return fmt.Sprintf("hardlinks %d → %d", a.Names(), b.Names())
	case AspectMode:
		return fmt.Sprintf("mode %04o → %04o", a.Mode, b.Mode)
	case AspectOwner:
		return fmt.Sprintf("owner %d:%d → %d:%d", a.Owner.UID, a.Owner.GID, b.Owner.UID, b.Owner.GID)
	case AspectOwnerNames:
		return fmt.Sprintf("owner names %s:%s → %s:%s", a.Owner.Uname, a.Owner.Gname, b.Owner.Uname, b.Owner.Gname)
	case AspectDevice:
		return "device " + a.device() + " → " + b.device()
	case AspectXattrs:
		return "xattrs " + describeXattrs(a.Xattrs(), b.Xattrs())
	case AspectTimes:
		return describeTimes(a.ModTime().UTC(), b.ModTime().UTC())
	}
	return aspect.String()
}

func (f *File) device() string {
	major, minor := f.Device()
	return fmt.Sprintf("%d:%d", major, minor)
}

// describeTimes has as many digits as tell the times apart.
func describeTimes(a, b time.Time) string {
	layout := time.RFC3339
	switch {
	case a.Equal(b):
		return "access or change time"
	case a.Unix() == b.Unix():
		layout = time.RFC3339Nano
	}
	return "time " + a.Format(layout) + " → " + b.Format(layout)
}

// describeXattrs names the attributes that differ.
func describeXattrs(a, b map[string]string) string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, had := a[name]
		after, has := b[name]
		switch {
		case !had:
			parts = append(parts, "+"+name)
		case !has:
			parts = append(parts, "-"+name)
		case before != after:
			parts = append(parts, "~"+name)
		}
	}
	return strings.Join(parts, " ")
}

// ShortDigest keeps what people compare by eye.
func ShortDigest(d string) string {
	if algorithm, digits, ok := strings.Cut(d, ":"); ok && len(digits) > 12 {
		return algorithm + ":" + digits[:12]
	}
	return d
}

// FormatSize spells a number of bytes for people, in steps of 1000.
func FormatSize(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.5 && unit < len(units)-1 {
		v /= 1000
		unit++
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %cB", v, units[unit])
	}
	return fmt.Sprintf("%.0f %cB", v, units[unit])
}

// joinWords joins what is not empty.
func joinWords(by string, words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), by)
}

// Sign is how lists mark a kind: + - ~ and > for what moved.
func (k Kind) Sign() string {
	switch k {
	case Added:
		return "+"
	case Removed:
		return "-"
	case Moved:
		return ">"
	case Unchanged:
		return " "
	}
	return "~"
}
