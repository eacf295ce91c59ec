package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// shells are the shells that completion scripts are made for.
var shells = map[string]func(*cli.App) (string, error){
	"bash": bashCompletion,
	"zsh":  zshCompletion,
	"fish": (*cli.App).ToFishCompletion,
}

func completionCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "completion",
		Usage:       "print a completion script for bash, zsh or fish",
		UsageText:   "imgtool completion bash|zsh|fish",
		Description: "EXAMPLES\n   source <(imgtool completion bash)\n   imgtool completion fish > ~/.config/fish/completions/imgtool.fish",
		Action: func(c *cli.Context) error {
			args, err := operands(c, 1, 1, "one shell")
			if err != nil {
				return err
			}
			make, ok := shells[args[0]]
			if !ok {
				return usageError(fmt.Sprintf("no completion for %q", args[0]),
					"it is one of "+strings.Join(slices.Sorted(maps.Keys(shells)), ", "))
			}
			script, err := make(c.App)
			if err != nil {
				return err
			}
			_, err = io.WriteString(env.Stdout, script)
			return err
		},
	}
}

// completionWords gives, for each command, the flags that complete it.
func completionWords(app *cli.App) (commands []string, flags map[string]string) {
	flags = map[string]string{}
	for _, command := range app.VisibleCommands() {
		commands = append(commands, command.Name)
		var words []string
		for _, flag := range command.VisibleFlags() {
			words = append(words, "--"+flag.Names()[0])
		}
		flags[command.Name] = strings.Join(words, " ")
	}
	return commands, flags
}

// bashCompletion completes commands, flags, and files for all else.
func bashCompletion(app *cli.App) (string, error) {
	commands, flags := completionWords(app)
	var out strings.Builder
	fmt.Fprintf(&out, "# bash completion for imgtool\n_imgtool() {\n")
	fmt.Fprintf(&out, "  local word=${COMP_WORDS[COMP_CWORD]} words=\n")
	fmt.Fprintf(&out, "  if [ \"$COMP_CWORD\" -eq 1 ]; then words=%q\n", strings.Join(commands, " "))
	fmt.Fprintf(&out, "  else case ${COMP_WORDS[1]} in\n")
	for _, command := range commands {
		fmt.Fprintf(&out, "    %s) words=%q;;\n", command, flags[command])
	}
	fmt.Fprintf(&out, "  esac; [[ $word == -* ]] || words=; fi\n")
	fmt.Fprintf(&out, "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n")
	fmt.Fprintf(&out, "  [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default\n}\n")
	fmt.Fprintf(&out, "complete -F _imgtool imgtool\n")
	return out.String(), nil
}

// zshCompletion does the same with the words of zsh.
func zshCompletion(app *cli.App) (string, error) {
	commands, flags := completionWords(app)
	var out strings.Builder
	fmt.Fprintf(&out, "#compdef imgtool\n_imgtool() {\n")
	fmt.Fprintf(&out, "  if (( CURRENT == 2 )); then compadd -- %s; return; fi\n", strings.Join(commands, " "))
	fmt.Fprintf(&out, "  if [[ $PREFIX == -* ]]; then\n    case $words[2] in\n")
	for _, command := range commands {
		fmt.Fprintf(&out, "      %s) compadd -- %s;;\n", command, flags[command])
	}
	fmt.Fprintf(&out, "    esac\n    return\n  fi\n  _files\n}\ncompdef _imgtool imgtool\n")
	return out.String(), nil
}
