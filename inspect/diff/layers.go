package diff

import (
	"slices"

	"github.com/imgtool/imgtool/archive"
)

// layerKey is equal for layers that are the same filesystem changeset.
func layerKey(l archive.Layer) string {
	if l.DiffID != "" {
		return l.DiffID.String()
	}
	return l.Descriptor.Digest.String()
}

func layerKeys(n *archive.Node) []string {
	keys := make([]string, 0, len(n.Layers))
	for _, l := range n.Layers {
		keys = append(keys, layerKey(l))
	}
	return keys
}

// compareLayers pairs the layers of both sides, or gives nil where they do not
// differ.
func (o Options) compareLayers(a, b *archive.Node) *Layering {
	if o.ignores("layers") && o.ignores("compression") {
		return nil
	}
	l, left, right := &Layering{}, layerObjects(a), layerObjects(b)
	for _, p := range joinAlone(align(layerKeys(a), layerKeys(b))) {
		pair := o.layerPair(p, a, b)
		if pair.Kind == Unchanged || pair.Kind == Recompressed {
			o.compareDescriptors(&pair, left[p.a], right[p.b])
		}
		l.Layers = append(l.Layers, pair)
	}
	l.findMoved()
	if o.ignores("layers") {
		l.Layers = slices.DeleteFunc(l.Layers, func(p LayerPair) bool { return p.Kind != Unchanged && p.Kind != Recompressed })
	}
	if !slices.ContainsFunc(l.Layers, func(p LayerPair) bool { return p.Kind != Unchanged }) {
		return nil
	}
	return l
}

func (o Options) layerPair(p pair, a, b *archive.Node) LayerPair {
	switch {
	case p.b < 0:
		return LayerPair{Kind: Removed, A: newLayer(a, p.a)}
	case p.a < 0:
		return LayerPair{Kind: Added, B: newLayer(b, p.b)}
	}
	out := LayerPair{Kind: Unchanged, A: newLayer(a, p.a), B: newLayer(b, p.b)}
	left, right := a.Layers[p.a], b.Layers[p.b]
	switch {
	case layerKey(left) != layerKey(right):
		out.Kind = Changed
	case o.ignores("compression"):
	case left.Descriptor.Digest != right.Descriptor.Digest,
		left.Descriptor.MediaType != right.Descriptor.MediaType && !o.ignores("mediatypes"):
		out.Kind = Recompressed
	}
	return out
}

// layerObjects gives the descriptors of layers as they are stored, without what
// a [Layer] has of them.
func layerObjects(n *archive.Node) []object {
	out := make([]object, len(n.Layers))
	manifest, err := parseObject(n.Raw)
	if err != nil {
		return out // told by compareManifests
	}
	stored, _ := manifest["layers"].([]any)
	for i := range min(len(stored), len(out)) {
		out[i], _ = stored[i].(map[string]any)
		for _, key := range []string{"digest", "size", "mediaType"} {
			delete(out[i], key)
		}
	}
	return out
}

// compareDescriptors adds what else differs between descriptors of one layer.
func (o Options) compareDescriptors(p *LayerPair, a, b object) {
	f := &fields{empty: o.ignores("empty"), skip: func(path string) bool {
		return o.ignores("compression") || path == "annotations" && o.ignores("annotations")
	}}
	f.objects("", a, b)
	if p.Fields = f.found; len(f.found) > 0 {
		p.Kind = Recompressed
	}
}

func newLayer(n *archive.Node, number int) *Layer {
	l := n.Layers[number]
	return &Layer{
		Number:      number,
		DiffID:      l.DiffID,
		Digest:      l.Descriptor.Digest,
		MediaType:   l.Descriptor.MediaType,
		Compression: string(l.Compression),
		Size:        l.Descriptor.Size,
	}
}

// key is as layerKey.
func (l *Layer) key() string {
	if l.DiffID != "" {
		return l.DiffID.String()
	}
	return l.Digest.String()
}

// findMoved marks layers that stand alone at two places as one that moved. It is
// told at its place in B.
func (l *Layering) findMoved() {
	gone := map[string][]int{} // places in Layers
	for i, p := range l.Layers {
		if p.Kind == Removed {
			gone[p.A.key()] = append(gone[p.A.key()], i)
		}
	}
	dead := map[int]bool{}
	for i, p := range l.Layers {
		if p.Kind != Added || len(gone[p.B.key()]) == 0 {
			continue
		}
		from := gone[p.B.key()][0]
		gone[p.B.key()] = gone[p.B.key()][1:]
		dead[from] = true
		l.Layers[i].Kind, l.Layers[i].A = Moved, l.Layers[from].A
	}
	var kept []LayerPair
	for i, p := range l.Layers {
		if !dead[i] {
			kept = append(kept, p)
		}
	}
	l.Layers = kept
}
