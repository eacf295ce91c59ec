//go:build linux && !386

package faultfs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Operations on files and folders that are open, and those that open them.

func (s *seam) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return s.pass(Open, in.NodeId, "", func() fuse.Status {
		status := s.RawFileSystem.Open(cancel, in, out)
		out.OpenFlags |= fuse.FOPEN_DIRECT_IO // each read and write comes here, and as it is
		return s.opened(status)
	})
}

func (s *seam) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	return s.pass(Create, in.NodeId, name, func() fuse.Status {
		status := s.RawFileSystem.Create(cancel, in, name, out)
		out.OpenFlags |= fuse.FOPEN_DIRECT_IO
		return s.opened(s.found(status, in.NodeId, name, out.NodeId))
	})
}

// Tmpfile is not there: a file without a path could not be linked to one.
func (s *seam) Tmpfile(<-chan struct{}, *fuse.CreateIn, *fuse.CreateOut) fuse.Status {
	return fuse.ENOSYS
}

func (s *seam) Release(cancel <-chan struct{}, in *fuse.ReleaseIn) {
	s.unlock(in)
	s.RawFileSystem.Release(cancel, in)
	s.release()
}

// unlock ends the locks of a file that is about to be closed. A program that this
// process is just starting somewhere else would hold on to them.
func (s *seam) unlock(in *fuse.ReleaseIn) {
	unlock := &fuse.LkIn{InHeader: in.InHeader, Fh: in.Fh, Lk: fuse.FileLock{Typ: syscall.F_UNLCK}, LkFlags: fuse.FUSE_LK_FLOCK}
	_ = s.RawFileSystem.SetLk(nil, unlock) // it may have none
}

func (s *seam) Read(cancel <-chan struct{}, in *fuse.ReadIn, p []byte) (fuse.ReadResult, fuse.Status) {
	effect := s.meet(Read, in.NodeId, "")
	if status := effect.errno(); !status.Ok() {
		return nil, status
	}
	if effect == Short {
		p = p[:half(len(p))]
		in.Size = uint32(len(p))
	}
	return s.RawFileSystem.Read(cancel, in, p)
}

// Writev leaves all to Write.
func (s *seam) Writev(<-chan struct{}, *fuse.WriteIn, [][]byte) (uint32, fuse.Status) {
	return 0, fuse.ENOSYS
}

func (s *seam) Write(cancel <-chan struct{}, in *fuse.WriteIn, p []byte) (uint32, fuse.Status) {
	effect := s.meet(Write, in.NodeId, "")
	if status := effect.errno(); !status.Ok() {
		return 0, status
	}
	if effect == Short {
		p = p[:half(len(p))]
		in.Size = uint32(len(p))
	}
	return s.RawFileSystem.Write(cancel, in, p)
}

// half is what is done of n bytes: not all and, as for a file, not nothing.
func half(n int) int { return max(n/2, min(n, 1)) }

func (s *seam) Lseek(cancel <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	return s.pass(Seek, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.Lseek(cancel, in, out) })
}

func (s *seam) CopyFileRange(cancel <-chan struct{}, in *fuse.CopyFileRangeIn) (n uint32, status fuse.Status) {
	status = s.pass(Copy, in.NodeId, "", func() (status fuse.Status) {
		n, status = s.RawFileSystem.CopyFileRange(cancel, in)
		return status
	})
	return n, status
}

func (s *seam) Fallocate(cancel <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	return s.pass(Allocate, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.Fallocate(cancel, in) })
}

func (s *seam) Ioctl(cancel <-chan struct{}, in *fuse.IoctlIn, p []byte, out *fuse.IoctlOut, q []byte) fuse.Status {
	return s.pass(Ioctl, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.Ioctl(cancel, in, p, out, q) })
}

func (s *seam) Flush(cancel <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	return s.pass(Close, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.Flush(cancel, in) })
}

// Fsync makes nothing durable: no test pulls the plug.
func (s *seam) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return s.meet(Sync, in.NodeId, "").errno()
}

func (s *seam) GetLk(cancel <-chan struct{}, in *fuse.LkIn, out *fuse.LkOut) fuse.Status {
	return s.pass(Lock, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.GetLk(cancel, in, out) })
}

func (s *seam) SetLk(cancel <-chan struct{}, in *fuse.LkIn) fuse.Status {
	return s.pass(Lock, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.SetLk(cancel, in) })
}

func (s *seam) SetLkw(cancel <-chan struct{}, in *fuse.LkIn) fuse.Status {
	return s.pass(Lock, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.SetLkw(cancel, in) })
}

func (s *seam) OpenDir(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return s.pass(OpenDir, in.NodeId, "", func() fuse.Status {
		return s.opened(s.RawFileSystem.OpenDir(cancel, in, out))
	})
}

func (s *seam) ReleaseDir(in *fuse.ReleaseIn) {
	s.unlock(in)
	s.RawFileSystem.ReleaseDir(in)
	s.release()
}

func (s *seam) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return s.pass(ReadDir, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.ReadDir(cancel, in, out) })
}

func (s *seam) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return s.meet(SyncDir, in.NodeId, "").errno()
}
