package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// HistoryPolicy says what becomes of the history of layers that are merged.
type HistoryPolicy string

// The policies. An empty policy is HistoryMerge.
const (
	// HistoryMerge makes one step of them that says what was merged.
	HistoryMerge HistoryPolicy = "merge"
	// HistoryKeep keeps the steps; only the last of them still has a layer.
	HistoryKeep HistoryPolicy = "keep"
	// HistoryDrop leaves out all history of the image.
	HistoryDrop HistoryPolicy = "drop"
)

func (p HistoryPolicy) check() error {
	switch p {
	case "", HistoryMerge, HistoryKeep, HistoryDrop:
		return nil
	}
	return fmt.Errorf("history %q: it is merge, keep or drop: %w", p, archive.ErrUnsupported)
}

// step is an entry of a config's history, as stored and parsed.
type step struct {
	raw archive.RawJSON
	ocispec.History
}

// steps pairs the stored history of a config with the parsed one. It is nil where
// the history does not tell of each layer, which nothing demands of it.
func steps(config *archive.Config) []step {
	var raw []archive.RawJSON
	_ = json.Unmarshal(fieldsOf(config.Raw, "history")["history"], &raw) // absent, or parsed before
	if len(raw) != len(config.History) {
		return nil
	}
	var all []step
	layers := 0
	for i, h := range config.History {
		all = append(all, step{raw[i], h})
		if !h.EmptyLayer {
			layers++
		}
	}
	if layers != len(config.RootFS.DiffIDs) {
		return nil
	}
	return all
}

// mergedHistory gives the history of an image whose layers from number base up
// became one, or nil for none.
func mergedHistory(all []step, base int, policy HistoryPolicy) []step {
	if len(all) == 0 || policy == HistoryDrop {
		return nil
	}
	at := firstStep(all, base)
	below, merged := slices.Clone(all[:at]), all[at:]
	if policy == HistoryKeep {
		return append(below, emptied(merged)...)
	}
	return append(below, mergedStep(merged))
}

// firstStep is the place of the step that made layer number layer.
func firstStep(all []step, layer int) int {
	return slices.IndexFunc(all, func(s step) bool {
		if s.EmptyLayer {
			return false
		}
		layer--
		return layer < 0
	})
}

// emptied takes the layers from all steps but the last one that has one.
func emptied(merged []step) []step {
	out := slices.Clone(merged)
	last := len(out) - 1
	for out[last].EmptyLayer {
		last--
	}
	for i := range out[:last] {
		fields := fieldsOf(out[i].raw, "empty_layer")
		fields["empty_layer"] = mustMarshal(true)
		out[i].raw, out[i].EmptyLayer = mustMarshal(fields), true
	}
	return out
}

// mergedStep says what was merged. Its time is the latest of the steps, so that
// it does not depend on when this runs.
func mergedStep(merged []step) step {
	one := ocispec.History{}
	layers := 0
	var commands []string
	for _, s := range merged {
		if s.Created != nil && (one.Created == nil || s.Created.After(*one.Created)) {
			one.Created = s.Created
		}
		if !s.EmptyLayer {
			layers++
		}
		commands = append(commands, s.CreatedBy)
	}
	one.CreatedBy = fmt.Sprintf("imgtool flatten: %d layers of %d steps", layers, len(merged))
	one.Comment = strings.Join(commands, "\n")
	return step{mustMarshal(one), one}
}
