package enginetest

import (
	"os/exec"
	"syscall"
)

// isolate gives the process a mount namespace of its own, so that no mount of
// an engine outlives it; a process group of its own, so that an interrupt from
// the terminal reaches the test alone; and a SIGTERM should the test die.
func isolate(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS,
		Setpgid:      true,
		Pdeathsig:    syscall.SIGTERM,
	}
}
