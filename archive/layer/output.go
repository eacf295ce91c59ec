package layer

import (
	"archive/tar"
	"bufio"
	"context"
	"fmt"
	"io"
	"path"
)

// record is one entry of a tar to write: an inode under a path, a hardlink to
// the path link where that is not empty, or a whiteout where there is no inode.
type record struct {
	path  string
	link  string
	inode *Inode
}

// carriesContent reports that the content of the inode follows the header.
func (r record) carriesContent() bool {
	return r.inode != nil && r.link == "" && r.inode.Type == Regular && r.inode.Size > 0
}

// records gives entries in the order of the output. It can be asked again.
type records func(yield func(record) bool)

// Export writes the tree that the stack's layers merge to as a PAX tar: parents
// before children, names sorted by their bytes within a folder, the content of a
// file at its first name and hardlinks to that. A folder without an entry of its
// own has the mode 0755, the owner root and the time 0; the root itself is
// written if a layer has an entry for it. The same tree gives the same bytes,
// however it is divided into layers.
//
// Content is streamed. Layers are read side by side, each once; what a layer has
// earlier than the order of paths wants it waits in a temporary file, and so does
// what is left of a layer when more than 64 of them are needed at once. Memory:
// the tree, and as [Stack.Merge] says for each layer that is open.
func (s *Stack) Export(ctx context.Context, w io.Writer, t *Tree) error {
	return s.write(ctx, w, t.records())
}

// WriteChanges writes the changeset that makes base to t as a layer tar (image-
// spec v1.1 layer.md, "Change Types"): what is not as it was in base, whiteouts
// for what is gone, and the folders on the way, since overlay2 of Docker takes
// their attributes from the uppermost layer that has them. Both trees must be
// from one [Stack.MergeBase]. Everything else is as in [Stack.Export].
func (s *Stack) WriteChanges(ctx context.Context, w io.Writer, base, t *Tree) error {
	return s.write(ctx, w, changes(base, t))
}

// write writes all records and the end of the tar.
func (s *Stack) write(ctx context.Context, w io.Writer, all records) (err error) {
	c := s.newContents(ctx, all)
	defer func() { err = joinClose(err, c) }()
	buffered := bufio.NewWriterSize(w, bufferSize)
	tw := tar.NewWriter(buffered)
	buffer := make([]byte, bufferSize)
	for r := range all {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeRecord(tw, r, c, buffer); err != nil {
			return fmt.Errorf("write %q: %w", r.path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func writeRecord(tw *tar.Writer, r record, c *contents, buffer []byte) error {
	h := whiteoutHeader(r.path)
	if r.inode != nil {
		h = r.inode.header(r.path, r.link)
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if !r.carriesContent() {
		return nil
	}
	return c.copyTo(tw, r.inode, buffer)
}

// records gives the whole tree.
func (t *Tree) records() records {
	return func(yield func(record) bool) {
		first := map[*Inode]string{}
		t.root.walk(".", func(p string, n *node) bool {
			if n.parent == nil && n.inode.Origin.Implied() {
				return true
			}
			return yield(linked(first, p, n.inode))
		})
	}
}

// linked makes a record of a path: a hardlink where the inode was given under
// another path before.
func linked(first map[*Inode]string, p string, inode *Inode) record {
	r := record{path: p, inode: inode}
	if inode.names > 1 {
		r.link = first[inode]
		if r.link == "" {
			first[inode] = p
		}
	}
	return r
}

// changes gives what makes base to t.
func changes(base, t *Tree) records {
	return func(yield func(record) bool) {
		w := &changeWriter{first: map[*Inode]string{}, written: map[*node]bool{}, yield: yield}
		w.anchor(".", base.root, t.root)
		w.folder(".", base.root, t.root)
	}
}

type changeWriter struct {
	// first is the path of an inode that hardlinks can point at: one that base
	// has, or the first one written.
	first   map[*Inode]string
	written map[*node]bool // folders
	yield   func(record) bool
	done    bool
}

// anchor finds the hardlinked inodes that base has under the same path.
func (w *changeWriter) anchor(p string, before, after *node) {
	if after.inode.names > 1 && unchanged(before, after) && w.first[after.inode] == "" {
		w.first[after.inode] = p
	}
	for _, child := range after.sorted() {
		if old := before.children.get(child.name); old != nil {
			w.anchor(path.Join(p, child.name), old, child)
		}
	}
}

// unchanged reports that a path has the inode that it had in base, as it was.
// Where an inode came from does not tell: that of a layer which stands twice comes
// again as another one.
func unchanged(before, after *node) bool {
	return before != nil && before.inode.version == after.inode.version
}

// folder writes what changed at and below a path that t has.
func (w *changeWriter) folder(p string, before, after *node) {
	if !unchanged(before, after) && !(after.parent == nil && after.inode.Origin.Implied()) {
		w.entry(p, after)
	}
	if before != nil && after.inode.Type == Dir {
		for _, old := range before.sorted() {
			if after.children.get(old.name) == nil {
				w.parents(after)
				w.emit(record{path: path.Join(p, old.name)})
			}
		}
	}
	for _, child := range after.sorted() {
		if w.done {
			return
		}
		var old *node
		if before != nil {
			old = before.children.get(child.name)
		}
		w.folder(path.Join(p, child.name), old, child)
	}
}

// parents writes the folders down to n, n among them, that are not written yet;
// the root has no entry unless it changed.
func (w *changeWriter) parents(n *node) {
	if n.parent == nil || w.written[n] {
		return
	}
	w.entry(n.path(), n)
}

func (w *changeWriter) entry(p string, n *node) {
	if n.parent != nil {
		w.parents(n.parent)
	}
	w.written[n] = n.inode.Type == Dir
	w.emit(linked(w.first, p, n.inode))
}

func (w *changeWriter) emit(r record) {
	w.done = w.done || !w.yield(r)
}
