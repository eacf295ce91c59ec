package layer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive/codec"
)

// Visit calls visit for each regular file of the tree that want is true for, with
// its content, and stops at its first error. The tree must be what the stack's
// layers merge to. The content can be read until visit returns; where nothing has
// to be decoded for it, it is an [io.ReaderAt] too. Of hardlinks the first path
// that is wanted stands for all. want is called first, for all files in the order
// of paths.
//
// Layers come one after the other, the lowest first, and the files of a layer in
// the order of its tar. Each layer is read once and forward, to the last file that
// is wanted of it, a plain one for its headers and for that alone; one of which
// nothing is wanted is not opened. What lies behind the last file, and the check
// sum at the end of a stream, is not looked at. Memory: as [Stack.Read], and what
// the list of wanted files takes.
func (s *Stack) Visit(ctx context.Context, t *Tree, want func(File) bool, visit func(f File, content io.Reader) error) error {
	for i, wanted := range s.wanted(t, want) {
		if len(wanted) == 0 {
			continue
		}
		if err := s.visitLayer(ctx, i, wanted, visit); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

// wanted gives for each layer the files to read, by the index of their entries.
func (s *Stack) wanted(t *Tree, want func(File) bool) []map[int32]File {
	all := make([]map[int32]File, len(s.Layers))
	t.root.walk(".", func(p string, n *node) bool {
		f := File{Path: p, Layer: int(n.layer), Inode: n.inode}
		if f.Type != Regular || !want(f) {
			return true
		}
		at := f.Origin
		if all[at.Layer] == nil {
			all[at.Layer] = map[int32]File{}
		}
		if _, ok := all[at.Layer][at.Index]; !ok {
			all[at.Layer][at.Index] = f
		}
		return true
	})
	return all
}

// errVisited ends the reading of a layer of which no more is wanted.
var errVisited = errors.New("all is read")

func (s *Stack) visitLayer(ctx context.Context, i int, wanted map[int32]File, visit func(File, io.Reader) error) error {
	blob, err := s.Layers[i].Open()
	if err != nil {
		return err
	}
	plain := s.Layers[i].Compression == codec.None
	err = s.Read(ctx, i, func(e Entry, content io.Reader) error {
		f, ok := wanted[e.Origin.Index]
		if !ok {
			return nil
		}
		delete(wanted, e.Origin.Index)
		at := e.Origin.Offset
		if plain && at >= 0 && e.Size <= blob.Size()-at { // else reading it tells what lacks
			content = io.NewSectionReader(blob, at, e.Size)
		}
		if err := visit(f, content); err != nil {
			return fmt.Errorf("%q: %w", f.Path, err)
		}
		if len(wanted) == 0 {
			return errVisited
		}
		return nil
	})
	switch {
	case errors.Is(err, errVisited):
		err = nil
	case err == nil:
		err = fmt.Errorf("%w: it changed while it was read", io.ErrUnexpectedEOF)
	}
	return joinClose(err, blob)
}
