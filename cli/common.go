package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/urfave/cli/v2"
)

// sharedFlags gives a command's own flags and those that every command which
// opens archives has. They are made anew, since parsing writes to them.
func sharedFlags(own ...cli.Flag) []cli.Flag {
	return readingFlags(append(own,
		&cli.StringSliceFlag{Name: "image", Usage: "only the image `NAME`, @N or digest (repeatable)"},
		&cli.StringSliceFlag{Name: "platform", Usage: "only `OS/ARCH[/VARIANT]`, or all (repeatable)"},
	))
}

// oneImageFlags is sharedFlags for a command that works on one image.
func oneImageFlags(own ...cli.Flag) []cli.Flag {
	return readingFlags(append(own,
		&cli.StringSliceFlag{Name: "image", Usage: "choose the image `NAME`, @N or digest"},
		&cli.StringSliceFlag{Name: "platform", Usage: "choose `OS/ARCH[/VARIANT]` (this machine's)"},
	))
}

func readingFlags(own []cli.Flag) []cli.Flag {
	return append(own,
		&cli.Int64Flag{
			Name:  "max-expansion",
			Value: codec.DefaultMaxExpansion,
			Usage: "bytes that one stored byte may give: `N`, from 1 GiB on (200)",
		},
		&cli.StringFlag{Name: "progress", Value: "auto", Usage: "show progress `HOW`: auto, plain or none"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only"},
	)
}

// session is one run of a command that opens archives.
type session struct {
	env    Env
	quiet  bool
	meter  string // how progress is shown
	expand int64
	mend   bool // archives that are opened
	judges bool // tells itself what is wrong with them
	opened []*archive.Archive
}

func newSession(c *cli.Context, env Env) (*session, error) {
	s := &session{env: env, quiet: c.Bool("quiet"), meter: c.String("progress"), expand: c.Int64("max-expansion")}
	switch s.meter {
	case "auto", "plain", "none":
	default:
		return nil, usageError(fmt.Sprintf("--progress is auto, plain or none, not %q", s.meter), helpHint(c))
	}
	if s.expand <= 0 {
		return nil, usageError("--max-expansion is a number above 0", helpHint(c))
	}
	return s, nil
}

// withSession runs a command that opens archives, and closes them after it.
func withSession(c *cli.Context, env Env, run func(*session) error) error {
	s, err := newSession(c, env)
	if err != nil {
		return err
	}
	return advised(errors.Join(run(s), s.close()))
}

// advised says what to do about an error where it does not do so itself.
func advised(err error) error {
	var hint interface{ Hint() string }
	if errors.As(err, &hint) || !errors.Is(err, codec.ErrExpansion) {
		return err
	}
	return usageError(err.Error(), "if the image is to be trusted, raise --max-expansion")
}

// warn prints a message that is no error.
func (s *session) warn(message string) {
	if !s.quiet {
		say(s.env.Stderr, message)
	}
}

// open opens one archive; close closes them all.
func (s *session) open(ctx context.Context, r ref.Ref) (*archive.Archive, error) {
	bar := s.newMeter("reading "+r.Path, storedSize(r.Path))
	defer bar.stop()
	a, err := archive.Open(ctx, r, archive.OpenOptions{
		Stdin:      s.env.Stdin,
		Mend:       s.mend,
		Decompress: codec.ReaderOptions{MaxExpansion: s.expand},
		Warn:       func(message string) { bar.stop(); s.warn(message) },
		Progress:   bar.add,
	})
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	s.opened = append(s.opened, a)
	s.warnDamaged(a)
	return a, nil
}

// warnDamaged tells of documents that are not what their digest says: all that is
// told of them may be a lie.
func (s *session) warnDamaged(a *archive.Archive) {
	if n := len(a.Damaged); n > 0 && !s.judges {
		s.warn(fmt.Sprintf("%q: documents that are not what their digest says: %d, first %v; `imgtool verify` tells more", a.Path, n, a.Damaged[0]))
	}
}

// oneImage is the image that a command works on, as the user chose it.
type oneImage struct {
	ref               ref.Ref
	images, platforms []string
}

func readOneImage(c *cli.Context, arg string) (oneImage, error) {
	r, err := ref.Parse(arg)
	return oneImage{r, c.StringSlice("image"), c.StringSlice("platform")}, err
}

// openImage opens an archive and finds the one image in it that is meant: the
// one that is named, or the only one; of several platforms the one that is named,
// else the one that runs on this machine.
func (s *session) openImage(ctx context.Context, r ref.Ref, images, platforms []string) (*archive.Archive, *archive.Node, error) {
	images, err := selectors(r, images)
	switch {
	case err != nil:
		return nil, nil, err
	case len(images) > 1:
		return nil, nil, usageError(fmt.Sprintf("one image is needed, and --image is given %d times", len(images)), "name one")
	case len(platforms) > 1 || slices.Contains(platforms, "all"):
		return nil, nil, usageError("one platform is needed, and --platform names several", "name one")
	}
	a, err := s.open(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	root, err := a.One(images...)
	if err != nil {
		return nil, nil, err
	}
	if len(archive.Instances(root.Node)) == 0 {
		return nil, nil, noImage(a, root.Node)
	}
	n, err := a.Instance(root.Node, strings.Join(platforms, ""), hostPlatform())
	if err != nil {
		return nil, nil, err
	}
	return a, n, nil
}

// noImage says what root is, which has no image.
func noImage(a *archive.Archive, root *archive.Node) error {
	err := archive.Walk([]*archive.Node{root}, func(n *archive.Node) error {
		if n.Err != nil && (n == root || !n.Absent()) {
			return fmt.Errorf("%q: manifest: %w", a.Path, n.Err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return usageError(fmt.Sprintf("%q: %s %s has no image in it", a.Path, root.Kind(), root.Descriptor.Digest),
		"`imgtool inspect` tells what there is")
}

// storedSize is the size of the file at path, or 0 where it has none.
func storedSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

func (s *session) close() error {
	var errs []error
	for _, a := range s.opened {
		errs = append(errs, a.Close())
	}
	return errors.Join(errs...)
}

// interrupted says so in place of the error that it led to.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	return err
}

// selectors joins the image that a reference names with those of --image.
func selectors(r ref.Ref, images []string) ([]string, error) {
	if r.Image == "" {
		return images, nil
	}
	if len(images) > 0 {
		return nil, usageError(fmt.Sprintf("the reference names image %q, and --image another", r.Image), "choose in one place")
	}
	return []string{r.Image}, nil
}
