package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"
)

const inspectDescription = `Prints format, images, names, platforms, configs, layers with their history, and
attestations. Reads no layer of a plain archive; a compressed or piped one is
spooled once to TMPDIR.

EXAMPLES
   imgtool inspect image.tar
   imgtool inspect image.tar --format '{{range .Images}}{{.Digest}} {{join .Names " "}}{{"\n"}}{{end}}'`

func inspectCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "inspect",
		Usage:       "tell what is in an archive",
		UsageText:   "imgtool inspect [FLAGS] IMAGE",
		Description: inspectDescription,
		Flags: sharedFlags(
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "print `FORM`: text, json or a Go template"},
			&cli.BoolFlag{Name: "raw", Usage: "print the manifest or index of one image as it is stored"},
			&cli.BoolFlag{Name: "config", Usage: "print the config of one image as it is stored"},
			&cli.BoolFlag{Name: "no-trunc", Usage: "print whole digests and commands"},
		),
		Action: func(c *cli.Context) error { return runInspect(c, env) },
	}
}

type inspectOptions struct {
	ref         ref.Ref
	images      []string
	platforms   []string
	format      string
	raw, config bool
	page        pageOptions
}

func readInspectFlags(c *cli.Context, env Env) (inspectOptions, error) {
	var o inspectOptions
	args, err := operands(c, 1, 1, "one archive")
	if err != nil {
		return o, err
	}
	if o.ref, err = ref.Parse(args[0]); err != nil {
		return o, err
	}
	if o.images, err = selectors(o.ref, c.StringSlice("image")); err != nil {
		return o, err
	}
	o.platforms, o.format = c.StringSlice("platform"), c.String("format")
	o.raw, o.config = c.Bool("raw"), c.Bool("config")
	o.page = pageOptions{
		painter: stdoutPainter(env),
		width:   env.StdoutWidth,
		whole:   c.Bool("no-trunc"),
		part:    len(o.platforms) > 0 && !slices.Contains(o.platforms, "all"),
	}
	switch {
	case o.raw && o.config:
		return o, usageError("--raw and --config print different things", "choose one")
	case (o.raw || o.config) && c.IsSet("format"):
		return o, usageError("--raw and --config print stored bytes and take no --format", helpHint(c))
	case (o.raw || o.config) && len(o.platforms) > 1:
		return o, usageError("--raw and --config take one --platform", helpHint(c))
	}
	return o, nil
}

func runInspect(c *cli.Context, env Env) error {
	o, err := readInspectFlags(c, env)
	if err != nil {
		return err
	}
	summaries := formats[*inspect.Summary]{
		text:   func(w io.Writer, s *inspect.Summary) error { return printPage(w, s, o.page) },
		values: func(s *inspect.Summary) []any { return []any{s} },
		field:  "Format",
	}
	print, err := summaries.printer(o.format)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error {
		a, err := s.open(c.Context, o.ref)
		if err != nil {
			return err
		}
		if o.raw || o.config {
			return printStored(env.Stdout, a, o)
		}
		return printSummary(env.Stdout, a, o, print)
	})
}

// printSummary prints all that can be told, and fails where something could not
// be read.
func printSummary(w io.Writer, a *archive.Archive, o inspectOptions, print printer[*inspect.Summary]) error {
	images, err := a.Find(o.images...)
	if err != nil {
		return err
	}
	platforms, err := choosePlatforms(a, images, o.platforms)
	if err != nil {
		return err
	}
	summary := inspect.Summarize(a, images, platforms...)
	if err := print(w, summary); err != nil {
		return err
	}
	if len(summary.Faults) > 0 {
		return fmt.Errorf("%q: %s", a.Path, strings.Join(summary.Faults, "; "))
	}
	return nil
}

// choosePlatforms reads platforms, each of which at least one image must have.
func choosePlatforms(a *archive.Archive, images []*archive.Image, names []string) ([]archive.PlatformMatcher, error) {
	if slices.Contains(names, "all") {
		return nil, nil
	}
	var roots, instances []*archive.Node
	for _, image := range images {
		roots = append(roots, image.Node)
		instances = append(instances, archive.Instances(image.Node)...)
	}
	var matchers []archive.PlatformMatcher
	for _, name := range names {
		matcher, err := archive.ParsePlatform(name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(instances, func(n *archive.Node) bool { return matcher.Match(n.Platform()) }) {
			return nil, a.NoPlatform(name, roots...)
		}
		matchers = append(matchers, matcher)
	}
	return matchers, nil
}

// printStored prints stored bytes and nothing else.
func printStored(w io.Writer, a *archive.Archive, o inspectOptions) error {
	image, err := a.One(o.images...)
	if err != nil {
		return err
	}
	platform := strings.Join(o.platforms, "")
	if platform == "all" {
		platform = ""
	}
	node := image.Node
	if o.config || platform != "" {
		if node, err = a.Instance(node, platform, hostPlatform()); err != nil {
			return err
		}
	}
	raw, fault := node.Raw, node.Err
	if o.config {
		raw, fault = node.Config.Raw, node.Config.Err
	}
	if fault != nil {
		return fmt.Errorf("%q: %w", a.Path, fault)
	}
	_, err = w.Write(raw)
	return err
}

// hostPlatform is what runs here: Linux images for this machine's processor, on
// macOS and Windows through a virtual machine.
func hostPlatform() ocispec.Platform {
	return ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH}
}

// printer prints a value in the form that --format asks for.
type printer[T any] func(io.Writer, T) error

// formats says what --format means for a command.
type formats[T any] struct {
	text printer[T] // for people
	// values are what a template is run over, one after the other.
	values func(T) []any
	field  string // an example of one that they have
}

// printer reads --format, before any work is done.
func (f formats[T]) printer(format string) (printer[T], error) {
	switch {
	case format == "text":
		return f.text, nil
	case format == "json":
		return func(w io.Writer, v T) error { return printJSON(w, v) }, nil
	case !strings.Contains(format, "{{"):
		return nil, usageError(fmt.Sprintf("--format is text, json or a Go template, not %q", format),
			"a template has fields in it, such as {{."+f.field+"}}")
	}
	parsed, err := template.New("--format").Funcs(templateFuncs).Parse(format)
	if err != nil {
		return nil, usageError(err.Error(), templateHint)
	}
	return func(w io.Writer, v T) error { return printTemplate(w, parsed, f.values(v)) }, nil
}

const templateHint = "the fields are those of --format json, with a capital letter"

// templateFuncs are those that users of docker and skopeo expect.
var templateFuncs = template.FuncMap{
	"json":  func(v any) (string, error) { raw, err := json.Marshal(v); return string(raw), err },
	"join":  func(words []string, by string) string { return strings.Join(words, by) },
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"size":  size,
}

// printTemplate runs t over each value, and ends each with a line end.
func printTemplate(w io.Writer, t *template.Template, values []any) error {
	var out bytes.Buffer
	for _, v := range values {
		start := out.Len()
		if err := t.Execute(&out, v); err != nil {
			return usageError(err.Error(), templateHint)
		}
		if !bytes.HasSuffix(out.Bytes()[start:], []byte("\n")) {
			out.WriteByte('\n')
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

func printJSON(w io.Writer, v any) error {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escapeJSON(out.String()))
	return err
}

// escapeJSON escapes what could steer a terminal and the encoder lets through;
// outside of strings JSON has none of it.
func escapeJSON(s string) string {
	if strings.IndexFunc(s, steers) < 0 {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if steers(r) {
			fmt.Fprintf(&out, "\\u%04x", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

func steers(r rune) bool {
	return r < 0x10000 && r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}
