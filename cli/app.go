// Package cli is the command line of imgtool. Each command reads its flags, calls
// one function of convert or inspect, and prints. Nothing else in the module
// touches the environment, the standard streams or exit codes.
package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Env is the world that a command runs in.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Getenv gives environment variables.
	Getenv func(string) string
	// Width is the width of a terminal in columns, or 0 for no terminal.
	StdoutWidth, StderrWidth int
}

// System is the world of this process.
func System() Env {
	return Env{
		Stdin:       os.Stdin,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
		Getenv:      os.Getenv,
		StdoutWidth: terminalWidth(os.Stdout),
		StderrWidth: terminalWidth(os.Stderr),
	}
}

func terminalWidth(f *os.File) int {
	if !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// Main runs one command line and gives its exit code. A first interrupt cancels
// what is under way, a second one kills.
func Main(ctx context.Context, args []string, env Env) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	app := newApp(env)
	err := app.RunContext(ctx, sortArgs(app.Commands, args))
	return report(env.Stderr, err)
}

func newApp(env Env) *cli.App {
	app := &cli.App{
		Name:                      "imgtool",
		Usage:                     "inspect and convert container image archives, offline",
		UsageText:                 "imgtool COMMAND [FLAGS] IMAGE...",
		Description:               appDescription,
		Version:                   version(),
		Writer:                    env.Stdout,
		ErrWriter:                 env.Stderr,
		HideHelp:                  true, // ours is below
		Flags:                     []cli.Flag{helpFlag()},
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		CustomAppHelpTemplate:     appHelp,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              onUsageError,
		Action:                    withoutCommand,
		Commands: []*cli.Command{
			inspectCommand(env),
			lsCommand(env),
			catCommand(env),
			historyCommand(env),
			convertCommand(env),
			recompressCommand(env),
			repairCommand(env),
			flattenCommand(env),
			splitCommand(env),
			exportCommand(env),
			unpackCommand(env),
			verifyCommand(env),
			diffCommand(env),
			completionCommand(env),
			versionCommand(env),
		},
	}
	for _, command := range app.Commands {
		command.CustomHelpTemplate = commandHelp(command)
		command.OnUsageError = onUsageError
		command.HideHelp = true
		command.Flags = append(command.Flags, helpFlag())
	}
	return app
}

// helpFlag stands in for the parser's own, which all apps of a process share and
// write to.
func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
}

// withoutCommand is what runs where no known command was named.
func withoutCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return usageError("no command given", "`imgtool --help` lists the commands")
	}
	name := c.Args().First()
	return usageError("unknown command \""+name+"\"", suggestCommand(c.App.Commands, name))
}
