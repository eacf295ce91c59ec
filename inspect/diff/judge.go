package diff

import "slices"

// judge finds out whether anything differs, and whether times alone do.
func (r *Report) judge() {
	r.Same = len(r.OnlyA)+len(r.OnlyB) == 0 && !slices.ContainsFunc(r.Images, func(i Image) bool { return !i.Same })
	r.TimesOnly = !r.Same && len(r.OnlyA)+len(r.OnlyB) == 0 &&
		!slices.ContainsFunc(r.Images, func(i Image) bool { return !i.timesOnly() })
}

func (i *Image) timesOnly() bool {
	return len(i.Names)+len(i.Annotations)+len(i.Index)+len(i.OnlyA)+len(i.OnlyB) == 0 &&
		!slices.ContainsFunc(i.Platforms, func(p Platform) bool { return !p.timesOnly() })
}

// timesOnly allows for digests that follow from times: a layer has another one
// where a time in it changed.
func (p *Platform) timesOnly() bool {
	return len(p.Annotations)+len(p.Manifest)+len(p.Packages) == 0 && areTimes(p.Config) &&
		p.History.timesOnly() && p.Layers.timesOnly() && p.Files.timesOnly()
}

func areTimes(all []Field) bool {
	return !slices.ContainsFunc(all, func(f Field) bool { return f.Field != "created" })
}

func (h *History) timesOnly() bool {
	return h == nil || !slices.ContainsFunc(h.Steps, func(s Step) bool {
		return s.Kind != Unchanged && (s.Kind != Changed || !areTimes(s.Fields))
	})
}

func (l *Layering) timesOnly() bool {
	return l == nil || !slices.ContainsFunc(l.Layers, func(p LayerPair) bool { return p.Kind != Unchanged && p.Kind != Changed })
}

func (f *Files) timesOnly() bool {
	return f == nil || !slices.ContainsFunc(f.Changes, func(c FileChange) bool { return c.Kind != Changed || c.Aspects != AspectTimes })
}
