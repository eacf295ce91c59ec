package enginetest

import (
	"os"
	"testing"
)

// RequireFUSE ends the test where it cannot mount a file system that it serves
// itself: as another user than root, or without /dev/fuse.
func RequireFUSE(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		lack(t, "mounts a file system, which needs root")
	}
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		lack(t, "mounts a file system of its own: "+err.Error())
	}
	if err := device.Close(); err != nil {
		t.Fatal(err)
	}
}
