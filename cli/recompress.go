package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const recompressDescription = `Does what convert --compress does: layers change their compression and nothing
else. diffIDs stay and are checked; digests of manifests and configs that name
the layers change. A layer that is compressed so already is copied as it is.

EXAMPLES
   imgtool recompress image.tar oci:small --compress zstd:19
   imgtool recompress oci:layout plain.tar --compress none`

func recompressCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "recompress",
		Usage:       "change the compression of layers",
		UsageText:   "imgtool recompress [FLAGS] SRC... DST --compress HOW",
		Description: recompressDescription,
		Flags:       writingFlags(compressFlag(), signaturesFlag(), cacheFlag(), cacheSizeFlag()),
		Action: func(c *cli.Context) error {
			if !c.IsSet("compress") {
				return usageError("--compress says what layers become, and is not given", helpHint(c))
			}
			return runConvert(c, env)
		},
	}
}

// recompress converts and changes the compression of layers.
func (s *session) recompress(ctx context.Context, sources []convert.Source, o convertOptions) error {
	plan, err := convert.NewRecompress(sources, o.to, convert.RecompressOptions{Options: o.plan, Compress: o.compress, Signatures: o.signatures})
	if err != nil {
		return err
	}
	if len(plan.Images) == 0 {
		return s.copy(ctx, sources, o)
	}
	for _, note := range plan.Plan.Notes {
		s.warn(note)
	}
	if o.dryRun {
		return printRecompressions(s.env.Stdout, plan, o)
	}
	if err := s.runRecompress(ctx, plan, o); err != nil {
		return interrupted(ctx, err)
	}
	return printDigests(s.env, plan.Plan)
}

func (s *session) runRecompress(ctx context.Context, plan *convert.RecompressPlan, o convertOptions) error {
	bar := s.newMeter("recompressing", plan.Size())
	defer bar.stop()
	opts := s.runOptions(bar, o)
	if o.cacheDir != "" {
		cache, err := convert.OpenCache(o.cacheDir, o.cacheSize, func(m string) { bar.stop(); s.warn(m) })
		if err != nil {
			return err
		}
		opts.Cache = cache
	}
	return errors.Join(plan.Run(ctx, opts), opts.Cache.Trim())
}

// printRecompressions tells which layers would change.
func printRecompressions(w io.Writer, plan *convert.RecompressPlan, o convertOptions) error {
	_, err := fmt.Fprintf(w, "would write %s: %s of %s become %s\n", plan.Plan.To, plural(len(plan.Layers), "layer"),
		plural(len(plan.Images), "image"), o.compress)
	for _, l := range plan.Layers {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "  %s %12d %s\n", l.Descriptor.Digest, l.Descriptor.Size, l.Compression)
	}
	return err
}
