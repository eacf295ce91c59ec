package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// release is set by the linker for a release build.
var release string

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// commit is the revision that the binary was built from, where Go knows it.
func commit() string {
	revision, dirty := "unknown", ""
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return revision
	}
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "+dirty"
		}
	}
	return revision + dirty
}

func versionCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print version, commit and Go version",
		UsageText:   "imgtool version",
		Description: "EXAMPLES\n   imgtool version\n   imgtool version | head -n 1",
		Action: func(c *cli.Context) error {
			if _, err := operands(c, 0, 0, "no operand"); err != nil {
				return err
			}
			_, err := fmt.Fprintf(env.Stdout, "imgtool %s\ncommit %s\n%s %s/%s\n",
				version(), commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
