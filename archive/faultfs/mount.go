//go:build linux && !386

package faultfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// FS is a mounted file system. One process runs on it at a time.
type FS struct {
	seam   *seam
	server *fuse.Server
}

// Mount shows the folder backing at the empty folder place. It must be unmounted
// before the process ends; else place stays a dead mount, which `umount` removes.
func Mount(backing, place string) (*FS, error) {
	root, err := fs.NewLoopbackRoot(backing)
	if err != nil {
		return nil, fmt.Errorf("show %q: %w", backing, err)
	}
	var never time.Duration
	s := newSeam(fs.NewNodeFS(root, &fs.Options{EntryTimeout: &never, AttrTimeout: &never, NegativeTimeout: &never}))
	server, err := newServer(s, place, &fuse.MountOptions{
		FsName:               "faultfs",
		DirectMountStrict:    true,
		EnableLocks:          true,
		IgnoreSecurityLabels: true, // the kernel asks for them before each write
		DisableReadDirPlus:   true,
		DisabledCapabilities: fuse.CAP_PASSTHROUGH | fuse.CAP_NO_OPENDIR_SUPPORT,
	})
	if err != nil {
		return nil, fmt.Errorf("mount at %q: %w", place, err)
	}
	go server.Serve()
	if err := server.WaitMount(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount at %q: %w", place, err), server.Unmount())
	}
	return &FS{s, server}, nil
}

// newServer mounts s. No program that is started inherits the device: as long as
// one has it, a file system whose server was killed keeps all waiting that ask it.
func newServer(s *seam, place string, opts *fuse.MountOptions) (*fuse.Server, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	server, err := fuse.NewServer(s, place, opts)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, errors.Join(err, server.Unmount())
	}
	for _, entry := range entries {
		target, _ := os.Readlink(filepath.Join("/proc/self/fd", entry.Name())) // one of them has been closed
		if fd, err := strconv.Atoi(entry.Name()); err == nil && target == "/dev/fuse" {
			syscall.CloseOnExec(fd)
		}
	}
	return server, nil
}

// Unmount ends the file system.
func (f *FS) Unmount() error {
	if err := f.server.Unmount(); err != nil {
		return fmt.Errorf("unmount: %w", err)
	}
	return nil
}

// Result is what became of a run. How the process ended, its command tells.
type Result struct {
	// Ops are all operations, the last one that of the process's end.
	Ops []Op
	// Hit is the operation that went wrong, the first one on a full disk; nil
	// where the process ended before the fault could come.
	Hit *Op
}

// releaseLimit is how long the kernel may take to tell of closed files.
const releaseLimit = 30 * time.Second

// Run starts a command that works on the mount, and lets the fault come. It
// returns once the process has ended and has nothing open there any more. The
// command's Dir and Path must lie elsewhere: starting it would wait for them.
func (f *FS) Run(c *exec.Cmd, fault Fault) (Result, error) {
	f.seam.begin(fault)
	if err := c.Start(); err != nil {
		return Result{}, err
	}
	f.seam.started(c.Process)
	_ = c.Wait() // the caller looks at the state
	if !f.seam.released(releaseLimit) {
		return Result{}, fmt.Errorf("files stay open after the end of %s", c.Path)
	}
	return f.seam.result(), nil
}
