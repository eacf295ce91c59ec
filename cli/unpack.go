package cli

import (
	"os"

	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const unpackDescription = `Writes the merged root filesystem of one image to a new or an empty folder, and
nothing outside of it. Without root, files belong to you, their owners stand in
the attribute user.rootlesscontainers, and device nodes become empty files.

EXAMPLES
   imgtool unpack image.tar rootfs
   imgtool unpack oci:layout:app:v2 rootfs --platform linux/arm64`

func unpackCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "unpack",
		Usage:       "write the merged root filesystem of an image to a folder",
		UsageText:   "imgtool unpack [FLAGS] IMAGE DIR",
		Description: unpackDescription,
		Flags: oneImageFlags(
			&cli.BoolFlag{Name: "rootless", Usage: "unpack as without root, even as root"},
		),
		Action: func(c *cli.Context) error { return runUnpack(c, env) },
	}
}

func runUnpack(c *cli.Context, env Env) error {
	args, err := operands(c, 2, 2, "an image and a folder")
	if err != nil {
		return err
	}
	o, err := readRootfsFlags(c, args[0], args[1])
	if err != nil {
		return err
	}
	if o.to == "" || o.to == ref.Stdio {
		return usageError("a folder is needed to unpack to", "export writes a tar to standard output")
	}
	rootless := c.Bool("rootless") || os.Geteuid() != 0
	return withSession(c, env, func(s *session) error {
		return s.withRootfs(c.Context, o, "unpacking", func(r *convert.Rootfs, warn func(string)) error {
			return r.Unpack(c.Context, o.to, convert.UnpackOptions{Rootless: rootless, Warn: warn})
		})
	})
}
