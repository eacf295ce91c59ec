package cli

import (
	"context"

	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const repairDescription = `Mends archives that do not load, without a change to any layer: leaves out what an
index names and the archive does not hold, and attestations; sets right the media
types, sizes and platforms that descriptors state; makes index.json, manifest.json
and repositories anew, from the blobs where they are lost. Says what it mended.
Docker-save 1.0 becomes what Docker takes today. Takes DST as convert does.

EXAMPLES
   imgtool repair broken.tar mended.tar
   imgtool repair nameless.tar mended.tar --name app:v1`

func repairCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "repair",
		Aliases:     []string{"fix"},
		Usage:       "mend an archive that does not load",
		UsageText:   "imgtool repair [FLAGS] SRC DST",
		Description: repairDescription,
		Flags:       outputFlags(),
		Action:      func(c *cli.Context) error { return runRepair(c, env) },
	}
}

func runRepair(c *cli.Context, env Env) error {
	args, err := operands(c, 2, 2, "a SRC and a DST")
	if err != nil {
		return err
	}
	o, err := readConvertFlags(c, env, args)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error { return s.repair(c.Context, o) })
}

func (s *session) repair(ctx context.Context, o convertOptions) error {
	s.mend = true
	sources, err := s.openSources(ctx, o.sources)
	if err != nil {
		return err
	}
	plan, err := convert.NewRepair(sources, o.to, o.plan)
	if err != nil {
		return err
	}
	return s.carryOut(ctx, plan, o)
}
