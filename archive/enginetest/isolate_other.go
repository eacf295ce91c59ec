//go:build !linux

package enginetest

import "os/exec"

// isolate does nothing: the engines that this package starts run on Linux only.
func isolate(*exec.Cmd) {}
