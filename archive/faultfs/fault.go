//go:build linux && !386

package faultfs

import (
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Effect is what goes wrong.
type Effect string

// The effects.
const (
	EIO       Effect = "EIO"     // the operation fails with an I/O error
	ENOSPC    Effect = "ENOSPC"  // it finds no space left on the device
	EINTR     Effect = "EINTR"   // a signal interrupts it before it does anything
	Short     Effect = "short"   // it reads or writes half of what it is asked to
	Full      Effect = "full"    // the disk takes nothing more from there on
	Interrupt Effect = "SIGINT"  // the process gets the signal, and the operation is done
	Terminate Effect = "SIGTERM" // the same
	Kill      Effect = "SIGKILL" // the process is killed, and the operation is not done
)

// Fault is one effect at one place. The zero value is none.
type Fault struct {
	// At is the number of the operation, from 1; 0 means none. Where the effect
	// means nothing for that one, it comes at the next for which it does.
	At     int
	Effect Effect
}

// taking are the kinds of operation that need room on the disk.
var taking = []Kind{Create, Write, Copy, Allocate, Mkdir, Mknod, Symlink, Link, SetXattr}

// strikes reports that the operation of the given number is to go wrong. Struck
// tells whether one before it did.
func (f Fault) strikes(number int, kind Kind, struck bool) bool {
	if f.At == 0 || number < f.At || struck && f.Effect != Full {
		return false
	}
	switch f.Effect {
	case Short:
		return kind == Read || kind == Write
	case ENOSPC, Full:
		return slices.Contains(taking, kind)
	case EINTR:
		return kind != Lock // the kernel makes ERESTARTSYS of it, which no process gets from a disk
	}
	return true
}

// errno is what the operation ends with, or OK where it is done all the same.
func (e Effect) errno() fuse.Status {
	switch e {
	case EIO:
		return fuse.EIO
	case ENOSPC, Full:
		return fuse.Status(syscall.ENOSPC)
	case EINTR, Kill:
		return fuse.EINTR
	}
	return fuse.OK
}

// signal is what the process gets, or 0.
func (e Effect) signal() syscall.Signal {
	switch e {
	case Interrupt:
		return syscall.SIGINT
	case Terminate:
		return syscall.SIGTERM
	case Kill:
		return syscall.SIGKILL
	}
	return 0
}
