package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/imgtool/imgtool/inspect"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
)

const historyDescription = `Prints the steps that made an image, the newest first as docker does: the number
of the layer that each made, or - for none, its stored size, and its tar size
where it is not compressed. A template is run for each step in that order;
--format json is one object with the steps in the order of the config, the
oldest first. Where the config's steps and the layers do not fit, that is told.

EXAMPLES
   imgtool history image.tar
   imgtool history image.tar --format '{{.Layer}} {{.Size}} {{.CreatedBy}}'`

func historyCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "history",
		Usage:       "tell the steps that made an image, with sizes",
		UsageText:   "imgtool history [FLAGS] IMAGE",
		Description: historyDescription,
		Flags: oneImageFlags(
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "print `FORM`: text, json or a Go template"},
			&cli.BoolFlag{Name: "no-trunc", Usage: "print whole commands and comments"},
		),
		Action: func(c *cli.Context) error { return runHistory(c, env) },
	}
}

func runHistory(c *cli.Context, env Env) error {
	args, err := operands(c, 1, 1, "one image")
	if err != nil {
		return err
	}
	image, err := readOneImage(c, args[0])
	if err != nil {
		return err
	}
	o := pageOptions{painter: stdoutPainter(env), width: env.StdoutWidth, whole: c.Bool("no-trunc")}
	histories := formats[*inspect.History]{
		text:   func(w io.Writer, h *inspect.History) error { return printSteps(w, h, o) },
		values: newestFirst,
		field:  "CreatedBy",
	}
	print, err := histories.printer(c.String("format"))
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error { return s.history(c.Context, image, print) })
}

// history prints all that can be told, and fails where the config could not be
// read.
func (s *session) history(ctx context.Context, image oneImage, print printer[*inspect.History]) error {
	a, n, err := s.openImage(ctx, image.ref, image.images, image.platforms)
	if err != nil {
		return err
	}
	h := inspect.NewHistory(a, n)
	if err := print(s.env.Stdout, h); err != nil {
		return err
	}
	for _, note := range h.Notes {
		s.warn(fmt.Sprintf("%q: %s", a.Path, note))
	}
	if h.Fault != "" {
		return fmt.Errorf("%q: %w", a.Path, errors.New(h.Fault))
	}
	return nil
}

// templateStep has the layer as the page shows it.
type templateStep struct {
	inspect.HistoryStep
	Layer string
}

func newestFirst(h *inspect.History) []any {
	var steps []any
	for _, step := range slices.Backward(h.Steps) {
		steps = append(steps, templateStep{step, layerOf(step)})
	}
	return steps
}

func layerOf(s inspect.HistoryStep) string {
	if s.Layer == nil {
		return "-"
	}
	return fmt.Sprint(*s.Layer)
}

// printSteps prints a step a line, the newest first.
func printSteps(w io.Writer, h *inspect.History, o pageOptions) error {
	p := &page{pageOptions: o}
	t := &cutTable{
		painter: p.painter,
		header:  []string{"LAYER", "CREATED (UTC)", "STORED", "TAR", "COMMENT", "CREATED BY"},
		right:   []int{1, 3, 4},
	}
	for _, step := range slices.Backward(h.Steps) {
		p.addStep(t, step)
	}
	_, err := io.WriteString(w, t.render(p.room("")))
	return err
}

func (p *page) addStep(t *cutTable, s inspect.HistoryStep) {
	stored, tar, created := "", "", ""
	if s.Layer != nil {
		stored = size(s.Size)
	}
	switch {
	case s.Absent:
		tar = p.bad("absent")
	case s.Fault != "":
		tar = p.bad("unreadable")
	case s.TarSize != nil:
		tar = size(*s.TarSize)
	}
	if s.Created != nil {
		created = s.Created.UTC().Format(time.DateTime)
	}
	command := p.createdBy(inspect.Step{CreatedBy: s.CreatedBy})
	if s.Layer == nil {
		command = p.dim(command)
	}
	t.add(layerOf(s), created, stored, tar, p.comment(s.Comment), command)
}

// buildkitComment stands at every step that BuildKit made.
const buildkitComment = "buildkit.dockerfile.v0"

// comment leaves out and cuts what is of little use in a table.
func (p *page) comment(s string) string {
	const most = 30 // columns
	switch s = line(s); {
	case p.whole:
		return s
	case s == buildkitComment:
		return ""
	}
	return text.Snip(s, most, "…")
}
