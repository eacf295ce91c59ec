package diff

import "slices"

// compareHistories gives the steps of both sides, or nil where they do not
// differ.
func (o Options) compareHistories(a, b []object) *History {
	if o.ignores("history") {
		return nil
	}
	h := &History{}
	for _, p := range align(commands(a), commands(b)) {
		h.Steps = append(h.Steps, o.step(p, a, b))
	}
	if !slices.ContainsFunc(h.Steps, func(s Step) bool { return s.Kind != Unchanged }) {
		return nil
	}
	return h
}

// commands gives what tells steps apart: the command, and whether the step made a
// layer.
func commands(steps []object) []string {
	var out []string
	for _, s := range steps {
		out = append(out, string(encode([]any{s["created_by"], s["empty_layer"] == true})))
	}
	return out
}

func (o Options) step(p pair, a, b []object) Step {
	var s Step
	switch {
	case p.b < 0:
		s = Step{Kind: Removed, A: &p.a, CreatedBy: text(a[p.a]["created_by"])}
	case p.a < 0:
		s = Step{Kind: Added, B: &p.b, CreatedBy: text(b[p.b]["created_by"])}
	default:
		s = Step{Kind: Unchanged, A: &p.a, B: &p.b, CreatedBy: text(b[p.b]["created_by"])}
		f := &fields{skip: o.skipStep, empty: o.ignores("empty")}
		f.objects("", a[p.a], b[p.b])
		if s.Fields = f.found; len(f.found) > 0 {
			s.Kind = Changed
		}
	}
	return s
}

// skipStep reports the fields of a step that are left out.
func (o Options) skipStep(path string) bool {
	return o.ignores("created") && path == "created" || o.ignores("tool") && (path == "author" || path == "comment")
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
