package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const flattenDescription = `Merges layers to one, of every image and platform that is chosen, and keeps the
merged filesystem: the new layer is read back and compared with what was there
before anything is written. Whiteouts that still matter stay. With --last or
--from, the layers below keep their digests. Takes DST as convert does.

EXAMPLES
   imgtool flatten image.tar flat.tar
   imgtool flatten oci:layout:app:v2 oci:flat --last 3 --compress zstd`

func flattenCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "flatten",
		Aliases:     []string{"squash"},
		Usage:       "merge layers and keep the filesystem",
		UsageText:   "imgtool flatten [FLAGS] SRC DST",
		Description: flattenDescription,
		Flags: writingFlags(
			&cli.IntFlag{Name: "last", Usage: "merge the `N` uppermost layers only"},
			&cli.StringFlag{Name: "from", Usage: "merge `LAYER` and those above: a number from 0, digest or diffID"},
			&cli.StringFlag{Name: "history", Value: "merge", Usage: "`WHAT` becomes of merged steps: merge, keep or drop"},
			compressFlag(),
		),
		Action: func(c *cli.Context) error { return runFlatten(c, env) },
	}
}

func readFlattenFlags(c *cli.Context, env Env) (convertOptions, convert.FlattenOptions, error) {
	var f convert.FlattenOptions
	args, err := operands(c, 2, 2, "a SRC and a DST")
	if err != nil {
		return convertOptions{}, f, err
	}
	o, err := readConvertFlags(c, env, args)
	if err != nil {
		return o, f, err
	}
	f = convert.FlattenOptions{
		Options:  o.plan,
		Last:     c.Int("last"),
		From:     c.String("from"),
		History:  convert.HistoryPolicy(c.String("history")),
		Compress: o.compress,
	}
	switch {
	case c.IsSet("last") && f.Last <= 0:
		return o, f, usageError("--last is a number above 0", helpHint(c))
	case c.IsSet("last") && c.IsSet("from"):
		return o, f, usageError("--last and --from both say what to merge", "choose one")
	case c.IsSet("from") && f.From == "":
		return o, f, usageError("--from names no layer", helpHint(c))
	}
	switch f.History {
	case convert.HistoryMerge, convert.HistoryKeep, convert.HistoryDrop:
	default:
		return o, f, usageError(fmt.Sprintf("--history is merge, keep or drop, not %q", f.History), helpHint(c))
	}
	return o, f, nil
}

func runFlatten(c *cli.Context, env Env) error {
	o, f, err := readFlattenFlags(c, env)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error { return s.flatten(c.Context, o, f) })
}

func (s *session) flatten(ctx context.Context, o convertOptions, f convert.FlattenOptions) error {
	sources, err := s.openSources(ctx, o.sources)
	if err != nil {
		return err
	}
	plan, err := convert.NewFlatten(sources, o.to, f)
	if err != nil {
		return err
	}
	for _, note := range plan.Plan.Notes {
		s.warn(note)
	}
	if o.dryRun {
		return printMerges(s.env.Stdout, plan)
	}
	if err := s.runFlatten(ctx, plan, o); err != nil {
		return interrupted(ctx, err)
	}
	return printDigests(s.env, plan.Plan)
}

func (s *session) runFlatten(ctx context.Context, plan *convert.FlattenPlan, o convertOptions) error {
	var total int64
	for _, m := range plan.Merges { // read for what there is and for the content, read back, and written, if as large as before
		total += 2*layersSize(m.Image) + 2*compressedSize(m.Image)
	}
	bar := s.newMeter("flattening", total)
	defer bar.stop()
	opts := s.runOptions(bar, o)
	opts.Progress = bar.add
	var notes []string // told at the end, not across the bar
	opts.Warn = func(m string) { notes = append(notes, m) }
	err := plan.Run(ctx, opts)
	bar.stop()
	for _, note := range notes {
		s.warn(note)
	}
	return err
}

// runOptions are those of work that makes layers, shown by bar.
func (s *session) runOptions(bar meter, o convertOptions) convert.RunOptions {
	return convert.RunOptions{
		WriteOptions: archive.WriteOptions{Stdout: s.env.Stdout, Outer: o.outer, Warn: func(m string) { bar.stop(); s.warn(m) }},
		Stack:        archive.StackOptions{MaxExpansion: s.expand, Progress: bar.add},
	}
}

// printMerges tells what flatten would merge.
func printMerges(w io.Writer, plan *convert.FlattenPlan) error {
	_, err := fmt.Fprintf(w, "would write %s: %s to flatten\n", plan.Plan.To, plural(len(plan.Merges), "image"))
	for _, m := range plan.Merges {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s %s: layers %d to %d of %d, %s, become one (%s)\n", m.Image.Descriptor.Digest,
			archive.FormatPlatform(m.Image.Platform()), m.Base, len(m.Image.Layers)-1, len(m.Image.Layers), size(m.Size()), m.Compress)
	}
	return err
}
