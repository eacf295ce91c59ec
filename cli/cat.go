package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect"
	"github.com/urfave/cli/v2"
)

const catDescription = `Writes the content of files of the merged filesystem to standard output, one
behind the other, as it is: control characters too, and to a terminal. Symlinks
are followed inside the image and never out of it. From a plain layer the file
alone is read. Digests are not checked, and a compressed layer is not read again
past the file.

EXAMPLES
   imgtool cat image.tar /etc/os-release
   imgtool cat docker-archive:image.tar:app:v2 /usr/bin/app > app`

func catCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "cat",
		Usage:       "write the content of files of an image",
		UsageText:   "imgtool cat [FLAGS] IMAGE PATH...",
		Description: catDescription,
		Flags:       oneImageFlags(),
		Action:      func(c *cli.Context) error { return runCat(c, env) },
	}
}

func runCat(c *cli.Context, env Env) error {
	args, err := operands(c, 2, -1, "an image and paths in it")
	if err != nil {
		return err
	}
	image, err := readOneImage(c, args[0])
	if err != nil {
		return err
	}
	if slices.Contains(args[1:], "") {
		return usageError("a PATH is empty", helpHint(c))
	}
	return withSession(c, env, func(s *session) error { return s.cat(c.Context, image, args[1:]) })
}

// cat writes what can be written, and fails with the rest.
func (s *session) cat(ctx context.Context, image oneImage, paths []string) error {
	a, n, err := s.openImage(ctx, image.ref, image.images, image.platforms)
	if err != nil {
		return err
	}
	files, err := s.openFiles(ctx, a, n)
	if err == nil {
		found, missing := files.Find(paths...)
		err = errors.Join(s.copyFiles(ctx, a.Path, files, found), missing)
	}
	if err != nil {
		err = fmt.Errorf("%q: %w", a.Path, err)
	}
	return interrupted(ctx, err)
}

// openFiles merges the layers of an image.
func (s *session) openFiles(ctx context.Context, a *archive.Archive, n *archive.Node) (*inspect.Files, error) {
	bar := s.newMeter("reading "+a.Path, compressedSize(n))
	defer bar.stop()
	return inspect.OpenFiles(ctx, a, n, archive.StackOptions{MaxExpansion: s.expand, Progress: bar.add})
}

// copyFiles shows progress unless the terminal shows the content.
func (s *session) copyFiles(ctx context.Context, path string, files *inspect.Files, found []layer.File) error {
	var total int64
	for _, f := range found {
		total += f.Size
	}
	var bar meter = silent{}
	if s.env.StdoutWidth == 0 {
		bar = s.newMeter("writing from "+path, total)
	}
	defer bar.stop()
	return files.Copy(ctx, &meteredWriter{s.env.Stdout, bar}, found)
}

// meteredWriter tells how much went through it.
type meteredWriter struct {
	io.Writer
	bar meter
}

func (m *meteredWriter) Write(p []byte) (int, error) {
	n, err := m.Writer.Write(p)
	m.bar.add(int64(n))
	return n, err
}
