package inspect

import (
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// History is how one image came to be, as its config tells. Sizes are in bytes.
type History struct {
	SchemaVersion int               `json:"schemaVersion"`
	Path          string            `json:"path"`
	Digest        digest.Digest     `json:"digest"`
	ImageID       digest.Digest     `json:"imageID,omitempty"`
	Platform      *ocispec.Platform `json:"platform,omitempty"`
	// LayerSize is the stored size of all layers.
	LayerSize int64 `json:"layerSize"`
	// Steps are in the order of the config, the oldest first. Layers that no step
	// tells of stand behind them.
	Steps []HistoryStep `json:"history"`
	// Notes say where history and layers do not fit each other.
	Notes []string `json:"notes,omitempty"`
	// Fault says why the config could not be read.
	Fault string `json:"fault,omitempty"`
}

// HistoryStep is a step with the layer that it made, if it made one.
type HistoryStep struct {
	Step
	Digest digest.Digest `json:"digest,omitempty"`
	// DiffID and Compression are as in [Layer].
	DiffID      digest.Digest     `json:"diffID,omitempty"`
	Compression codec.Compression `json:"compression,omitempty"`
	// Size is the stored size of the layer, 0 without one; TarSize as in [Layer].
	Size    int64  `json:"size"`
	TarSize *int64 `json:"tarSize,omitempty"`
	Absent  bool   `json:"absent,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

// NewHistory tells the history of image n of a, and pairs it with the layers from
// the lowest on. It reads nothing more than [archive.Open] did.
func NewHistory(a *archive.Archive, n *archive.Node) *History {
	m := summarizeManifest(n)
	h := &History{
		SchemaVersion: SchemaVersion,
		Path:          a.Path,
		Digest:        m.Digest,
		ImageID:       m.ImageID,
		Platform:      m.Platform,
		LayerSize:     m.LayerSize,
		Steps:         []HistoryStep{},
		Fault:         m.Fault,
	}
	told := 0
	for _, step := range m.History {
		s := HistoryStep{Step: step}
		if step.Layer != nil {
			s.take(m.Layers[*step.Layer])
			told++
		}
		h.Steps = append(h.Steps, s)
	}
	for i := told; i < len(m.Layers); i++ {
		s := HistoryStep{Step: Step{Layer: &i}}
		s.take(m.Layers[i])
		h.Steps = append(h.Steps, s)
	}
	if m.Fault == "" {
		h.note(n, len(m.Layers))
	}
	return h
}

func (s *HistoryStep) take(l Layer) {
	s.Digest, s.DiffID, s.Compression = l.Digest, l.DiffID, l.Compression
	s.Size, s.TarSize, s.Absent, s.Fault = l.Size, l.TarSize, l.Absent, l.Fault
}

// note compares the layers that the history tells of with those of the image.
func (h *History) note(n *archive.Node, layers int) {
	claimed := 0
	for _, step := range n.Config.History {
		if !step.EmptyLayer {
			claimed++
		}
	}
	switch {
	case len(h.Steps) == 0:
		h.Notes = append(h.Notes, "the image has neither history nor layers")
	case claimed == layers:
	case len(n.Config.History) == 0:
		h.Notes = append(h.Notes, "the config tells no history")
	default:
		h.Notes = append(h.Notes, fmt.Sprintf("layers in the history: %d, in the image: %d; they are paired from the lowest on", claimed, layers))
	}
}
