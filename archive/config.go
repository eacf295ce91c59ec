package archive

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// config reads the config of a manifest; that of an artifact has only to be
// there.
func (l *loader) config(d ocispec.Descriptor) *Config {
	key := documentKey{digest: d.Digest, mediaType: d.MediaType}
	if c, ok := l.configs[key]; ok {
		return c
	}
	c := &Config{}
	l.configs[key] = c
	if !isImageConfig(d.MediaType) && !(l.opts.Mend && l.sniffConfig(d)) {
		_, c.Err = l.archive.compression(d)
		return c
	}
	c.Raw, c.Err = l.read(d, MaxConfig)
	if c.Err == nil {
		c.Damage = l.damage("config", d, c.Raw)
		c.Image, c.Err = parseConfig(c.Raw)
	}
	if c.Err != nil {
		c.Err = fmt.Errorf("config: %w", c.Err)
	}
	return c
}

// sniffConfig reports that d is an image config, whatever it is called.
func (l *loader) sniffConfig(d ocispec.Descriptor) bool {
	raw, err := l.read(d, MaxConfig)
	if err != nil {
		return false
	}
	image, err := parseConfig(raw)
	return err == nil && image.RootFS.Type == "layers" && image.Architecture != ""
}

// parseConfig reads an image config. Times that do not parse count as absent,
// since tools write many kinds of them and nothing depends on them.
func parseConfig(raw []byte) (ocispec.Image, error) {
	var image ocispec.Image
	loose := struct {
		*ocispec.Image
		Created looseTime            `json:"created"`
		History capped[looseHistory] `json:"history"`
		RootFS  struct {
			Type    string                `json:"type"`
			DiffIDs capped[digest.Digest] `json:"diff_ids"`
		} `json:"rootfs"`
	}{Image: &image}
	if err := decode(raw, &loose); err != nil {
		return ocispec.Image{}, err
	}
	image.Created = loose.Created.Time
	image.RootFS = ocispec.RootFS{Type: loose.RootFS.Type, DiffIDs: loose.RootFS.DiffIDs}
	for _, h := range loose.History {
		h.History.Created = h.Created.Time
		image.History = append(image.History, h.History)
	}
	return image, nil
}

type looseHistory struct {
	ocispec.History
	Created looseTime `json:"created"`
}

// looseTime is nil for whatever is no RFC 3339 time.
type looseTime struct{ *time.Time }

func (t *looseTime) UnmarshalJSON(raw []byte) error {
	var parsed time.Time
	if parsed.UnmarshalJSON(raw) == nil && !parsed.IsZero() {
		t.Time = &parsed
	}
	return nil
}
