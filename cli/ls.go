package cli

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/inspect"
	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"
)

const lsDescription = `Lists the merged filesystem of one image, or one layer of it, as ls(1) does: the
names in each folder PATH (/), sorted by bytes, or the PATH itself. A PATH that
is a symlink to a folder is followed, unless with --long.

--long tells mode, hard links, owner (in numbers; names are those of the machine
that built the image), bytes, time in UTC, the layer that put the name there,
from 0, and the name. What could steer a terminal and what is no UTF-8 is
escaped; JSON has the bytes of such a path in pathBase64. Digests are not
checked.

EXAMPLES
   imgtool ls image.tar /etc --long
   imgtool ls image.tar --layer -1 -R --format jsonl | grep '"type":"whiteout"'`

func lsCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "ls",
		Aliases:     []string{"list"},
		Usage:       "list the files of an image, merged or of one layer",
		UsageText:   "imgtool ls [FLAGS] IMAGE [PATH...]",
		Description: lsDescription,
		Flags: oneImageFlags(
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "tell all about each name; follow no PATH"},
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"R"}, Usage: "print all paths below PATH, one a line"},
			&cli.BoolFlag{Name: "directory", Aliases: []string{"d"}, Usage: "list folders themselves, not their names"},
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "for the habit; nothing is ever hidden"},
			&cli.StringFlag{Name: "layer", Usage: "list layer `N` as it stands; -1 is the top"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "print `FORM`: text, json or jsonl"},
		),
		UseShortOptionHandling: true, // -lR
		Action:                 func(c *cli.Context) error { return runLs(c, env) },
	}
}

type lsOptions struct {
	image  oneImage
	paths  []string
	list   inspect.ListOptions
	long   bool
	layer  *int // nil for the merged filesystem
	format string
}

func readLsFlags(c *cli.Context) (lsOptions, error) {
	var o lsOptions
	args, err := operands(c, 1, -1, "an image and paths in it")
	if err != nil {
		return o, err
	}
	if o.image, err = readOneImage(c, args[0]); err != nil {
		return o, err
	}
	if o.paths = args[1:]; len(o.paths) == 0 {
		o.paths = []string{"/"}
	}
	o.long, o.format = c.Bool("long"), c.String("format")
	o.list = inspect.ListOptions{Recursive: c.Bool("recursive"), NoFollow: o.long, Itself: c.Bool("directory")}
	switch {
	case slices.Contains(o.paths, ""):
		return o, usageError("a PATH is empty", "the root is /")
	case o.list.Recursive && o.list.Itself:
		return o, usageError("--recursive lists what is in folders, --directory does not", "choose one")
	case !slices.Contains([]string{"text", "json", "jsonl"}, o.format):
		return o, usageError(fmt.Sprintf("--format is text, json or jsonl, not %q", o.format), helpHint(c))
	case !c.IsSet("layer"):
		return o, nil
	}
	number, err := strconv.Atoi(c.String("layer"))
	if err != nil {
		return o, usageError(fmt.Sprintf("--layer is a number, not %q", c.String("layer")), "`imgtool inspect` numbers the layers")
	}
	o.layer = &number
	return o, nil
}

func runLs(c *cli.Context, env Env) error {
	o, err := readLsFlags(c)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error { return s.ls(c.Context, o) })
}

// ls prints what is there, and fails with what is not.
func (s *session) ls(ctx context.Context, o lsOptions) error {
	a, n, err := s.openImage(ctx, o.image.ref, o.image.images, o.image.platforms)
	if err != nil {
		return err
	}
	bar := s.lsMeter(n, o)
	defer bar.stop()
	out := bufio.NewWriterSize(s.env.Stdout, 64<<10)
	listing, err := s.list(ctx, a, n, o, bar)
	if err == nil {
		err = printListing(newListPrinter(out, a, n, o), listing, len(o.paths) > 1 && !o.list.Recursive)
	}
	if failed := out.Flush(); failed != nil {
		return failed
	}
	if err != nil {
		err = fmt.Errorf("%q: %w", a.Path, err)
	}
	return interrupted(ctx, err)
}

// lsMeter shows how far the layers are read, unless the terminal shows what was
// read meanwhile.
func (s *session) lsMeter(n *archive.Node, o lsOptions) meter {
	if o.streams() && s.env.StdoutWidth > 0 {
		return silent{}
	}
	total := compressedSize(n)
	if o.layer != nil {
		total = 0 // one of them
		if at, err := inspect.LayerNumber(n, *o.layer); err == nil {
			total = n.Layers[at].Descriptor.Size
		}
	}
	return s.newMeter("reading "+o.image.ref.Path, total)
}

// streams reports a listing that is printed while the layer is read.
func (o lsOptions) streams() bool { return o.layer != nil && o.list.Recursive }

// list reads the image, or one layer of it.
func (s *session) list(ctx context.Context, a *archive.Archive, n *archive.Node, o lsOptions, bar meter) (inspect.Listing, error) {
	if !o.streams() {
		defer bar.stop()
	}
	opts := archive.StackOptions{MaxExpansion: s.expand, Progress: bar.add}
	if o.layer == nil {
		files, err := inspect.OpenFiles(ctx, a, n, opts)
		if err != nil {
			return inspect.Listing{}, err
		}
		return files.List(o.paths, o.list), nil
	}
	one, err := inspect.OpenLayer(a, n, *o.layer, opts)
	if err != nil {
		return inspect.Listing{}, err
	}
	return one.List(ctx, o.paths, o.list)
}

// printListing prints what is there while it is found, folders under their names
// if titled, and fails with what is not there. Where the image cannot be read to
// its end, JSON has no end either.
func printListing(p listPrinter, listing inspect.Listing, titled bool) error {
	p.begin()
	for _, group := range listing.Groups {
		if titled && group.Folder != "" {
			p.folder(group.Folder)
		}
		if err := group.Each(p.entry); err != nil {
			p.stop()
			return err
		}
	}
	p.end()
	return listing.Missing()
}

// compressedSize is the stored size of the compressed layers of n, which are read
// whole, each once.
func compressedSize(n *archive.Node) int64 {
	var total int64
	seen := map[digest.Digest]bool{}
	for _, l := range n.Layers {
		if d := l.Descriptor; l.Compression != codec.None && !seen[d.Digest] {
			seen[d.Digest] = true
			total += d.Size
		}
	}
	return total
}
