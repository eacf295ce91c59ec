// Command benchimage makes the image that scripts/bench measures with: real
// files of this machine in layers that also overwrite, delete and link, as an
// OCI layout folder, and as one plain tar for decoders. It prints the digest of
// the manifest. The same files give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintf(os.Stderr, "benchimage: %v\n", err)
		os.Exit(2)
	}
}

// options are the flags.
type options struct {
	layout, tar string // what to write; empty means not
	compression compression
	size        int64 // bytes of all regular files
	files       int
	layers      int
	from        []string // folders beyond the usual ones
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("benchimage", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.layout, "o", "", "write an OCI layout to the new folder `DIR`")
	flags.StringVar(&o.tar, "tar", "", "write the entries of all layers as one plain tar to `FILE`")
	flags.StringVar(&o.compression.name, "compress", "gzip", "compress layers as `HOW`: none, gzip or zstd")
	flags.IntVar(&o.compression.level, "level", 0, "compress at level `N`; 0 means 6 for gzip and 3 for zstd")
	flags.Int64Var(&o.size, "size", 1_000_000_000, "take about `BYTES` of files")
	flags.IntVar(&o.files, "files", 20_000, "take `N` files")
	flags.IntVar(&o.layers, "layers", 5, "make `N` layers")
	flags.Func("from", "take files from `DIR` instead of the folders of Go and the system (repeatable)", func(dir string) error {
		o.from = append(o.from, dir)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, o.check(flags.Args())
}

func (o options) check(operands []string) error {
	switch {
	case len(operands) > 0:
		return fmt.Errorf("unexpected argument %q", operands[0])
	case o.layout == "" && o.tar == "":
		return errors.New("nothing to write: give -o, -tar or both")
	case o.layers < 1 || o.files < o.layers || o.size < int64(o.files):
		return fmt.Errorf("%d bytes in %d files do not make %d layers", o.size, o.files, o.layers)
	}
	return o.compression.check()
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	roots, err := rootsOf(o.from)
	if err != nil {
		return err
	}
	// A single file of a large share would leave no choice of sizes for the rest.
	f, err := walk(ctx, roots, o.size/20)
	if err != nil {
		return err
	}
	picked, err := f.pick(o.size, o.files)
	if err != nil {
		return err
	}
	layers := planLayers(picked, f.links, o.layers)
	fmt.Fprintf(stderr, "%d files of %d bytes in %d layers\n", len(picked), total(picked), len(layers))
	if o.tar != "" {
		if err := writeTarFile(ctx, o.tar, layers); err != nil {
			return err
		}
	}
	if o.layout == "" {
		return nil
	}
	manifest, err := writeLayout(ctx, o.layout, layers, o.compression)
	if err == nil {
		_, err = fmt.Fprintln(stdout, manifest.Digest)
	}
	return err
}

// root is a folder to take files from.
type root struct {
	path string
	skip string // a folder below it that is left out, if any
}

// rootsOf are the folders that were named, or else those that a machine with Go
// has: sources, binaries, libraries and documents.
func rootsOf(named []string) ([]root, error) {
	if len(named) == 0 {
		return usualRoots()
	}
	var roots []root
	for _, dir := range named {
		// WalkDir does not enter a root that is a link.
		resolved, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, err
		}
		resolved, err = filepath.Abs(resolved)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root{path: resolved})
	}
	return roots, nil
}

func usualRoots() ([]root, error) {
	out, err := exec.Command("go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("run go env: %w", err)
	}
	goroot, modules, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	modules = strings.TrimSpace(modules)
	var roots []root
	for _, r := range []root{
		{path: goroot},
		{path: modules, skip: filepath.Join(modules, "cache")}, // every go command changes it
		{path: "/usr/lib"},
		{path: "/usr/bin"},
		{path: "/usr/share"},
	} {
		if info, err := os.Stat(r.path); err == nil && info.IsDir() {
			roots = append(roots, r)
		}
	}
	return roots, nil
}
