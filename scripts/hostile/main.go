// Command hostile writes archives that are corrupt, hostile or odd to a folder, for
// tests of programs that read archives, with a list of them in index.txt.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgtool/imgtool/archive/archivetest/hostile"
)

const usage = `Usage: hostile [-heavy] [-case NAME] DIR

Writes each hostile archive to DIR/NAME, a file or a folder, and tells in
DIR/index.txt what is wrong with each and what verify must find.
`

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "hostile: %v\n", err)
		os.Exit(2)
	}
}

func run(args []string, messages io.Writer) error {
	flags := flag.NewFlagSet("hostile", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() { fmt.Fprint(messages, usage); flags.PrintDefaults() }
	heavy := flags.Bool("heavy", false, "write those that are large too, some GiB")
	only := flags.String("case", "", "write `NAME` alone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("want one folder, got %q", flags.Args())
	}
	return writeAll(flags.Arg(0), func(c hostile.Case) bool {
		return c.Name == *only || *only == "" && (*heavy || !c.Heavy)
	})
}

// writeAll writes the cases that are wanted, and the list of them.
func writeAll(dir string, wanted func(hostile.Case) bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var index strings.Builder
	for _, c := range hostile.Cases() {
		if !wanted(c) {
			continue
		}
		if err := c.Write(filepath.Join(dir, c.Name)); err != nil {
			return err
		}
		fmt.Fprintf(&index, "%s\n  %s\n", c.Name, c.About)
		if len(c.Rules) > 0 {
			fmt.Fprintf(&index, "  %s\n", strings.Join(c.Rules, " "))
		}
	}
	if index.Len() == 0 {
		return fmt.Errorf("no such case")
	}
	return os.WriteFile(filepath.Join(dir, "index.txt"), []byte(index.String()), 0o644)
}
