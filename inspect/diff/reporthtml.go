package diff

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/inspect/printable"
	"github.com/opencontainers/go-digest"
)

//go:embed html/report.html
var htmlPage string

//go:embed html/report.css
var htmlStyle string

//go:embed html/report.js
var htmlScript string

// Limits of a page, so that a browser opens it. What passes one is left out, and
// the page says how much that is.
const (
	maxHTMLFiles = 250_000  // paths of all trees together
	maxHTMLTexts = 16 << 20 // bytes of all text diffs together
	maxHTMLRows  = 2_000    // of a table
	maxHTMLBars  = 20       // of folders
)

// WriteHTML writes a report as one page that holds all that it needs: its content
// security policy lets it load nothing, and run its own script alone. Strings of
// the images are shown with control characters and what turns text around spelled
// out. Files are drawn by the script when they are looked at; without it, all else
// is there.
//
// Of very long reports it leaves out parts, and says so in their place: paths
// beyond 250,000, text diffs beyond 16 MiB, rows of other tables beyond 2,000.
func WriteHTML(w io.Writer, r *Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"visible": printable.String, "bytes": FormatSize, "signed": signed, "count": count, "join": joinNames, "pretty": pretty,
		"short": shortDigest, "roots": newHTMLRoots, "runs": historyRuns,
	}).Parse(htmlPage)
	if err != nil {
		return err
	}
	return t.Execute(w, newHTMLReport(r))
}

// htmlReport is what the page shows.
type htmlReport struct {
	*Report
	Policy                       template.HTMLAttr
	Style                        template.CSS
	Script                       template.JS
	Title, Verdict, VerdictClass string
	Parts                        []htmlPart
}

func newHTMLReport(r *Report) *htmlReport {
	page := &htmlReport{
		Report: r,
		Policy: template.HTMLAttr(`content="default-src 'none'; img-src data:; style-src ` + source(htmlStyle) + `; script-src ` +
			source(htmlScript) + `; base-uri 'none'; form-action 'none'"`),
		Style:  template.CSS(htmlStyle),
		Script: template.JS(htmlScript),
		Title:  "imgtool diff: " + r.A.Path + " and " + r.B.Path,
	}
	page.Verdict, page.VerdictClass = verdict(r)
	left := &htmlBudget{files: maxHTMLFiles, texts: maxHTMLTexts}
	for _, image := range r.Images {
		page.Parts = append(page.Parts, newHTMLParts(&image, len(page.Parts), left)...)
	}
	return page
}

// source names a style or script by its digest (CSP Level 3, "hash-source").
func source(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func verdict(r *Report) (text, class string) {
	switch {
	case r.Same:
		return "Nothing differs", "same"
	case r.TimesOnly:
		return "Only times differ", "times"
	}
	return "They differ", "differ"
}

// htmlRoots are images that one side alone has.
type htmlRoots struct {
	Title, Class string
	Roots        []Root
}

func newHTMLRoots(title, class string, roots []Root) htmlRoots {
	return htmlRoots{title, class, roots}
}

// htmlList is the beginning of a list, and how much of it is left out. It is nil
// where there is nothing.
type htmlList[T any] struct {
	Rows []T
	More int
}

func newHTMLList[T any](all []T) *htmlList[T] {
	if len(all) == 0 {
		return nil
	}
	n := min(len(all), maxHTMLRows)
	return &htmlList[T]{all[:n], len(all) - n}
}

// htmlPart is a pair of images for one platform, or what an index has beside them.
type htmlPart struct {
	ID, Title, Platform string
	Same                bool
	Tiles               []htmlTile
	Notes               []string
	Folders             []htmlFolder
	MoreFolders         int
	Files               *Files
	Chunks              func(func([]htmlGroup) bool)
	MoreFiles           int
	MoreTexts           int
	Packages            *htmlList[Package]
	Layers              *htmlList[LayerPair]
	Fields              []htmlFields
	History             *htmlList[Step]
	Only                []htmlManifests
}

// htmlFields is a table of values that differ.
type htmlFields struct {
	Title string
	*htmlList[Field]
}

func addHTMLFields(tables []htmlFields, title string, fields []Field) []htmlFields {
	if list := newHTMLList(fields); list != nil {
		return append(tables, htmlFields{title, list})
	}
	return tables
}

// htmlManifests is what one index alone names.
type htmlManifests struct {
	Title string
	Kind  Kind
	*htmlList[Manifest]
}

// newHTMLParts gives the parts of a pair of images; from is how many parts come
// before them.
func newHTMLParts(image *Image, from int, left *htmlBudget) []htmlPart {
	title := imageTitle(image)
	var parts []htmlPart
	for i := range image.Platforms {
		parts = append(parts, platformPart(&image.Platforms[i], left))
	}
	if index := indexPart(image); !index.Same || len(parts) == 0 {
		index.Platform, index.Same = "names and index", image.Same
		parts = append(parts, index)
	}
	for i := range parts {
		parts[i].Title, parts[i].ID = title, partID(from+i)
	}
	return parts
}

func partID(n int) string { return "part-" + decimal(int64(n)) }

func imageTitle(image *Image) string {
	a, b := joinNames(image.A.Names), joinNames(image.B.Names)
	switch {
	case a == b && a != "":
		return a
	case a == "" && b == "":
		return "Image without a name"
	}
	return cmp.Or(a, "no name") + " and " + cmp.Or(b, "no name")
}

// indexPart shows what two roots have besides the images of their platforms. It
// is the same where that is nothing.
func indexPart(image *Image) htmlPart {
	var p htmlPart
	p.Fields = addHTMLFields(p.Fields, "Names", image.Names)
	p.Fields = addHTMLFields(p.Fields, "Annotations", image.Annotations)
	p.Fields = addHTMLFields(p.Fields, "Index", image.Index)
	if list := newHTMLList(image.OnlyA); list != nil {
		p.Only = append(p.Only, htmlManifests{"Only in the index of A", Removed, list})
	}
	if list := newHTMLList(image.OnlyB); list != nil {
		p.Only = append(p.Only, htmlManifests{"Only in the index of B", Added, list})
	}
	p.Same = len(p.Fields) == 0 && len(p.Only) == 0
	return p
}

// platformPart shows two images for one platform.
func platformPart(p *Platform, left *htmlBudget) htmlPart {
	part := htmlPart{
		Platform: p.B.Platform, Same: p.Same, Notes: p.Notes,
		Packages: newHTMLList(p.Packages),
	}
	if p.A.Platform != p.B.Platform {
		part.Platform = p.A.Platform + " and " + p.B.Platform
	}
	if p.Same {
		return part
	}
	part.Tiles = tiles(p)
	part.Folders, part.MoreFolders = htmlFolders(p.Sizes)
	if p.Files != nil && len(p.Files.Changes) > 0 {
		part.takeFiles(p.Files, left)
	}
	if p.Layers != nil {
		part.Layers = newHTMLList(p.Layers.Layers)
	}
	if p.History != nil {
		part.History = newHTMLList(p.History.Steps)
	}
	part.Fields = addHTMLFields(part.Fields, "Config", p.Config)
	part.Fields = addHTMLFields(part.Fields, "Manifest", p.Manifest)
	part.Fields = addHTMLFields(part.Fields, "Annotations of the manifest", p.Annotations)
	return part
}

// htmlRun is steps of the history that stand one after the other. Those that are
// the same are folded where they are many.
type htmlRun struct {
	Folded bool
	Steps  []Step
}

// foldedSteps is how many steps are many.
const foldedSteps = 4

// historyRuns cuts the history where it begins or ends to be the same.
func historyRuns(steps []Step) []htmlRun {
	var runs []htmlRun
	for len(steps) > 0 {
		same := steps[0].Kind == Unchanged
		n := slices.IndexFunc(steps, func(s Step) bool { return (s.Kind == Unchanged) != same })
		if n < 0 {
			n = len(steps)
		}
		runs = append(runs, htmlRun{same && n >= foldedSteps, steps[:n]})
		steps = steps[n:]
	}
	return runs
}

// htmlTile is a number that matters. A and B are lengths of bars, up to 100.
type htmlTile struct {
	Value, Label string
	Bars         bool
	A, B         float64
}

func tiles(p *Platform) []htmlTile {
	tiles := []htmlTile{sizeTile(p.A.LayerSize, p.B.LayerSize)}
	if f := p.Files; f != nil {
		grown := f.BytesAfter - f.BytesBefore
		tiles = append(tiles,
			htmlTile{Value: signed(grown), Label: "content of files"},
			htmlTile{Value: grouped(len(f.Changes)), Label: "paths differ"})
	}
	if n := len(p.Packages); n > 0 {
		tiles = append(tiles, htmlTile{Value: grouped(n), Label: "packages differ"})
	}
	if p.Layers != nil {
		tiles = append(tiles, layersTile(p.Layers.Layers))
	}
	return tiles
}

func sizeTile(a, b int64) htmlTile {
	most := float64(max(a, b, 1))
	label := "stored layers, as before"
	if a != b {
		label = "stored layers, " + signed(b-a) + " from " + FormatSize(a)
	}
	return htmlTile{FormatSize(b), label, true, percent(a, most, 100), percent(b, most, 100)}
}

func layersTile(pairs []LayerPair) htmlTile {
	same := 0
	for _, pair := range pairs {
		if pair.Kind == Unchanged {
			same++
		}
	}
	return htmlTile{Value: grouped(same) + " of " + grouped(len(pairs)), Label: "layers are the same"}
}

// htmlFolder is a folder with its bars, in units of which 100 are the longest.
type htmlFolder struct {
	Folder
	Path              string
	Left, Minus, Plus float64
}

// htmlFolders gives the folders that changed most, and how many more there are. A
// folder whose change is all in one folder below it gives way to that.
func htmlFolders(all []Folder) ([]htmlFolder, int) {
	var kept []Folder
	for i, f := range all {
		inner := func(g Folder) bool {
			return isBelow(g.Path, f.Path) && g.Added == f.Added && g.Removed == f.Removed
		}
		if f.Path != "." && (i+1 == len(all) || !inner(all[i+1])) {
			kept = append(kept, f)
		}
	}
	weight := func(f Folder) int64 { return max(f.Added, f.Removed) }
	slices.SortStableFunc(kept, func(a, b Folder) int { return cmp.Compare(weight(b), weight(a)) })
	n := min(len(kept), maxHTMLBars)
	var bars []htmlFolder
	for _, f := range kept[:n] {
		most := float64(weight(kept[0]))
		minus, plus := percent(f.Removed, most, 98), percent(f.Added, most, 98)
		bars = append(bars, htmlFolder{f, f.Name(), 100 - minus, minus, plus})
	}
	return bars, len(kept) - n
}

func isBelow(p, folder string) bool { return strings.HasPrefix(p, folder+"/") }

// percent gives n as a part of most, scaled to at most scale, in tenths; what is
// there shows.
func percent(n int64, most, scale float64) float64 {
	if n <= 0 {
		return 0
	}
	return max(float64(int64(float64(n)/most*scale*10))/10, 0.5)
}

// shortDigest gives the first digest there is, cut as people know it.
func shortDigest(all ...digest.Digest) string { return ShortDigest(string(cmp.Or(all...))) }
