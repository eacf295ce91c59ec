package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options says what to look for. The zero value looks for everything.
type Options struct {
	// Severities replace those of the rules.
	Severities map[string]Severity
	// Platforms leave out images for other platforms, and what refers to those.
	// None means all.
	Platforms []archive.PlatformMatcher
	// Fast leaves out what needs the content of layers: it looks at documents
	// alone.
	Fast bool
	// Jobs is how many blobs are read at once. Zero means GOMAXPROCS.
	Jobs int
	// MaxExpansion is as in [archive.StackOptions].
	MaxExpansion int64
	// Progress is told the stored bytes read since its last call, from several
	// goroutines. Nil means that nobody wants to know.
	Progress func(int64)
}

// Report is what was found in one archive.
type Report struct {
	Path   string         `json:"path"`
	Format archive.Format `json:"format"`
	// Images is how many images were looked at, one for each platform.
	Images int `json:"images"`
	// Blobs and Bytes were read and hashed; Bytes are stored bytes.
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
	// Fast says that the content of layers was not looked at.
	Fast     bool      `json:"fast"`
	Findings []Finding `json:"findings"`
}

// Count is how many findings have a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Archive verifies all that can be reached from the chosen images of a. It reads
// every blob once. Memory: what [layer.Stack.Merge] takes, for all layers that
// images still to come share. The findings come in the same order every time. An
// I/O error is no finding, but ends it.
func Archive(ctx context.Context, a *archive.Archive, images []*archive.Image, opts Options) (*Report, error) {
	v := &verifier{archive: a, opts: opts, found: newCollector(opts.Severities), blobs: map[digest.Digest]bool{},
		layers: layerCache{}, uses: countUses(images, opts.Platforms)}
	v.report = &Report{Path: a.Path, Format: a.Format, Fast: opts.Fast}
	v.checkFaces()
	for _, image := range images {
		v.checkNames(image)
		if err := v.checkImage(ctx, image); err != nil {
			return nil, err
		}
	}
	if err := a.Fault(); err != nil {
		return nil, err // what was found may follow from it
	}
	v.report.Findings = v.found.findings()
	return v.report, nil
}

// StoredSize is how many bytes [Archive] is going to read and tell Progress of, as
// far as descriptors tell the truth.
func StoredSize(images []*archive.Image, opts Options) int64 {
	if opts.Fast {
		return 0
	}
	var total int64
	seen := map[digest.Digest]bool{}
	add := func(d ocispec.Descriptor) {
		if !seen[d.Digest] && d.Size > 0 {
			seen[d.Digest] = true
			total += d.Size
		}
	}
	for _, image := range images {
		wanted := newFilter(image.Node, opts.Platforms)
		_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
			if !wanted.has(n) || n.Manifest == nil {
				return nil
			}
			if n.Kind() != archive.KindImage {
				add(n.Manifest.Config)
			}
			for _, l := range n.Layers {
				add(l.Descriptor)
			}
			return nil
		})
	}
	return total
}

// verifier is one run of Archive.
type verifier struct {
	archive *archive.Archive
	opts    Options
	found   *collector
	report  *Report
	// blobs were hashed, or are documents that were.
	blobs  map[digest.Digest]bool
	layers layerCache
	// uses are how often layers are going to be applied.
	uses map[digest.Digest]int
	held layer.Budget
}

// sortFindings sorts by severity, the worst first, rule and place.
func sortFindings(all []Finding) []Finding {
	order := map[string]int{}
	for i, r := range rules {
		order[r.ID] = i
	}
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(order[a.Rule], order[b.Rule]),
			cmp.Compare(a.Where.Image, b.Where.Image),
			cmp.Compare(a.Where.Platform, b.Where.Platform),
			cmp.Compare(layerNumber(a.Where), layerNumber(b.Where)),
			cmp.Compare(a.Where.Digest, b.Where.Digest),
			cmp.Compare(a.Where.Entry, b.Where.Entry),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return out
}

func layerNumber(w Where) int {
	if w.Layer == nil {
		return -1
	}
	return *w.Layer
}
