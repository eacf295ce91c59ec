package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/layer"
)

// UnpackOptions says how to unpack. The zero value is for root.
type UnpackOptions struct {
	// Rootless leaves all files to the user who runs this. Owners then go to the
	// extended attribute user.rootlesscontainers, where there is one, as umoci
	// does, and device nodes become empty files.
	Rootless bool
	// Warn is told what was left out, and what a run that was killed left, one line each, from the calling goroutine.
	// Nil means that nobody wants to know.
	Warn func(string)
}

const (
	// maxName bounds the name of a file, in bytes, as Linux does in NAME_MAX.
	maxName = 255
	// maxFolders bounds the folders on the way to a file. The time that umoci
	// takes for such a way grows with its cube: 0.5 s for 200, 25 s for 800.
	maxFolders = 255
)

// Unpack writes the filesystem to a new or an empty folder, and nothing outside
// of it, whatever the image says: the tree has no path that leads through a link.
// On an error nothing is left. It fails with [io/fs.ErrExist] where dir holds
// something, with [layer.ErrTooLarge] for a name over 255 bytes or a path of over
// 255 folders, and on Windows with [archive.ErrUnsupported].
func (r *Rootfs) Unpack(ctx context.Context, dir string, opts UnpackOptions) error {
	if err := r.apart(dir); err != nil {
		return err
	}
	folder := archive.FolderOptions{Remove: removeUnpacked, Warn: opts.Warn}
	return archive.WriteFolder(ctx, dir, folder, func(dir string) error { return r.fill(ctx, dir, opts) })
}

// fill unpacks into a folder. On an error that is as it was, but for what lies in
// it.
func (r *Rootfs) fill(ctx context.Context, dir string, opts UnpackOptions) error {
	tree, err := r.merge(ctx)
	if err != nil {
		return err
	}
	if err := unpackable(tree, opts); err != nil {
		return err
	}
	before, err := os.Stat(dir)
	if err != nil {
		return err
	}
	err = piped(
		func(w io.Writer) error { return r.stack.Export(ctx, w, tree) },
		func(tar io.Reader) error { return unpackTar(dir, tar, opts) },
	)
	if err != nil {
		return errors.Join(err, restoreFolder(dir, before))
	}
	return nil
}

// unpackable refuses what no file system takes, and tells what is lost.
func unpackable(tree *layer.Tree, opts UnpackOptions) error {
	files, err := tree.Walk(".")
	if err != nil {
		return err
	}
	devices := 0
	for f := range files {
		name := f.Path[strings.LastIndexByte(f.Path, '/')+1:]
		if len(name) > maxName {
			return fmt.Errorf("unpack %.40q…: name of %d bytes: %w of %d", f.Path, len(name), layer.ErrTooLarge, maxName)
		}
		if folders := strings.Count(f.Path, "/"); folders > maxFolders {
			return fmt.Errorf("unpack %.40q…: path of %d folders: %w of %d", f.Path, folders, layer.ErrTooLarge, maxFolders)
		}
		if f.Type == layer.Char || f.Type == layer.Block {
			devices++
		}
	}
	if opts.Rootless && devices > 0 && opts.Warn != nil {
		opts.Warn(fmt.Sprintf("device nodes become empty files, since only root can make them: %d of them", devices))
	}
	return nil
}

// piped runs write in another goroutine and read in this one, over a pipe, and
// waits for both. Whichever fails stops the other.
func piped(write func(io.Writer) error, read func(io.Reader) error) error {
	pr, pw := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(pw)
		written <- err
		pw.CloseWithError(err)
	}()
	err := read(pr)
	if err == nil {
		_, err = io.Copy(io.Discard, pr) // what comes behind the end of the tar
	}
	pr.CloseWithError(errStopped)
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, errStopped) {
		return writeErr
	}
	return err
}

// errStopped is what a writer sees whose reader has gone.
var errStopped = errors.New("nobody reads any more")
