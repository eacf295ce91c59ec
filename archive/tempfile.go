package archive

import (
	"errors"
	"os"
)

// tempFile is a temporary file. It has no name where the system allows that, so
// that nothing is left even after a kill; else it loses its name at once, and on
// Windows, where an open file keeps it, when it is closed.
type tempFile struct {
	*os.File
	named bool
}

// spoolPattern names temporary files; the star becomes random.
const spoolPattern = "imgtool-spool-*"

func newTempFile(dir string) (*tempFile, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	if file := nameless(dir); file != nil {
		return &tempFile{file, false}, nil
	}
	file, err := os.CreateTemp(dir, spoolPattern)
	if err != nil {
		return nil, err
	}
	return &tempFile{file, os.Remove(file.Name()) != nil}, nil
}

// Write implements [io.Writer]. As WriteAt, it says what to do about a full disk.
func (t *tempFile) Write(p []byte) (int, error) {
	n, err := t.File.Write(p)
	return n, roomHint(err)
}

// WriteAt implements [io.WriterAt].
func (t *tempFile) WriteAt(p []byte, offset int64) (int, error) {
	n, err := t.File.WriteAt(p, offset)
	return n, roomHint(err)
}

func roomHint(err error) error {
	if err == nil {
		return nil
	}
	return withHint(err, "set TMPDIR to a folder with room")
}

func (t *tempFile) Close() error {
	if t.named {
		return errors.Join(t.File.Close(), os.Remove(t.Name()))
	}
	return t.File.Close()
}
