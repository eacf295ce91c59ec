package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/inspect"
)

// TestHistory pairs steps and layers, and says where they do not fit.
func TestHistory(t *testing.T) {
	t.Parallel()
	const (
		one     = "  layer\n    file a a\n"
		two     = one + "  layer plain\n    file b b\n"
		history = "  config-field history "
	)
	for _, tt := range []struct {
		name, lines string
		steps       string // "LAYER:COMMAND"
		notes       string
		fault       bool
	}{
		{"one each", two, "0:ADD layer 0, 1:ADD layer 1", "", false},
		{"empty steps", two + "  empty CMD\n", "0:ADD layer 0, 1:ADD layer 1, -:CMD", "", false},
		{"none", two + "  history none\n", "0:, 1:", "the config tells no history", false},
		{"null", one + history + "null\n", "0:", "the config tells no history", false},
		{"shorter", two + history + `[{"created_by":"x"}]` + "\n", "0:x, 1:", "layers in the history: 1, in the image: 2; they are paired from the lowest on", false},
		{"longer", one + history + `[{"created_by":"x"},{"created_by":"y"}]` + "\n", "0:x, -:y", "layers in the history: 2, in the image: 1; they are paired from the lowest on", false},
		{"no layers", history + `[{"created_by":"x"}]` + "\n", "-:x", "layers in the history: 1, in the image: 0; they are paired from the lowest on", false},
		{"empty alone", "  empty CMD\n", "-:CMD", "", false},
		{"nothing", "", "", "the image has neither history nor layers", false},
		{"no config", two + "remove blob:config:0\n", "0:, 1:", "", true},
		{"bad config", one + "replace blob:config:0 {\n", "0:", "", true},
	} {
		a, n := openNode(t, "format oci\nimage fx:v1\n"+tt.lines)
		h := inspect.NewHistory(a, n)
		var steps []string
		for _, s := range h.Steps {
			number := "-"
			if s.Layer != nil {
				number = fmt.Sprint(*s.Layer)
			}
			steps = append(steps, number+":"+s.CreatedBy)
			if (s.Layer != nil) != (s.Digest != "" && s.Size > 0) {
				t.Errorf("%s: step %+v has half a layer", tt.name, s)
			}
		}
		if got := strings.Join(steps, ", "); got != tt.steps {
			t.Errorf("%s: steps %q, want %q", tt.name, got, tt.steps)
		}
		if got := strings.Join(h.Notes, ", "); got != tt.notes || (h.Fault != "") != tt.fault {
			t.Errorf("%s: notes %q, fault %q, want %q and a fault: %v", tt.name, got, h.Fault, tt.notes, tt.fault)
		}
	}
}

// TestHistoryLayers: sizes are those of the layers, and what is not there is told.
func TestHistoryLayers(t *testing.T) {
	t.Parallel()
	a, n := openNode(t, "format oci\nimage fx:v1\n  layer plain\n    file a a\n  layer\n    file b b\n  layer absent\n    file c c\n")
	h := inspect.NewHistory(a, n)
	if len(h.Steps) != 3 || h.Digest != n.Descriptor.Digest || h.ImageID != n.Manifest.Config.Digest || h.Platform == nil || h.SchemaVersion != 1 {
		t.Fatalf("history = %+v", h)
	}
	plain, gzip, absent := h.Steps[0], h.Steps[1], h.Steps[2]
	if plain.TarSize == nil || *plain.TarSize != plain.Size || gzip.TarSize != nil || !absent.Absent || plain.Absent || absent.Fault != "" {
		t.Errorf("steps = %+v", h.Steps)
	}
	if sum := plain.Size + gzip.Size + absent.Size; h.LayerSize != sum {
		t.Errorf("LayerSize = %d, want %d", h.LayerSize, sum)
	}
}
