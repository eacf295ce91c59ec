package cli

import (
	"context"
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const splitDescription = `Writes one file for each image of an archive into a new or an empty folder, called
as the image is. Digests and names stay. 'imgtool convert FILE... DST' is the way
back. Prints the digest and the file of each image.

EXAMPLES
   imgtool split all.tar images
   imgtool split oci:layout images --to oci-archive --outer zstd`

func splitCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "split",
		Usage:       "write one file for each image",
		UsageText:   "imgtool split [FLAGS] SRC DIR",
		Description: splitDescription,
		Flags: sharedFlags(
			&cli.StringFlag{Name: "to", Value: string(ref.DockerArchive), Usage: "files become `FORM`: docker-archive, oci-archive, oci or dir"},
			outerFlag(),
			&cli.BoolFlag{Name: "strip-attestations", Usage: "leave out BuildKit provenance and SBOMs"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be written, and stop"},
		),
		Action: func(c *cli.Context) error { return runSplit(c, env) },
	}
}

type splitOptions struct {
	from   ref.Ref
	dir    string
	to     ref.Transport
	plan   convert.Options
	write  archive.WriteOptions
	dryRun bool
}

func readSplitFlags(c *cli.Context) (splitOptions, error) {
	o := splitOptions{to: ref.Transport(c.String("to")), dryRun: c.Bool("dry-run")}
	args, err := operands(c, 2, 2, "a SRC and a folder")
	if err != nil {
		return o, err
	}
	if o.from, err = ref.Parse(args[0]); err != nil {
		return o, err
	}
	o.dir = args[1]
	switch o.to {
	case ref.DockerArchive, ref.OCIArchive, ref.OCI, ref.Dir:
	default:
		return o, usageError(fmt.Sprintf("--to is docker-archive, oci-archive, oci or dir, not %q", o.to), helpHint(c))
	}
	if o.dir == ref.Stdio {
		return o, usageError("a folder is needed to split to", helpHint(c))
	}
	if o.from.Image != "" && c.IsSet("image") {
		return o, usageError(fmt.Sprintf("SRC names image %q, and --image another", o.from.Image), "choose in one place")
	}
	o.plan = convert.Options{
		Images:            c.StringSlice("image"),
		Platforms:         c.StringSlice("platform"),
		StripAttestations: c.Bool("strip-attestations"),
	}
	if o.write.Outer, err = readOuter(c); err != nil {
		return o, err
	}
	return o, archive.CheckOuter(o.to, o.write.Outer)
}

func runSplit(c *cli.Context, env Env) error {
	o, err := readSplitFlags(c)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error { return s.split(c.Context, o) })
}

func (s *session) split(ctx context.Context, o splitOptions) error {
	sources, err := s.openSources(ctx, []ref.Ref{o.from})
	if err != nil {
		return err
	}
	plan, err := convert.NewSplit(sources[0], o.dir, o.to, o.plan)
	if err != nil {
		return err
	}
	if o.dryRun {
		return printParts(s, "would write", plan, nil)
	}
	bar := s.newMeter("splitting "+o.from.Path, 0)
	defer bar.stop()
	o.write.Progress, o.write.Warn = bar.add, func(m string) { bar.stop(); s.warn(m) }
	digests, err := plan.Run(ctx, o.write)
	bar.stop()
	if err != nil {
		return interrupted(ctx, err)
	}
	return printParts(s, "", plan, digests)
}

// printParts prints the files, with the digests of what was written to them.
func printParts(s *session, would string, plan *convert.SplitPlan, digests []string) error {
	for i, part := range plan.Parts {
		digest := part.Digest()
		if digests != nil {
			digest = digests[i]
		}
		if would != "" {
			digest = would + " " + digest
		}
		if _, err := fmt.Fprintf(s.env.Stdout, "%s %s\n", digest, line(part.Name)); err != nil {
			return err
		}
	}
	return nil
}
