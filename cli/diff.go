package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/diff"
	"github.com/urfave/cli/v2"
)

const diffDescription = `Compares images level by level: names, index, manifest, config, history, layers,
merged files, sizes and packages. Several images pair by name, the platforms of
an index by platform. Layers of one diffID are the same, and are not read to find
that out; digests are not checked. --layer tells what one layer did, with what it
wastes, and ends with exit code 0. What a PATH of --path matches counts with all
below it; * and ? match within a name, ** matches names. Text folds long lists.

`

const diffExamples = `

EXAMPLES
   imgtool diff old.tar new.tar --semantic
   imgtool diff old.tar new.tar --path /etc --content --ignore times,history`

// diffHelp lists the words of --ignore.
func diffHelp() string {
	var names []string
	for _, w := range diff.Words() {
		if w.Semantic {
			w.Name += "*"
		}
		names = append(names, w.Name)
	}
	const lead = "WORDs of --ignore; --semantic stands for those with a star: "
	return diffDescription + strings.Join(wrap(lead+strings.Join(names, ", "), 80), "\n") + diffExamples
}

func diffCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "diff",
		Aliases:     []string{"compare"},
		Usage:       "tell what differs between images, or layers of one",
		UsageText:   "imgtool diff [FLAGS] A B, or imgtool diff [FLAGS] IMAGE --layer N | --layers N,M",
		Description: diffHelp(),
		Flags: sharedFlags(
			&cli.StringFlag{Name: "layer", Usage: "tell what layer `N` of IMAGE did; -1 is the top"},
			&cli.StringFlag{Name: "layers", Usage: "compare two layers of IMAGE as they stand: `N,M`"},
			&cli.StringSliceFlag{Name: "ignore", Usage: "count `WORD,...` as the same (repeatable)"},
			&cli.BoolFlag{Name: "words", Usage: "list the words of --ignore with what they mean, and stop"},
			&cli.BoolFlag{Name: "semantic", Usage: "ignore what makes no difference at run time"},
			&cli.StringSliceFlag{Name: "path", Usage: "compare files at or below `PATH` alone (repeatable)"},
			&cli.BoolFlag{Name: "content", Usage: "show how text files changed, line by line"},
			&cli.IntFlag{Name: "limit", Value: 40, Usage: "print `N` details a level; 0 prints all"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "print `FORM`: " + listWords(diffForms())},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: ref.Stdio, Usage: "write to `FILE` in place of standard output"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "read `N` layers at once; else one for each CPU"},
		),
		Action: func(c *cli.Context) error { return runDiff(c, env) },
	}
}

// diffForms are what --format takes.
func diffForms() []string { return []string{"text", "json", "markdown", "html"} }

type diffOptions struct {
	refs              []ref.Ref // two images, or one with layers
	images, platforms []string
	layers            []int // none, one, or two to compare
	diff              diff.Options
	limit             int
	format, output    string
}

func runDiff(c *cli.Context, env Env) error {
	if c.Bool("words") {
		return listDiffWords(c, env)
	}
	o, err := readDiffFlags(c)
	if err != nil {
		return err
	}
	same := false
	err = withSession(c, env, func(s *session) error {
		r, err := s.compare(c.Context, o)
		if err != nil {
			return interrupted(c.Context, err)
		}
		same = r.Same || r.Mode == diff.ModeLayer
		return interrupted(c.Context, s.writeDiff(c.Context, r, o))
	})
	if err == nil && !same {
		return told(exitNo)
	}
	return err
}

// listDiffWords tells what can be ignored.
func listDiffWords(c *cli.Context, env Env) error {
	if _, err := operands(c, 0, 0, "no image beside --words"); err != nil {
		return err
	}
	t := &cutTable{painter: stdoutPainter(env), header: []string{"WORD", "SEMANTIC", "IGNORES"}}
	for _, w := range diff.Words() {
		mark := ""
		if w.Semantic {
			mark = "*"
		}
		t.add(w.Name, mark, w.Means)
	}
	_, err := io.WriteString(env.Stdout, t.render(env.StdoutWidth))
	return err
}

func readDiffFlags(c *cli.Context) (diffOptions, error) {
	o := diffOptions{
		images: c.StringSlice("image"), platforms: c.StringSlice("platform"),
		limit: c.Int("limit"), format: c.String("format"), output: c.String("output"),
	}
	if err := o.readOperands(c); err != nil {
		return o, err
	}
	if err := o.readIgnored(c); err != nil {
		return o, err
	}
	o.diff.Paths, o.diff.Content, o.diff.Jobs = c.StringSlice("path"), c.Bool("content"), c.Int("jobs")
	switch {
	case !slices.Contains(diffForms(), o.format):
		return o, usageError(fmt.Sprintf("--format is %s, not %q", listWords(diffForms()), o.format), helpHint(c))
	case o.limit < 0:
		return o, usageError("--limit is a number, or 0 for no limit", helpHint(c))
	case c.IsSet("limit") && (o.format == "json" || o.format == "html"):
		return o, usageError("--limit cuts text and markdown alone", helpHint(c))
	case c.IsSet("jobs") && o.diff.Jobs < 1:
		return o, usageError("--jobs is a number above 0", helpHint(c))
	case slices.Contains(o.diff.Paths, ""):
		return o, usageError("a --path is empty", "the root is /")
	case slices.ContainsFunc(o.refs, func(r ref.Ref) bool { return o.output != ref.Stdio && holds(r.Path, o.output) }):
		return o, usageError(fmt.Sprintf("--output would write to %q, which is to be compared, or lies in what is", o.output), "name another file")
	}
	return o, nil
}

// readOperands reads two images, or one and its layers.
func (o *diffOptions) readOperands(c *cli.Context) error {
	if c.IsSet("layer") && c.IsSet("layers") {
		return usageError("--layer tells of one layer, --layers compares two", "choose one")
	}
	want, what := 2, "two images"
	if c.IsSet("layer") || c.IsSet("layers") {
		want, what = 1, "one image beside --layer and --layers"
	}
	args, err := operands(c, want, want, what)
	if err != nil {
		return err
	}
	if o.refs, err = readVerifyRefs(args, o.images); err != nil {
		return err
	}
	switch {
	case c.IsSet("layer"):
		o.layers, err = readNumbers(c.String("layer"), 1)
	case c.IsSet("layers"):
		o.layers, err = readNumbers(c.String("layers"), 2)
	}
	if err != nil {
		return err
	}
	return nil
}

// readNumbers reads so many numbers of layers.
func readNumbers(s string, count int) ([]int, error) {
	var numbers []int
	for word := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			break
		}
		numbers = append(numbers, n)
	}
	if len(numbers) == count && strings.Count(s, ",") == count-1 {
		return numbers, nil
	}
	const hint = "`imgtool inspect` numbers the layers"
	if count == 1 {
		return nil, usageError(fmt.Sprintf("--layer is a number, not %q", s), hint)
	}
	return nil, usageError(fmt.Sprintf("--layers is two numbers, such as 0,1, not %q", s), hint)
}

// readIgnored reads the words of --ignore and those that --semantic stands for.
func (o *diffOptions) readIgnored(c *cli.Context) error {
	var known []string
	for _, w := range diff.Words() {
		known = append(known, w.Name)
	}
	for _, flag := range c.StringSlice("ignore") {
		for word := range strings.SplitSeq(flag, ",") {
			word = strings.ToLower(strings.TrimSpace(word))
			if !slices.Contains(known, word) {
				return usageError(fmt.Sprintf("--ignore knows no %q", word), "it knows "+listWords(known)+"; --words tells what they mean")
			}
			o.diff.Ignore = append(o.diff.Ignore, word)
		}
	}
	if c.Bool("semantic") {
		o.diff.Ignore = append(o.diff.Ignore, diff.Semantic()...)
	}
	return nil
}

// compare opens what there is to compare, and compares it.
func (s *session) compare(ctx context.Context, o diffOptions) (*diff.Report, error) {
	o.diff.MaxExpansion = s.expand
	if len(o.layers) > 0 {
		return s.compareLayers(ctx, o)
	}
	var inputs [2]diff.Input
	for i, r := range o.refs {
		var err error
		if inputs[i], err = s.diffInput(ctx, r, o); err != nil {
			return nil, err
		}
	}
	bar := s.newMeter("comparing", 0)
	defer bar.stop()
	o.diff.Progress = bar.add
	return diff.Archives(ctx, inputs[0], inputs[1], o.diff)
}

// diffInput opens one side and chooses what is meant of it.
func (s *session) diffInput(ctx context.Context, r ref.Ref, o diffOptions) (diff.Input, error) {
	var in diff.Input
	selected, err := selectors(r, o.images)
	if err != nil {
		return in, err
	}
	if in.Archive, err = s.open(ctx, r); err != nil {
		return in, err
	}
	if in.Images, err = in.Archive.Find(selected...); err != nil {
		return in, err
	}
	in.Platforms, err = choosePlatforms(in.Archive, in.Images, o.platforms)
	return in, err
}

// compareLayers works on layers of one image.
func (s *session) compareLayers(ctx context.Context, o diffOptions) (*diff.Report, error) {
	a, n, err := s.openImage(ctx, o.refs[0], o.images, o.platforms)
	if err != nil {
		return nil, err
	}
	bar := s.newMeter("reading "+o.refs[0].Path, 0)
	defer bar.stop()
	o.diff.Progress = bar.add
	var r *diff.Report
	if len(o.layers) == 1 {
		r, err = diff.Effect(ctx, a, n, o.layers[0], o.diff)
	} else {
		r, err = diff.Layers(ctx, a, n, [2]int(o.layers), o.diff)
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", a.Path, err)
	}
	return r, nil
}

// writeDiff writes the report to where it is wanted.
func (s *session) writeDiff(ctx context.Context, r *diff.Report, o diffOptions) error {
	if o.output == ref.Stdio {
		return printDiff(s.env.Stdout, r, o, pageOptions{painter: stdoutPainter(s.env), width: s.env.StdoutWidth})
	}
	return archive.WriteFile(ctx, o.output, archive.WriteOptions{Warn: s.warn}, func(w io.Writer) error { return printDiff(w, r, o, pageOptions{}) })
}

func printDiff(w io.Writer, r *diff.Report, o diffOptions, page pageOptions) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch o.format {
	case "json":
		err = diff.WriteJSON(&jsonEscaper{w: out}, r)
	case "markdown":
		err = diff.WriteMarkdown(out, r, diff.MarkdownOptions{Limit: o.limit})
	case "html":
		err = diff.WriteHTML(out, r)
	default:
		err = printDiffText(out, r, o.limit, page)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}
