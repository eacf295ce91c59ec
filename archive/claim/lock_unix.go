//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package claim

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Locks says that files and folders can be locked on this system.
const Locks = true

// lock locks an open file or folder, without waiting, until it is closed.
func lock(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = raw.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) })
	switch {
	case err != nil:
		return err
	case errors.Is(locked, syscall.EWOULDBLOCK):
		return errHeld
	case locked != nil:
		return fmt.Errorf("%w: %w", errNoLocks, locked)
	}
	return nil
}
