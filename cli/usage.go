package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/inspect/printable"
	"github.com/urfave/cli/v2"
)

// The exit codes, the same for every command.
const (
	exitDone = 0 // done, nothing to report
	exitNo   = 1 // done, and the answer is no
	exitFail = 2 // could not be done
)

// told ends a command that has printed all there is to say, with an exit code.
type told int

func (t told) Error() string { return fmt.Sprintf("exit code %d", int(t)) }

// report prints err, unless that was done, and gives the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if code, ok := err.(told); ok { // not errors.As: what else it is joined with was not printed
		return int(code)
	}
	printError(stderr, err)
	return exitFail
}

// printError prints err, and its hint on a second line.
func printError(stderr io.Writer, err error) {
	say(stderr, strings.ReplaceAll(err.Error(), "\n", "; ")) // [errors.Join] makes lines
	var hint interface{ Hint() string }
	if errors.As(err, &hint) && hint.Hint() != "" {
		first, rest, _ := strings.Cut(hint.Hint(), "\n")
		say(stderr, first)
		for line := range strings.Lines(rest) {
			fmt.Fprintln(stderr, printable.String(strings.TrimSuffix(line, "\n")))
		}
	}
}

// say prints one message for people, on one line.
func say(stderr io.Writer, message string) {
	fmt.Fprintf(stderr, "imgtool: %s\n", printable.String(message))
}

// usage is an error in the command line.
type usage struct{ message, hint string }

func (u *usage) Error() string { return u.message }
func (u *usage) Hint() string  { return u.hint }

func usageError(message, hint string) error { return &usage{message, hint} }

// onUsageError words the parser's errors as the rest of ours.
func onUsageError(c *cli.Context, err error, _ bool) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: ")
	if !unknown {
		return usageError(err.Error(), helpHint(c))
	}
	name = strings.TrimLeft(name, "-")
	flags := c.App.Flags
	if c.Command != nil {
		flags = c.Command.Flags
	}
	hint := helpHint(c)
	if c.Command == nil || c.Command.Name == c.App.Name {
		hint = "flags follow the command; " + hint
	}
	if near := cli.SuggestFlag(flags, name, true); isNear(strings.TrimLeft(near, "-"), name) {
		hint = fmt.Sprintf("did you mean %s? %s", near, hint)
	}
	return usageError("unknown flag --"+name, hint)
}

func helpHint(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == "" || c.Command.Name == c.App.Name {
		return "see `imgtool --help`"
	}
	return fmt.Sprintf("see `imgtool %s --help`", c.Command.Name)
}

// suggestCommand gives a hint for a command that is not known. The library words
// its suggestion as a sentence of its own.
func suggestCommand(commands []*cli.Command, name string) string {
	const list = "`imgtool --help` lists the commands"
	near := strings.Trim(strings.TrimPrefix(cli.SuggestCommand(commands, name), "Did you mean "), "\"?")
	if !isNear(near, name) {
		return list
	}
	return fmt.Sprintf("did you mean %q? %s", near, list)
}

// isNear tells a suggestion for a slip from the library's best of bad ones.
func isNear(suggestion, name string) bool {
	return len(suggestion) > 1 && name != "" && suggestion[0] == name[0]
}

// sortArgs puts flags before operands, since the parser stops at the first
// operand and people write flags anywhere. What follows `--` is operands.
// `help COMMAND` becomes `COMMAND --help`, and `--version` the command.
func sortArgs(commands []*cli.Command, args []string) []string {
	switch {
	case len(args) < 2:
		return args
	case args[1] == "help":
		return append(append(args[:1:1], args[2:]...), "--help")
	case args[1] == "--version":
		return append(args[:1:1], "version")
	}
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[1]) })
	if i < 0 {
		return args
	}
	valued := valuedFlags(commands[i].Flags)
	flags, operands := args[:2:2], []string{"--"}
	for rest := args[2:]; len(rest) > 0; rest = rest[1:] {
		arg := rest[0]
		switch {
		case arg == "--":
			operands = append(operands, rest[1:]...)
			return append(flags, operands...)
		case !strings.HasPrefix(arg, "-") || arg == "-":
			operands = append(operands, arg)
		case valued[strings.TrimLeft(arg, "-")] && len(rest) == 1:
			return append(flags, arg) // the parser says that its value is missing
		case valued[strings.TrimLeft(arg, "-")]:
			flags = append(flags, arg, rest[1])
			rest = rest[1:]
		default:
			flags = append(flags, arg)
		}
	}
	return append(flags, operands...)
}

// valuedFlags are the flags that take the next argument as their value.
func valuedFlags(flags []cli.Flag) map[string]bool {
	valued := map[string]bool{}
	for _, flag := range flags {
		if takes, ok := flag.(cli.DocGenerationFlag); ok && takes.TakesValue() {
			for _, name := range flag.Names() {
				valued[name] = true
			}
		}
	}
	return valued
}

// operands checks how many operands a command has.
func operands(c *cli.Context, least, most int, what string) ([]string, error) {
	n := c.NArg()
	if n < least || most >= 0 && n > most {
		return nil, usageError(fmt.Sprintf("%s takes %s; %d given", c.Command.Name, what, n), helpHint(c))
	}
	return c.Args().Slice(), nil
}
