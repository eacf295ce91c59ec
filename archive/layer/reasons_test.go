package layer_test

// Why a tool is not followed: the sentence that settles it, of layer.md of image-
// spec v1.1 or of the rules of this project (DESIGN), and what the tool does.
const (
	whySameLayer = `layer.md: "Files that are present in the same layer as a whiteout file can only be hidden by whiteout files in subsequent layers." ` +
		`The tool applies entries one by one, or fails`
	whyReturns = `DESIGN: "Once removed, nothing older comes back when the name returns." ` +
		`overlay2 lets the folder take the place of the whiteout`
	whyNoTarget = `DESIGN: "A missing target is no error." The tool makes the folders down to it, or fails`
	whyTwoMarks = `DESIGN: "Whiteouts and opaque markers act on lower layers alone and wherever they stand in their layer." ` +
		`overlay2 cannot make one below the other`
	whyMarkName = `layer.md: "it is not possible to create a filesystem which has a file or directory with a name beginning with .wh."`
	whyAUFS     = `DESIGN: "other .wh..wh.* names (AUFS) are no files"`
	whyBare     = `DESIGN: "a bare .wh. deletes nothing"; nor does one of a dot, which the tool takes for the folder, or fails`
	whyLinkMark = `DESIGN: "The same for whiteouts and hardlink targets spelled through such a link." The tool does not follow it`
	whyOldLink  = `DESIGN: "Whiteouts and opaque markers act on lower layers alone and wherever they stand in their layer." ` +
		`In the lower layer the path leads through the link, which the tool has replaced by then`
	whyThrough = `DESIGN: "An entry under a path that the tree so far has as a symlink to a directory goes through the link, confined to the image's root." ` +
		`overlay2 makes a folder over the link; podman opens a file with the kernel's rules`
	whyOpaqueKeeps = `DESIGN: "An opaque directory without an entry of its own keeps the lower directory's attributes." overlay2 makes it anew`
	whyParentKeeps = `DESIGN: "A parent that has no entry keeps the lower one's attributes." overlay2 makes it anew`
	whyOpaqueRoot  = `layer.md: "An opaque whiteout file hides all children." overlayfs does not do that for its root`
	whyDirTime     = `layer.md: "If the entry and the existing path are both directories, then the existing path's attributes MUST be replaced by those of the entry." ` +
		`The tool removes something below after it set the time`
	whyImplied = `layer.md: "the implementation MUST do the semantic equivalent of removing the file path and recreating it"; ` +
		`DESIGN: "a directory over anything else replaces it", which holds for one without an entry. The tool fails`
	whyRoot      = `DESIGN: "A non-directory over a directory removes its subtree", which the root cannot be. The tool ignores it`
	whyTwice     = `DESIGN: "In one layer the last entry of a path wins." layer.md forbids to write them: "MUST NOT include duplicate entries for file paths"`
	whyOnDisk    = `DESIGN: "overlayfs on-disk forms (char 0:0, trusted.overlay.opaque) mean nothing in a layer."`
	whyLowerLink = `DESIGN: "A hardlink entry binds to the inode that its target path has at that point." ` +
		`overlay2 has the lower layers not at hand; layer.md: "Extracting a layer with hardlink references to files outside of the layer may fail."`
	whyOwnFolder = `DESIGN: "A hardlink entry binds to the inode that its target path has at that point." ` +
		`The tool removes the folder first, and the target with it`
	whyLinkHeader = `Where the specification is silent, what Docker shows: the header of a hardlink sets the attributes of the inode`
	whyCapability = `DESIGN: "xattrs (NUL bytes included, so that file capabilities live)". Docker sets the owner again for the link, and Linux drops them`
	whyLeaves     = `DESIGN: ".. that leaves the root is an error." The tool stays inside`
	whyName255    = `DESIGN: "255 a component on unpack", no matter in a tree. The tool's disk cannot hold it`
	whyPath4096   = `DESIGN: "path 4,096 bytes". The tool's disk has the root's own path before it`
	whyXattrs     = `DESIGN: "xattrs (SCHILY.xattr and LIBARCHIVE.xattr)", also empty ones`
	whyTimes      = `DESIGN: "Times keep nanoseconds and may be negative." The tool takes 1970 for what is before`
	whyFarTimes   = `DESIGN: "full-precision times". The tool and its disk stop at 2262 and 2446`
	whyNegative   = `DESIGN: "numeric owners and device numbers" have no sign in Linux, and none in PAX. The tool takes them modulo 2^32`
	whyDialect    = `DESIGN: "Every tar dialect". The tool does not know the type of entry`
	whyFormat     = `DESIGN: "gzip of many members, zstd with skippable frames, xz". The tool does not know the compression`
	whyDepth      = `layer.md: "One or more layers are applied on top of each other", without a limit. overlay2 mounts 128 of them`
)

// by marks tools that disagree for one reason.
func by(reason string, tools ...tool) map[tool]string {
	marks := map[tool]string{}
	for _, with := range tools {
		marks[with] = reason
	}
	return marks
}

// and is two sets of marks.
func and(marks, more map[tool]string) map[tool]string {
	for with, reason := range more {
		marks[with] = reason
	}
	return marks
}
