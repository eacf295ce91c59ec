package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
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

// build is what imgtool knows of how it was built.
type build struct {
	SchemaVersion int    `json:"schemaVersion"`
	Version       string `json:"version"`
	// Commit and CommitTime are absent where Go did not know them: it builds
	// from a module, or from files that stand in no git clone.
	Commit     string `json:"commit,omitempty"`
	CommitTime string `json:"commitTime,omitempty"` // RFC 3339, UTC
	// Dirty says that files differed from the commit.
	Dirty     bool             `json:"dirty"`
	GoVersion string           `json:"goVersion"`
	Platform  ocispec.Platform `json:"platform"`
}

func thisBuild() build {
	b := build{
		SchemaVersion: 1,
		Version:       version(),
		GoVersion:     runtime.Version(),
		Platform:      ocispec.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.time":
			b.CommitTime = setting.Value
		case "vcs.modified":
			b.Dirty = setting.Value == "true"
		}
	}
	return b
}

func printBuild(w io.Writer, b build) error {
	commit := b.Commit
	if commit == "" {
		commit = "unknown"
	}
	if b.Dirty {
		commit += "+dirty"
	}
	_, err := fmt.Fprintf(w, "imgtool %s\ncommit %s\n%s %s/%s\n",
		b.Version, commit, b.GoVersion, b.Platform.OS, b.Platform.Architecture)
	return err
}

const versionDescription = `Tells what was built, from which commit, and with which Go. "unknown" stands for the
commit where imgtool was not built in a git clone.

EXAMPLES
   imgtool version
   imgtool version --format '{{.Commit}}'`

func versionCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print version, commit and Go version",
		UsageText:   "imgtool version [FLAGS]",
		Description: versionDescription,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "print `FORM`: text, json or a Go template"},
		},
		Action: func(c *cli.Context) error { return runVersion(c, env) },
	}
}

func runVersion(c *cli.Context, env Env) error {
	if _, err := operands(c, 0, 0, "no operand"); err != nil {
		return err
	}
	builds := formats[build]{
		text:   printBuild,
		values: func(b build) []any { return []any{b} },
		field:  "Version",
	}
	print, err := builds.printer(c.String("format"))
	if err != nil {
		return err
	}
	return print(env.Stdout, thisBuild())
}
