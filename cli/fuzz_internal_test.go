package cli

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// FuzzArgs: flags and operands mean the same in any order, sorting them twice is
// sorting them once, and whatever is typed ends without a panic. The words of a
// line stand on lines.
func FuzzArgs(f *testing.F) {
	f.Add("convert", "--compress\nzstd:3\n--quiet\n--image=@0", "a.tar\noci:b", uint8(1))
	f.Add("verify", "--max-expansion\n-1\n--format\njson", "a.tar", uint8(0))
	f.Add("diff", "--max-expansion=0x10\n-q\n--no-such", "a\n-\nb", uint8(2))
	f.Add("flatten", "--last\n9223372036854775808\n--from", "--\n--last", uint8(1))
	f.Add("ls", "---q\n-\n--", "", uint8(0))
	f.Add("help", "convert", "--help", uint8(0))
	f.Fuzz(func(t *testing.T, command, flagLines, operandLines string, at uint8) {
		app := quietApp()
		flags, operands := strings.Split(flagLines, "\n"), strings.Split(operandLines, "\n")
		args := slices.Concat([]string{"imgtool", command}, flags, operands)
		sorted := sortArgs(app.Commands, slices.Clone(args))
		if isCommand := command != "help" && command != "--version"; isCommand {
			if again := sortArgs(app.Commands, slices.Clone(sorted)); !slices.Equal(sorted, again) {
				t.Errorf("sortArgs(%q) = %q, and sorted again %q", args, sorted, again)
			}
		}
		_ = app.RunContext(context.Background(), sorted)
		checkOrder(t, app.Commands, command, flags, operands, int(at))
	})
}

// checkOrder puts flags that stand together behind any number of operands.
func checkOrder(t *testing.T, commands []*cli.Command, command string, flags, operands []string, at int) {
	t.Helper()
	i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(command) })
	isFlag := func(s string) bool { return strings.HasPrefix(s, "-") && s != "-" }
	if i < 0 || slices.ContainsFunc(operands, isFlag) {
		return
	}
	valued := valuedFlags(commands[i].Flags)
	for j := 0; j < len(flags); j++ {
		switch {
		case !isFlag(flags[j]) || flags[j] == "--":
			return
		case valued[strings.TrimLeft(flags[j], "-")]:
			if j++; j == len(flags) {
				return // its value is missing
			}
		}
	}
	at %= len(operands) + 1
	first := slices.Concat([]string{"imgtool", command}, flags, operands)
	moved := slices.Concat([]string{"imgtool", command}, operands[:at], flags, operands[at:])
	want, got := sortArgs(commands, first), sortArgs(commands, moved)
	if !slices.Equal(want, got) {
		t.Errorf("sortArgs(%q) = %q, and of %q = %q", first, want, moved, got)
	}
}

// quietApp is the app with commands that read the flags that all have, and do
// nothing.
func quietApp() *cli.App {
	env := Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }}
	app := newApp(env)
	for _, command := range app.Commands {
		command.Action = func(c *cli.Context) error {
			s, err := newSession(c, env)
			if err == nil && slices.ContainsFunc(command.Flags, func(f cli.Flag) bool { return f.Names()[0] == "max-expansion" }) && s.expand <= 0 {
				panic("an expansion that is no limit")
			}
			return err
		}
	}
	return app
}
