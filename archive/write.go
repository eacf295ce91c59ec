package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
)

// WriteOptions says how to write an archive. The zero value is good.
type WriteOptions struct {
	// Stdout is what the path `-` writes. Nil means [os.Stdout].
	Stdout io.Writer
	// Outer compresses the whole file, which must be a tar. The zero value does
	// not.
	Outer codec.Setting
	// Jobs is how many blobs are written at once into a folder. Zero means
	// GOMAXPROCS. Each holds one buffer of 512 KiB.
	Jobs int
	// Warn is told what was left out or moved, one line each, from the calling
	// goroutine. Nil means that nobody wants to know.
	Warn func(string)
	// Progress is told the bytes of blobs written since its last call, from
	// several goroutines. Nil means that nobody wants to know.
	Progress func(int64)
}

func (o WriteOptions) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

func (o WriteOptions) jobs() int {
	if o.Jobs > 0 {
		return o.Jobs
	}
	return runtime.GOMAXPROCS(0)
}

// ResolveTarget gives a bare path the transport that is written there: the
// folder form where an OCI layout lies already, else a docker-archive, the form
// that loads everywhere. A folder that is no layout is refused.
func ResolveTarget(to ref.Ref) (ref.Ref, error) {
	if to.Transport != ref.Any || to.Path == ref.Stdio {
		return orDockerArchive(to), nil
	}
	info, err := os.Stat(to.Path)
	if err != nil || !info.IsDir() {
		return orDockerArchive(to), nil
	}
	if _, err := os.Stat(filepath.Join(to.Path, indexFile)); err != nil {
		return to, withHint(fmt.Errorf("write %q: it is a folder and no OCI layout: %w", to.Path, ErrUnsupported),
			"write oci:%s for a layout in it, or name a file", filepath.Join(to.Path, "NAME"))
	}
	to.Transport = ref.OCI
	return to, nil
}

func orDockerArchive(to ref.Ref) ref.Ref {
	if to.Transport == ref.Any {
		to.Transport = ref.DockerArchive
	}
	return to
}

// Write writes c to the archive at to, whose Image is not looked at. Every blob
// is hashed while it is copied; one that is not what its descriptor promises
// fails it with a [*SizeError] or a [*DigestError].
//
// The result appears whole under its name or not at all; a file that is there is
// replaced. An empty folder that is there is filled, and what makes it an archive
// comes last. Images are added to an OCI layout that is there, blobs first, and
// what it holds stays: a name that moves leaves the old image without a name.
// The same content gives the same bytes.
func Write(ctx context.Context, to ref.Ref, c *Content, opts WriteOptions) error {
	if to.Path == "" {
		return fmt.Errorf("write: no path is given: %w", ErrUnsupported)
	}
	to, err := ResolveTarget(to)
	if err != nil {
		return err
	}
	if err := c.checkFaces(to.Transport); err != nil {
		return fmt.Errorf("write %q: %w", to.Path, err)
	}
	if err := CheckOuter(to.Transport, opts.Outer); err != nil {
		return fmt.Errorf("write %q: %w", to.Path, err)
	}
	switch to.Transport {
	case ref.OCI:
		err = writeLayout(ctx, to.Path, c, opts)
	case ref.Dir:
		err = writeDir(ctx, to.Path, c, opts)
	case ref.OCIArchive:
		err = writeTar(ctx, to.Path, layoutFiles(c), opts)
	default:
		err = writeTar(ctx, to.Path, dockerArchiveFiles(c), opts)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", to.Path, err)
	}
	return nil
}

// CheckOuter refuses to compress a folder as a whole.
func CheckOuter(t ref.Transport, outer codec.Setting) error {
	compresses := outer.Compression != "" && outer.Compression != codec.None
	if compresses && (t == ref.OCI || t == ref.Dir) {
		return withHint(fmt.Errorf("a folder is not compressed as a whole: %w", ErrUnsupported), "write docker-archive:PATH or oci-archive:PATH")
	}
	return nil
}

// Holds reports that path, through links, is the file or folder that a was opened
// from, or lies in that folder.
func (a *Archive) Holds(path string) bool {
	path, err := filepath.Abs(followLinks(path))
	for err == nil && a.info != nil {
		info, statErr := os.Stat(path)
		if statErr == nil && os.SameFile(info, a.info) {
			return true
		}
		parent := filepath.Dir(path)
		if parent == path || !a.isFolder() {
			break
		}
		path = parent
	}
	return false
}
