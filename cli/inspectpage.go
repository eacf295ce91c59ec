package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/inspect"
	"github.com/imgtool/imgtool/inspect/printable"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// pageOptions says how the page for people looks.
type pageOptions struct {
	painter
	width int  // of the terminal in columns, 0 for no limit
	whole bool // whole digests and commands
	part  bool // some platforms only
}

// page is written into memory first: it is small, and one write to the output
// means one error to look at.
type page struct {
	strings.Builder
	pageOptions
}

func printPage(w io.Writer, s *inspect.Summary, o pageOptions) error {
	p := &page{pageOptions: o}
	p.head(s)
	for i := range s.Images {
		p.image(&s.Images[i])
	}
	p.totals(s)
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// field prints one labelled line, if there is anything to say. It makes the value
// fit to print, wherever it comes from.
func (p *page) field(indent, label, value string) {
	if value != "" {
		p.printf("%s%s %s\n", indent, p.label(label), printable.String(value))
	}
}

// fault prints a field that is no good news.
func (p *page) fault(indent, label, value string) {
	p.printf("%s%s %s\n", indent, p.label(label), p.bad(printable.String(value)))
}

func (p *page) label(s string) string { return p.dim(fmt.Sprintf("%-12s", s)) }

func (p *page) head(s *inspect.Summary) {
	form := s.Format
	if s.Compression != "none" {
		form += ", " + s.Compression
	}
	if s.Size != nil {
		form += ", " + size(*s.Size)
	}
	p.printf("%s: %s\n", p.bold(line(s.Path)), form)
	if len(s.Images) == 0 {
		p.printf("\nIt holds no image.\n")
	}
}

func (p *page) image(image *inspect.Image) {
	title := "(no name)"
	if len(image.Names) > 0 {
		title = line(strings.Join(image.Names, "  "))
	}
	p.printf("\n%s %s\n", p.dim(fmt.Sprintf("@%d", image.Number)), p.name(title))
	p.field("   ", "digest", image.Digest.String())
	if image.Kind == archive.KindIndex {
		label := "index of"
		if p.part {
			label = "shown of it"
		}
		p.field("   ", label, p.contents(image.Manifests))
	}
	for i := range image.Manifests {
		p.manifest(image, &image.Manifests[i])
	}
}

// contents counts what an index names: "2 images, 1 attestation".
func (p *page) contents(manifests []inspect.Manifest) string {
	var parts []string
	for _, kind := range []archive.Kind{archive.KindImage, archive.KindAttestation, archive.KindArtifact, archive.KindUnknown} {
		n := 0
		for _, m := range manifests {
			if m.Kind == kind {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, plural(n, string(kind)))
		}
	}
	return strings.Join(parts, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func (p *page) manifest(image *inspect.Image, m *inspect.Manifest) {
	indent := "   "
	if m.Digest != image.Digest {
		p.printf("\n   %s %s\n", p.bold(p.manifestTitle(m)), p.dim(line(m.Digest.String())))
		indent = "     "
	} else if m.Kind != archive.KindImage {
		p.field(indent, "kind", p.manifestTitle(m))
	}
	switch {
	case m.Absent:
		p.fault(indent, "absent", "named, but not in the archive")
	case m.Fault != "":
		p.fault(indent, "unreadable", m.Fault)
	}
	p.field(indent, "refers to", m.Subject.String())
	if m.Kind == archive.KindImage {
		p.config(indent, image, m)
		p.layers(indent, m)
		return
	}
	p.blobs(indent, m)
}

// manifestTitle says what a manifest is: its platform, or its kind.
func (p *page) manifestTitle(m *inspect.Manifest) string {
	switch {
	case m.Kind == archive.KindImage:
		return platform(m.Platform)
	case m.Kind == archive.KindUnknown && m.Platform != nil:
		return platform(m.Platform)
	case m.Kind == archive.KindUnknown:
		return line(m.MediaType)
	case m.Kind == archive.KindArtifact && m.Subject != "":
		return "referrer " + line(m.ArtifactType)
	case m.Kind == archive.KindArtifact:
		return "artifact " + line(m.ArtifactType)
	}
	return string(m.Kind)
}

func platform(p *ocispec.Platform) string {
	s := line(archive.FormatPlatform(p))
	if p != nil && p.OSVersion != "" {
		s += " " + line(p.OSVersion)
	}
	return s
}

func (p *page) config(indent string, image *inspect.Image, m *inspect.Manifest) {
	p.field(indent, "image ID", m.ImageID.String())
	if m.Digest == image.Digest {
		p.field(indent, "platform", platform(m.Platform))
	}
	if m.Created != nil {
		p.field(indent, "created", m.Created.UTC().Format(time.DateTime)+" UTC")
	}
	p.field(indent, "author", m.Author)
	c := m.Config
	if c == nil {
		return
	}
	p.field(indent, "user", c.User)
	p.field(indent, "workdir", c.WorkingDir)
	p.field(indent, "entrypoint", command(c.Entrypoint))
	p.field(indent, "cmd", command(c.Cmd))
	p.field(indent, "ports", keys(c.ExposedPorts))
	p.field(indent, "volumes", keys(c.Volumes))
	p.field(indent, "stop signal", c.StopSignal)
	p.list(indent, "env", c.Env)
	p.list(indent, "labels", pairs(c.Labels))
	p.list(indent, "annotations", pairs(m.Annotations))
}

// list prints one value a line, with the label before the first.
func (p *page) list(indent, label string, values []string) {
	for i, value := range values {
		if i > 0 {
			label = ""
		}
		p.field(indent, label, value)
	}
}

// command shows a command as Dockerfiles do, so that its words can be told
// apart.
func command(words []string) string {
	if len(words) == 0 {
		return ""
	}
	raw, err := json.Marshal(words)
	if err != nil {
		return ""
	}
	return string(raw)
}

func keys(set map[string]struct{}) string {
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}

func pairs(m map[string]string) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, key+"="+m[key])
	}
	return out
}

// layers prints the layers with their history beside them, steps without a
// layer too.
func (p *page) layers(indent string, m *inspect.Manifest) {
	if len(m.Layers) == 0 && len(m.History) == 0 {
		p.field(indent, "layers", "none")
		return
	}
	t := &cutTable{
		painter: p.painter,
		header:  []string{"LAYER", "DIGEST", "DIFFID", "TYPE", "STORED", "TAR", "USED", "CREATED BY"},
		right:   []int{1, 5, 6, 7},
	}
	if p.isNarrow() {
		t.hidden = []int{3}
	}
	p.addLayers(t, m)
	p.printf("\n")
	for row := range strings.Lines(t.render(p.room(indent))) {
		p.printf("%s%s", indent, row)
	}
	p.printf("%s%s, %s stored\n", indent, plural(len(m.Layers), "layer"), size(m.LayerSize))
}

func (p *page) addLayers(t *cutTable, m *inspect.Manifest) {
	shown := make([]bool, len(m.Layers))
	for _, step := range m.History {
		created := p.createdBy(step)
		if step.Layer == nil {
			t.add("", "", "", "", "", "", "", p.dim(created))
			continue
		}
		shown[*step.Layer] = true
		p.addLayer(t, *step.Layer, &m.Layers[*step.Layer], created)
	}
	for i := range m.Layers {
		if !shown[i] {
			p.addLayer(t, i, &m.Layers[i], "")
		}
	}
}

func (p *page) addLayer(t *cutTable, i int, layer *inspect.Layer, created string) {
	tar := ""
	if layer.TarSize != nil {
		tar = size(*layer.TarSize)
	}
	kind := string(layer.Compression)
	switch {
	case archive.IsEncrypted(layer.MediaType) && !layer.Absent && layer.Fault == "":
		kind = "encrypted"
	case layer.Compression == codec.None:
		kind = "plain"
	case layer.Absent:
		kind = p.bad("absent")
	case layer.Fault != "":
		kind = p.bad("unreadable")
	}
	used := ""
	if layer.UsedBy > 1 {
		used = fmt.Sprintf("%d×", layer.UsedBy)
	}
	t.add(i, p.digest(layer.Digest), p.digest(layer.DiffID), kind, size(layer.Size), tar, used, created)
}

// blobs prints what an attestation or artifact is made of.
func (p *page) blobs(indent string, m *inspect.Manifest) {
	for i, layer := range m.Layers {
		label := ""
		if i == 0 {
			label = "holds"
		}
		p.field(indent, label, fmt.Sprintf("%s  %s  %s", p.digest(layer.Digest), size(layer.Size), line(layer.MediaType)))
	}
}

// digest is shortened to twelve digits, as docker and git do, unless the whole
// is wanted.
func (p *page) digest(d digest.Digest) string {
	algorithm, encoded, _ := strings.Cut(d.String(), ":")
	if p.whole || len(encoded) <= 12 {
		return line(d.String())
	}
	if algorithm == "sha256" {
		return line(encoded[:12])
	}
	return line(algorithm + ":" + encoded[:12])
}

// createdBy drops what every step of a Dockerfile has.
func (p *page) createdBy(step inspect.Step) string {
	s := line(step.CreatedBy)
	if s == "" {
		s = line(step.Comment)
	}
	if p.whole {
		return s
	}
	s = strings.TrimSuffix(s, " # buildkit")
	_, rest, found := strings.Cut(s, "#(nop) ")
	if found {
		return strings.TrimSpace(rest)
	}
	return s
}

// room is how wide a table may be on the terminal, or 0 for no limit. Lines are
// cut rather than broken, so that a layer is a line.
func (p *page) room(indent string) int {
	if p.width == 0 || p.whole {
		return 0
	}
	return max(p.width-len(indent), 1)
}

// isNarrow reports a terminal without room for the diffIDs, which are the least
// of what one looks for.
func (p *page) isNarrow() bool { return p.width > 0 && p.width < 100 && !p.whole }

func (p *page) totals(s *inspect.Summary) {
	t := s.Totals
	if t.Manifests < 2 {
		return
	}
	p.printf("\n%s, %s for one platform, %s, %s stored", plural(t.Images, "root"), plural(t.Manifests, "image"), plural(t.Layers, "distinct layer"), size(t.LayerSize))
	if t.SharedLayers > 0 {
		p.printf("; %d shared, which saves %s", t.SharedLayers, size(t.SavedSize))
	}
	p.printf("\n")
}
