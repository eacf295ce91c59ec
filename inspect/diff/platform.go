package diff

import (
	"context"
	"fmt"

	"github.com/imgtool/imgtool/archive"
)

// comparePlatforms compares two images for one platform, level by level.
func (o Options) comparePlatforms(ctx context.Context, from [2]archive.Source, a, b *archive.Node) (Platform, error) {
	p := Platform{A: instance(a), B: instance(b)}
	if a.Descriptor.Digest == b.Descriptor.Digest {
		p.Same = true
		return p, nil
	}
	if err := o.compareDocuments(&p, a, b); err != nil {
		return p, err
	}
	p.Layers = o.compareLayers(a, b)
	if !o.ignores("files") {
		left, right := o.filesystem(from[0], a.Layers), o.filesystem(from[1], b.Layers)
		c, err := o.compareFiles(ctx, left, right)
		if err != nil {
			return p, err
		}
		if err := c.tell(ctx, &p); err != nil {
			return p, err
		}
	}
	p.Same = p.isSame()
	return p, nil
}

// tell puts what differs between the filesystems into the report.
func (c *comparison) tell(ctx context.Context, p *Platform) error {
	var err error
	p.Files, p.Sizes = c.files(), folders(c.changes)
	if p.Packages, p.Notes, err = c.packages(ctx); err != nil {
		return err
	}
	if c.Content {
		p.Texts, err = c.texts(ctx)
	}
	return err
}

func (p *Platform) isSame() bool {
	return len(p.Annotations)+len(p.Manifest)+len(p.Config)+len(p.Packages) == 0 &&
		p.History == nil && p.Layers == nil && p.Files == nil
}

func instance(n *archive.Node) Instance {
	i := Instance{
		Platform: archive.FormatPlatform(n.Platform()),
		Digest:   n.Descriptor.Digest,
		ImageID:  n.Manifest.Config.Digest,
		Layers:   len(n.Layers),
	}
	for _, l := range n.Layers {
		i.LayerSize += l.Descriptor.Size
	}
	return i
}

// compareDocuments compares manifests and configs.
func (o Options) compareDocuments(p *Platform, a, b *archive.Node) error {
	left, err := parseConfig(a)
	if err != nil {
		return fmt.Errorf("side A: image %s: %w", a.Descriptor.Digest, err)
	}
	right, err := parseConfig(b)
	if err != nil {
		return fmt.Errorf("side B: image %s: %w", b.Descriptor.Digest, err)
	}
	p.Config = o.compareConfigs(left, right)
	p.History = o.compareHistories(left.history, right.history)
	p.Annotations, p.Manifest, err = o.compareManifests(a, b)
	if err != nil {
		return err
	}
	if o.ignores("order") || o.ignores("config") || a.Manifest.Config.Digest == b.Manifest.Config.Digest || !sameJSON(left, right) || !sameKeys(layerKeys(a), layerKeys(b)) {
		return nil
	}
	f := &fields{}
	f.leaf("config.digest", a.Manifest.Config.Digest.String(), b.Manifest.Config.Digest.String())
	p.Manifest = append(p.Manifest, f.found...)
	return nil
}

// sameJSON reports configs that say the same, so that only their spelling differs.
func sameJSON(a, b configDocument) bool {
	var all Options
	return len(all.compareConfigs(a, b)) == 0 && all.compareHistories(a.history, b.history) == nil
}

// compareManifests compares two manifests but for their layers. The digest and the
// size of the config follow from what it says, which is told elsewhere.
func (o Options) compareManifests(a, b *archive.Node) (annotations, manifest []Field, err error) {
	left, err := parseObject(a.Raw)
	if err != nil {
		return nil, nil, fmt.Errorf("side A: manifest %s: %w", a.Descriptor.Digest, err)
	}
	right, err := parseObject(b.Raw)
	if err != nil {
		return nil, nil, fmt.Errorf("side B: manifest %s: %w", b.Descriptor.Digest, err)
	}
	for _, m := range []object{left, right} {
		delete(m, "layers")
		if config, ok := m["config"].(map[string]any); ok {
			delete(config, "digest")
			delete(config, "size")
		}
	}
	annotations = o.compareAnnotations("", left.take("annotations"), right.take("annotations"))
	f := &fields{skip: o.skipManifest, empty: o.ignores("empty")}
	f.objects("", left, right)
	return annotations, f.found, nil
}

// skipManifest reports the fields of a manifest that are left out.
func (o Options) skipManifest(path string) bool {
	switch path {
	case "mediaType", "config.mediaType", "schemaVersion":
		return o.ignores("mediatypes")
	case "config.annotations":
		return o.ignores("annotations")
	}
	return o.ignores("manifest") && path != "config"
}

// compareAnnotations compares two objects of annotations.
func (o Options) compareAnnotations(path string, a, b any) []Field {
	if o.ignores("annotations") {
		return nil
	}
	left, _ := a.(map[string]any)
	right, _ := b.(map[string]any)
	f := &fields{empty: o.ignores("empty")}
	f.objects(path, left, right)
	return f.found
}
