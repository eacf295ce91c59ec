package archive

import (
	"os"

	"golang.org/x/sys/unix"
)

// beginWriteBack has the system begin to write a part of a file to the disk, so
// that there is less to wait for when all of it is made durable: of 0.9 GB that
// wait was 0.3 s, and a tenth of that then (ext4). It is a hint: where it fails,
// there is more to wait for.
func beginWriteBack(file *os.File, offset, n int64) {
	raw, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), offset, n, unix.SYNC_FILE_RANGE_WRITE) })
}
