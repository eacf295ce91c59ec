package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgtool/imgtool/archive/claim"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
)

// WriteFile writes what write gives to the file at path, which appears whole or
// not at all, compressed as opts say; a file that is there is replaced. The path `-` is opts.Stdout, and
// what is a pipe or a device is written to as it is.
func WriteFile(ctx context.Context, path string, opts WriteOptions, write func(io.Writer) error) error {
	if path == "" {
		return fmt.Errorf("write: no path is given: %w", ErrUnsupported)
	}
	if err := writeWhole(ctx, path, opts, write); err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	return nil
}

func writeWhole(ctx context.Context, path string, opts WriteOptions, write func(io.Writer) error) error {
	write = compressed(opts.Outer, write)
	if path == ref.Stdio {
		stdout := opts.Stdout
		if stdout == nil {
			stdout = os.Stdout
		}
		return write(newPipeWriter(ctx, stdout))
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return writeDevice(ctx, path, write)
	}
	return writeRegular(path, opts, write)
}

// compressed gives write with compression around it.
func compressed(outer codec.Setting, write func(io.Writer) error) func(io.Writer) error {
	if outer == (codec.Setting{}) {
		return write
	}
	return func(w io.Writer) error {
		compressor, err := codec.NewWriter(w, outer, codec.WriterOptions{})
		if err != nil {
			return err
		}
		return errors.Join(write(compressor), compressor.Close())
	}
}

// errIsFolder says that a file cannot be written under a name.
var errIsFolder = errors.New("it is the name of a folder")

// writeRegular writes a regular file beside its place and then names it.
func writeRegular(path string, opts WriteOptions, write func(io.Writer) error) (err error) {
	if info, statErr := os.Stat(path); os.IsPathSeparator(path[len(path)-1]) || statErr == nil && info.IsDir() {
		return withHint(errIsFolder, "name a file")
	}
	parent, name, err := openParent(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parent.Close()) }()
	claim.Sweep(parent, name, opts.warn)
	held, file, err := claim.File(parent, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	p := &pending{File: file, root: parent, temp: held.Name, name: name}
	err = errors.Join(write(p), p.Close())
	if err == nil {
		err = p.sync()
	}
	if err == nil {
		err = p.rename()
	}
	if err != nil {
		return errors.Join(err, p.discard())
	}
	return syncFolder(parent, ".")
}

// writeDevice writes to a pipe or a device, which cannot be replaced.
func writeDevice(ctx context.Context, path string, write func(io.Writer) error) error {
	device, err := openWaiting(ctx, path, os.O_WRONLY)
	if err != nil {
		return err
	}
	return errors.Join(write(newPipeWriter(ctx, device)), device.Close())
}
