//go:build linux && !386

package faultfs

import "github.com/hanwen/go-fuse/v2/fuse"

// Operations on names, and on what is known of a file by its name.

func (s *seam) Lookup(cancel <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	return s.pass(Lookup, in.NodeId, name, func() fuse.Status {
		return s.found(s.RawFileSystem.Lookup(cancel, in, name, out), in.NodeId, name, out.NodeId)
	})
}

func (s *seam) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	return s.pass(Stat, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.GetAttr(cancel, in, out) })
}

// Statx is not there, so that the kernel takes GetAttr for all.
func (s *seam) Statx(<-chan struct{}, *fuse.StatxIn, *fuse.StatxOut) fuse.Status {
	return fuse.ENOSYS
}

func (s *seam) SetAttr(cancel <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	return s.pass(Setattr, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.SetAttr(cancel, in, out) })
}

func (s *seam) Access(cancel <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	return s.pass(Access, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.Access(cancel, in) })
}

func (s *seam) StatFs(cancel <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	return s.pass(Statfs, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.StatFs(cancel, in, out) })
}

func (s *seam) Mknod(cancel <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	return s.pass(Mknod, in.NodeId, name, func() fuse.Status {
		return s.found(s.RawFileSystem.Mknod(cancel, in, name, out), in.NodeId, name, out.NodeId)
	})
}

func (s *seam) Mkdir(cancel <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return s.pass(Mkdir, in.NodeId, name, func() fuse.Status {
		return s.found(s.RawFileSystem.Mkdir(cancel, in, name, out), in.NodeId, name, out.NodeId)
	})
}

func (s *seam) Symlink(cancel <-chan struct{}, in *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	return s.pass(Symlink, in.NodeId, name, func() fuse.Status {
		return s.found(s.RawFileSystem.Symlink(cancel, in, target, name, out), in.NodeId, name, out.NodeId)
	})
}

func (s *seam) Link(cancel <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	return s.pass(Link, in.NodeId, name, func() fuse.Status {
		return s.found(s.RawFileSystem.Link(cancel, in, name, out), in.NodeId, name, out.NodeId)
	})
}

func (s *seam) Readlink(cancel <-chan struct{}, in *fuse.InHeader) (target []byte, status fuse.Status) {
	status = s.pass(Readlink, in.NodeId, "", func() (status fuse.Status) {
		target, status = s.RawFileSystem.Readlink(cancel, in)
		return status
	})
	return target, status
}

func (s *seam) Unlink(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return s.pass(Unlink, in.NodeId, name, func() fuse.Status { return s.RawFileSystem.Unlink(cancel, in, name) })
}

func (s *seam) Rmdir(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return s.pass(Rmdir, in.NodeId, name, func() fuse.Status { return s.RawFileSystem.Rmdir(cancel, in, name) })
}

func (s *seam) Rename(cancel <-chan struct{}, in *fuse.RenameIn, name, to string) fuse.Status {
	return s.pass(Rename, in.NodeId, name, func() fuse.Status { return s.RawFileSystem.Rename(cancel, in, name, to) })
}

func (s *seam) GetXAttr(cancel <-chan struct{}, in *fuse.InHeader, name string, p []byte) (n uint32, status fuse.Status) {
	status = s.pass(GetXattr, in.NodeId, "", func() (status fuse.Status) {
		n, status = s.RawFileSystem.GetXAttr(cancel, in, name, p)
		return status
	})
	return n, status
}

func (s *seam) ListXAttr(cancel <-chan struct{}, in *fuse.InHeader, p []byte) (n uint32, status fuse.Status) {
	status = s.pass(GetXattr, in.NodeId, "", func() (status fuse.Status) {
		n, status = s.RawFileSystem.ListXAttr(cancel, in, p)
		return status
	})
	return n, status
}

func (s *seam) SetXAttr(cancel <-chan struct{}, in *fuse.SetXAttrIn, name string, p []byte) fuse.Status {
	return s.pass(SetXattr, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.SetXAttr(cancel, in, name, p) })
}

func (s *seam) RemoveXAttr(cancel <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return s.pass(SetXattr, in.NodeId, "", func() fuse.Status { return s.RawFileSystem.RemoveXAttr(cancel, in, name) })
}
