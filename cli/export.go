package cli

import (
	"context"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const exportDescription = `Writes the merged root filesystem of one image as a tar, as 'docker export' does:
parents before children, sorted, whiteouts gone, hardlinks behind what they link
to. The same filesystem gives the same bytes, however its layers are cut. What a
layer has in another order than that waits in a temporary file in TMPDIR.

EXAMPLES
   imgtool export image.tar -o rootfs.tar
   imgtool export oci:layout:app:v2 | tar x -C rootfs`

func exportCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "export",
		Usage:       "write the merged root filesystem of an image as a tar",
		UsageText:   "imgtool export [FLAGS] IMAGE",
		Description: exportDescription,
		Flags: oneImageFlags(
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: ref.Stdio, Usage: "write to `FILE` in place of standard output"},
			outerFlag(),
		),
		Action: func(c *cli.Context) error { return runExport(c, env) },
	}
}

// rootfsOptions is what export and unpack read.
type rootfsOptions struct {
	ref               ref.Ref
	images, platforms []string
	to                string
}

func readRootfsFlags(c *cli.Context, image, to string) (rootfsOptions, error) {
	o := rootfsOptions{images: c.StringSlice("image"), platforms: c.StringSlice("platform"), to: to}
	var err error
	o.ref, err = ref.Parse(image)
	return o, err
}

func runExport(c *cli.Context, env Env) error {
	if c.NArg() == 2 {
		return usageError("export takes one image; 2 given", "-o FILE names the output")
	}
	args, err := operands(c, 1, 1, "one image")
	if err != nil {
		return err
	}
	o, err := readRootfsFlags(c, args[0], c.String("output"))
	if err != nil {
		return err
	}
	switch {
	case o.to == "":
		return usageError("--output names no file", helpHint(c))
	case o.to == ref.Stdio && env.StdoutWidth > 0:
		return usageError("standard output is a terminal, no place for a tar", "redirect it, or name a file with -o")
	}
	outer, err := readOuter(c)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error {
		return s.withRootfs(c.Context, o, "exporting", func(r *convert.Rootfs, warn func(string)) error {
			return r.Export(c.Context, o.to, archive.WriteOptions{Stdout: env.Stdout, Outer: outer, Warn: warn})
		})
	})
}

// withRootfs opens the filesystem of the one image that is meant, and shows how
// far its use is. What is warned of is told at the end, not across the bar.
func (s *session) withRootfs(ctx context.Context, o rootfsOptions, doing string, use func(r *convert.Rootfs, warn func(string)) error) error {
	a, n, err := s.openImage(ctx, o.ref, o.images, o.platforms)
	if err != nil {
		return err
	}
	bar := s.newMeter(doing+" "+o.ref.Path, layersSize(n)+compressedSize(n))
	defer bar.stop()
	rootfs, err := convert.NewRootfs(a, n, archive.StackOptions{MaxExpansion: s.expand, Progress: bar.add})
	if err != nil {
		return err
	}
	var warnings []string
	err = use(rootfs, func(m string) { warnings = append(warnings, m) })
	bar.stop()
	for _, m := range warnings {
		s.warn(m)
	}
	return interrupted(ctx, err)
}

// layersSize is the stored size of the layers of n. All are read once for what
// there is, and the compressed ones again for the content.
func layersSize(n *archive.Node) int64 {
	var total int64
	for _, l := range n.Layers {
		total += l.Descriptor.Size
	}
	return total
}
