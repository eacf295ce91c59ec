package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// exitCodes stands in every help text.
const exitCodes = `EXIT CODES
   0  done, nothing to report
   1  done, and the answer is no
   2  could not be done: usage, unreadable or malformed input, I/O, interrupted`

// references stands in every help text of a command that opens archives.
const references = `IMAGES
   PATH                          any archive; its form is found out by content
   docker-archive:PATH[:NAME]    docker save tar      oci-archive:PATH[:REF]  OCI layout in a tar
   oci:PATH[:REF]                OCI layout folder    dir:PATH                skopeo's folder
   -                             standard input or standard output`

const appDescription = `Reads docker-save archives of every age, OCI layouts and dir: folders, plain or
compressed, without a daemon, a registry, root or a network.`

// appHelp is the template of `imgtool --help`.
const appHelp = `imgtool - {{.Usage}}

{{.Description}}

USAGE
   {{.UsageText}}

COMMANDS
{{range .VisibleCommands}}   {{printf "%-12s" .Name}}{{.Usage}}
{{end}}
EXAMPLES
   imgtool inspect image.tar
   imgtool convert image.tar oci:layout

` + references + `

` + exitCodes + `

'imgtool COMMAND --help' tells more about a command.
`

// commandHelp is what `imgtool COMMAND --help` prints. It is no template, for the
// parser's own words each flag in half a line.
func commandHelp(c *cli.Command) string {
	help := fmt.Sprintf("imgtool %s - %s\n\nUSAGE\n   %s\n\n%s\n\n", c.Name, c.Usage, c.UsageText, c.Description)
	if len(c.Flags) > 0 {
		help += "FLAGS\n" + flagLines(c.Flags) + "\n"
	}
	return verbatim(help + exitCodes + "\n")
}

// verbatim makes text a template that gives the text.
func verbatim(text string) string {
	return strings.ReplaceAll(text, "{{", `{{"{{"}}`)
}

// flagLines describes each flag on one line.
func flagLines(flags []cli.Flag) string {
	var out strings.Builder
	for _, flag := range flags {
		documented, ok := flag.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := cutPlaceholder(documented.GetUsage())
		var names []string
		for _, name := range flag.Names() {
			names = append(names, strings.Repeat("-", min(len(name), 2))+name)
		}
		head := strings.Join(names, ", ")
		if documented.TakesValue() {
			head += " " + value
		}
		fmt.Fprintf(&out, "   %-32s %s\n", head, usage)
	}
	return out.String()
}

// cutPlaceholder takes the name of a flag's value, in back quotes, out of its
// usage, and keeps the word there.
func cutPlaceholder(usage string) (value, text string) {
	_, rest, _ := strings.Cut(usage, "`")
	value, _, _ = strings.Cut(rest, "`")
	return value, strings.ReplaceAll(usage, "`", "")
}
