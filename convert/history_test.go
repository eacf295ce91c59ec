package convert_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/convert"
)

// TestHistory: each policy for each kind of history. A step is worded as
// "created_by", with a minus in front where it has no layer.
func TestHistory(t *testing.T) {
	t.Parallel()
	const (
		merge = convert.HistoryMerge
		keep  = convert.HistoryKeep
		drop  = convert.HistoryDrop
	)
	for _, tt := range []struct {
		name    string
		history string // JSON
		policy  convert.HistoryPolicy
		last    int
		want    string
		note    string // part of the one note
	}{
		{"merge all", `[{"created_by":"a"},{"created_by":"e","empty_layer":true},{"created_by":"b"},{"created_by":"c"}]`, merge, 0,
			"imgtool flatten: 3 layers of 4 steps (a|e|b|c)", ""},
		{"merge is the default", `[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]`, "", 0,
			"imgtool flatten: 3 layers of 3 steps (a|b|c)", ""},
		{"merge two", `[{"created_by":"a"},{"created_by":"e","empty_layer":true},{"created_by":"b"},{"created_by":"c"}]`, merge, 2,
			"a, -e, imgtool flatten: 2 layers of 2 steps (b|c)", ""},
		{"steps above go in", `[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"},{"created_by":"e","empty_layer":true}]`, merge, 2,
			"a, imgtool flatten: 2 layers of 3 steps (b|c|e)", ""},
		{"steps below the base stay", `[{"created_by":"e","empty_layer":true},{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]`, merge, 2,
			"-e, a, imgtool flatten: 2 layers of 2 steps (b|c)", ""},
		{"steps below the lowest layer go in", `[{"created_by":"e","empty_layer":true},{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]`, merge, 0,
			"-e, imgtool flatten: 3 layers of 3 steps (a|b|c)", ""},
		{"keep all", `[{"created_by":"a"},{"created_by":"e","empty_layer":true},{"created_by":"b"},{"created_by":"c"},{"created_by":"f","empty_layer":true}]`, keep, 0,
			"-a, -e, -b, c, -f", ""},
		{"keep two", `[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]`, keep, 2, "a, -b, c", ""},
		{"drop", `[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]`, drop, 0, "", ""},
		{"drop two takes the base's too", `[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"}]`, drop, 2, "", ""},
		{"none", `[]`, merge, 0, "", ""},
		{"null", `null`, keep, 0, "", ""},
		{"too short", `[{"created_by":"a"}]`, merge, 0, "", "does not tell of each layer"},
		{"too short, kept", `[{"created_by":"a"}]`, keep, 2, "", "does not tell of each layer"},
		{"too short, dropped", `[{"created_by":"a"}]`, drop, 0, "", ""},
		{"too long", `[{"created_by":"a"},{"created_by":"b"},{"created_by":"c"},{"created_by":"d"}]`, merge, 0, "", "does not tell of each layer"},
		{"all empty", `[{"created_by":"a","empty_layer":true}]`, merge, 0, "", "does not tell of each layer"},
		{"nothing said", `[{},{},{}]`, merge, 0, "imgtool flatten: 3 layers of 3 steps (||)", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, build(t, "format oci\nimage fx:v1\n  config-field history "+tt.history+
				"\n  layer\n    file a a\n  layer\n    file b b\n  layer\n    file c c\n"))
			got, notes := flatten(t, convert.FlattenOptions{Last: tt.last, History: tt.policy}, a)
			n := instance(t, got)
			if diff := cmp.Diff(tt.want, historyText(n.Config)); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			if tt.note == "" && len(notes) > 0 || tt.note != "" && (len(notes) != 1 || !strings.Contains(notes[0], tt.note)) {
				t.Errorf("notes %q, want %q", notes, tt.note)
			}
			if tt.want == "" && strings.Contains(string(n.Config.Raw), `"history"`) {
				t.Errorf("an empty history stands in %s", n.Config.Raw)
			}
			layers := 0
			for _, h := range n.Config.History {
				if !h.EmptyLayer {
					layers++
				}
			}
			if layers != len(n.Layers) && len(n.Config.History) > 0 {
				t.Errorf("history tells of %d layers, there are %d", layers, len(n.Layers))
			}
		})
	}
}

func historyText(c *archive.Config) string {
	var steps []string
	for _, h := range c.History {
		step := h.CreatedBy
		if h.EmptyLayer {
			step = "-" + step
		}
		if h.Comment != "" {
			step += " (" + strings.ReplaceAll(h.Comment, "\n", "|") + ")"
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, ", ")
}

// TestHistoryTimes: the merged step has the latest of the times that there are,
// and what is kept stays as it was written.
func TestHistoryTimes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ history, want string }{
		{`[{"created":"2026-01-02T03:04:05Z"},{"created":"2027-01-02T03:04:05.5+02:00"}]`, `"2027-01-02T03:04:05.5+02:00"`},
		{`[{"created":"2027-01-02T03:04:05Z"},{"created":"yesterday"}]`, `"2027-01-02T03:04:05Z"`},
		{`[{"created":0},{"created":null}]`, ""},
		{`[{"created":"0001-01-01T00:00:00Z"},{}]`, ""},
	} {
		listing := "format oci\nimage fx:v1\n  config-field history " + tt.history + "\n  layer\n    file a a\n  layer\n    file b b\n"
		got, _ := flatten(t, convert.FlattenOptions{}, open(t, build(t, listing)))
		var merged []map[string]json.RawMessage
		if err := json.Unmarshal(field(t, instance(t, got).Config.Raw, "history"), &merged); err != nil || len(merged) != 1 {
			t.Fatalf("%s: %v, %v", tt.history, merged, err)
		}
		if got := string(merged[0]["created"]); got != tt.want {
			t.Errorf("%s: created %s, want %s", tt.history, got, tt.want)
		}
		kept, _ := flatten(t, convert.FlattenOptions{History: convert.HistoryKeep}, open(t, build(t, listing)))
		var before, after []map[string]any
		if err := json.Unmarshal([]byte(tt.history), &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(field(t, instance(t, kept).Config.Raw, "history"), &after); err != nil {
			t.Fatal(err)
		}
		for i := range before {
			if diff := cmp.Diff(before[i]["created"], after[i]["created"]); diff != "" {
				t.Errorf("%s: kept time (-before +after):\n%s", tt.history, diff)
			}
		}
	}
}

// field gives a field of a JSON object as it is stored.
func field(t testing.TB, object []byte, name string) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		t.Fatal(err)
	}
	return fields[name]
}
