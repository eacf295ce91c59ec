//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package claim

import "os"

// Locks says that files and folders can be locked on this system.
const Locks = false

func lock(*os.File) error { return errNoLocks }
