package verify

import (
	"encoding/json"
	"io"
)

// SchemaVersion is the version of what [WriteJSON] writes. It grows when a field
// changes its meaning or goes.
const SchemaVersion = 1

type jsonRun struct {
	SchemaVersion int      `json:"schemaVersion"`
	Tool          jsonTool `json:"tool"`
	// Fails is the least severity that makes an archive faulty.
	Fails Severity `json:"fails"`
	// Rules are those whose severity was changed, by ID.
	Rules    map[string]Severity `json:"rules,omitempty"`
	Archives []jsonArchive       `json:"archives"`
	Totals   Totals              `json:"totals"`
}

type jsonTool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// jsonArchive has a report, or an error.
type jsonArchive struct {
	Path    string  `json:"path"`
	Verdict Verdict `json:"verdict"`
	Error   string  `json:"error,omitempty"`
	*Counts
	*Report
}

// WriteJSON writes a run as one JSON object, with all findings.
func WriteJSON(w io.Writer, r *Run) error {
	out := jsonRun{
		SchemaVersion: SchemaVersion,
		Tool:          jsonTool{toolName, r.Version},
		Fails:         Error,
		Rules:         r.Severities,
		Archives:      []jsonArchive{},
		Totals:        r.Totals(),
	}
	if r.Fails != Off {
		out.Fails = r.Fails
	}
	for _, o := range r.Archives {
		a := jsonArchive{Path: o.Path, Verdict: r.Verdict(o)}
		if o.Report == nil {
			a.Error = o.Err.Error()
		} else {
			counts, report := o.Report.Counts(), *o.Report
			report.Findings = append([]Finding{}, report.Findings...) // [], not null
			a.Counts, a.Report = &counts, &report
		}
		out.Archives = append(out.Archives, a)
	}
	return encodeJSON(w, out)
}

// toolName is how reports call the program.
const toolName = "imgtool"

func encodeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
