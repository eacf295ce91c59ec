// Package layer reads the layers of an image, merges them to one filesystem and
// writes that, or a part of it, as a tar.
//
// A [Stack] is the layers of an image as they are stored. [Stack.Merge] gives
// their [Tree], the one truth that listing, exporting, flattening, unpacking and
// comparing share; [Stack.Export] writes it, [Compare] tells two of them apart.
// [Reader] gives the entries of one layer as they stand.
//
// # What a layer means
//
// image-spec v1.1 layer.md, and where that is silent what Docker and containerd
// do:
//
//   - Layers apply from the lowest up. Whiteouts and opaque markers act on the
//     layers below alone, wherever they stand in theirs and whatever type they
//     have. What they name need not be there. They lead through symlinks of the
//     layers below, and never stand in a result. Other names that begin with
//     .wh..wh. were AUFS's own and are no files; .wh. alone removes nothing.
//   - A folder over a folder merges with it and gives it its attributes. Anything
//     else over anything else replaces it, with all that lies below. A folder
//     without an entry keeps the attributes that it has below, or has the mode
//     0755, the owner 0:0 and the time 0.
//   - A path that leads through a symlink to a folder goes through it, inside the
//     image's root. containerd and umoci do that; overlayfs, given the layers one
//     by one, does not. A file on the way becomes a folder, unless a symlink led
//     to it: that is an error.
//   - A hardlink is another name for the inode that its target has at that point,
//     and sets its attributes. A target that is not there is an error.
//   - Paths are bytes, in one clean spelling; `..` that leaves the root is an
//     error. The last entry of a path wins.
//   - Device nodes that overlayfs would take for whiteouts are device nodes.
//
// Tars of every dialect are read, through [archive/tar]: entries end at the end
// marker, if there is one, while all bytes count in the digest. Global PAX headers
// are passed over, as Docker and containerd do. Holes of sparse files are read,
// compared and written as zeros.
package layer
