package archive

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// nameless makes a file in dir that never has a name, or gives nil where the file
// system has none such. What it is called stands in messages alone.
func nameless(dir string) *os.File {
	fd, err := unix.Open(dir, unix.O_RDWR|unix.O_TMPFILE|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir, spoolPattern))
}
