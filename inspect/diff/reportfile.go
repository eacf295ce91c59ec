package diff

import (
	"path"
	"strings"

	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect"
)

// FileChange is a path at which two filesystems differ. Its JSON form has what
// [File.Entry] tells of both sides.
type FileChange struct {
	// Path is relative, as [layer.File] has it: "." for the root. [FileChange.Name]
	// gives it for people.
	Path string
	Kind Kind
	// Aspects are what differs, where Kind is Changed.
	Aspects Aspects
	// Before and After are nil for what was added or removed.
	Before, After *File
	// Text is how a text file changed, where that was asked for.
	Text *TextDiff
}

// Name is the path from the root on.
func (c *FileChange) Name() string { return absolute(c.Path) }

// TimesOnly reports that nothing else than times differs.
func (c *FileChange) TimesOnly() bool { return c.Kind == Changed && c.Aspects == AspectTimes }

// Type is what lies there: on side B, or on side A where B has nothing.
func (c *FileChange) Type() string {
	if c.After != nil {
		return c.After.Type.String()
	}
	return c.Before.Type.String()
}

// Sizes are the lengths of the content on both sides in bytes; what is no file
// has none.
func (c *FileChange) Sizes() (before, after int64) { return c.Before.size(), c.After.size() }

// File is a file on one side. It shares what the tree holds.
type File struct{ *layer.Inode }

// Entry tells all of the file as it is at a path, with the layer that its inode
// comes from. Path is as in [FileChange].
func (f *File) Entry(p string) inspect.Entry {
	return inspect.NewEntry(layer.File{Path: p, Layer: int(f.Origin.Layer), Inode: f.Inode})
}

func newFile(i *layer.Inode) *File {
	if i == nil {
		return nil
	}
	return &File{i}
}

// size is the length of the content, 0 of what has none.
func (f *File) size() int64 {
	if f == nil || f.Type != layer.Regular {
		return 0
	}
	return f.Size
}

// Aspects are what can differ between two files; they add up.
type Aspects uint16

// The aspects.
const (
	AspectType Aspects = 1 << iota
	AspectContent
	AspectLink       // target of a symlink
	AspectHardlinks  // which paths are names of one file
	AspectMode       // not of symlinks, which have none
	AspectOwner      // numbers
	AspectOwnerNames // the names that the layer has beside them
	AspectDevice     // numbers of a device
	AspectXattrs     // extended attributes
	AspectRecords    // further PAX records
	AspectTimes      // of modification, access and change
)

var aspectWords = []string{
	"type", "content", "link", "hardlinks", "mode", "owner", "ownerNames", "device", "xattrs", "records", "times",
}

// Words are the aspects as JSON has them.
func (a Aspects) Words() []string {
	words := []string{}
	for i, word := range aspectWords {
		if a&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	return words
}

// String lists the aspects for people.
func (a Aspects) String() string {
	return strings.ReplaceAll(strings.Join(a.Words(), ", "), "ownerNames", "owner names")
}

// absolute gives a relative path of an image from its root on.
func absolute(p string) string { return path.Join("/", p) }
