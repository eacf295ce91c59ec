// Package faultfs is a file system that breaks on purpose, for tests. It passes
// all that is done to it on to a folder, numbers the operations of one process
// from its start, and has one of them go wrong: with an I/O error, on a full
// disk, interrupted, half done, or with a signal to the process.
//
// A test first runs a program without a [Fault] to see how many operations it
// takes, and then once for each of them with a fault there:
//
//	disk, err := faultfs.Mount(backing, place)
//	clean, err := disk.Run(command(place), faultfs.Fault{})
//	for at := range clean.Ops {
//		broken, err := disk.Run(command(place), faultfs.Fault{At: at + 1, Effect: faultfs.EIO})
//		// look at backing, never at place
//	}
//
// The process that mounts it also serves it, so it must look at the backing
// folder alone: a call that goes through the mount could wait for itself.
//
// It is a FUSE file system without any caching, so that each system call of the
// program becomes operations, and always the same ones. Nothing is made durable:
// what a program syncs is counted and can fail, but costs no time. It needs
// Linux, root and /dev/fuse, and does not build for 386.
package faultfs
