// Command imgtool works on container image archives where they lie.
package main

import (
	"context"
	"os"

	"github.com/imgtool/imgtool/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args, cli.System()))
}
