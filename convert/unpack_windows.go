package convert

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/imgtool/imgtool/archive"
)

// unpackTar is not possible here: Windows has no owners, modes and symlinks as
// layers do.
func unpackTar(string, io.Reader, UnpackOptions) error {
	return fmt.Errorf("unpack on Windows: %w; export writes a tar", archive.ErrUnsupported)
}

func removeUnpacked(dir string) error { return os.RemoveAll(dir) }

func restoreFolder(string, fs.FileInfo) error { return nil }
