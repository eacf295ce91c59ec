// Command imgtool works on container image archives where they lie.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/imgtool/imgtool/cli"
)

// softMemory is from where on the garbage collector works harder, in bytes, so that
// any image that people have takes the 256 MiB that are promised. It refuses
// nothing: a tree of a million paths takes more, and up to twice the time for it.
const softMemory = 192 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
	os.Exit(cli.Main(context.Background(), os.Args, cli.System()))
}
