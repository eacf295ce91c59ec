package inspect

import (
	"errors"
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// fault splits an error of a document or blob into absence and the rest.
func fault(err error) (absent bool, text string) {
	switch {
	case err == nil, errors.Is(err, archive.ErrOpaque):
		return false, ""
	case errors.Is(err, archive.ErrNotFound):
		return true, ""
	}
	return false, err.Error()
}

// count fills in totals, faults, and how often each layer is used.
func (s *Summary) count() {
	s.Totals.Images = len(s.Images)
	used := map[digest.Digest]int{}
	s.eachManifest(func(number int, m *Manifest) {
		if m.Kind == archive.KindImage {
			s.Totals.Manifests++
			for _, layer := range distinct(m.Layers) {
				s.countLayer(layer, used)
			}
		}
		s.addFaults(number, m)
	})
	for i := range s.Images {
		for j := range s.Images[i].Manifests {
			layers := s.Images[i].Manifests[j].Layers
			for k := range layers {
				layers[k].UsedBy = used[layers[k].Digest]
			}
		}
	}
}

// eachManifest visits the manifests with the number of their image, each digest
// once.
func (s *Summary) eachManifest(visit func(number int, m *Manifest)) {
	seen := map[digest.Digest]bool{}
	for i := range s.Images {
		for j := range s.Images[i].Manifests {
			m := &s.Images[i].Manifests[j]
			if m.Digest == "" || !seen[m.Digest] {
				seen[m.Digest] = true
				visit(s.Images[i].Number, m)
			}
		}
	}
}

func (s *Summary) countLayer(layer Layer, used map[digest.Digest]int) {
	used[layer.Digest]++
	switch used[layer.Digest] {
	case 1:
		s.Totals.Layers++
		s.Totals.LayerSize += layer.Size
		return
	case 2:
		s.Totals.SharedLayers++
	}
	s.Totals.SavedSize += layer.Size
}

// distinct gives each layer of a manifest once.
func distinct(layers []Layer) []Layer {
	seen := map[digest.Digest]bool{}
	var out []Layer
	for _, layer := range layers {
		if !seen[layer.Digest] {
			seen[layer.Digest] = true
			out = append(out, layer)
		}
	}
	return out
}

func (s *Summary) addFaults(number int, m *Manifest) {
	where := fmt.Sprintf("image @%d", number)
	if m.Digest != "" {
		where = fmt.Sprintf("manifest %s", m.Digest)
	}
	if m.Fault != "" {
		s.Faults = append(s.Faults, fmt.Sprintf("%s: %s", where, m.Fault))
	}
	for i, layer := range m.Layers {
		if layer.Fault != "" {
			s.Faults = append(s.Faults, fmt.Sprintf("%s: layer %d: %s", where, i, layer.Fault))
		}
	}
}
