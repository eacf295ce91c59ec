package layer

import (
	"context"
	"fmt"
	"io"
)

// Content writes the content of files of the tree that the stack's layers merge
// to, one behind the other. All must be regular files.
//
// Of a plain layer it reads the content alone. A compressed layer is read forward
// to the last file that is wanted of it, once, unless a file is asked for again:
// what lies behind that, and the check sum at the end of the stream, is not looked
// at. Content that another order wants earlier waits in a temporary file.
func (s *Stack) Content(ctx context.Context, w io.Writer, files ...File) error {
	for _, f := range files {
		if f.Type != Regular {
			return fmt.Errorf("%q: it is a %s, not a file", f.Path, f.Type)
		}
	}
	for len(files) > 0 {
		n := distinct(files)
		if err := s.content(ctx, w, files[:n]); err != nil {
			return err
		}
		files = files[n:]
	}
	return nil
}

// distinct is how many files there are before one comes again.
func distinct(files []File) int {
	seen := map[*Inode]bool{}
	for i, f := range files {
		if seen[f.Inode] {
			return i
		}
		seen[f.Inode] = true
	}
	return len(files)
}

func (s *Stack) content(ctx context.Context, w io.Writer, files []File) (err error) {
	all := func(yield func(record) bool) {
		for _, f := range files {
			if !yield(record{path: f.Path, inode: f.Inode}) {
				return
			}
		}
	}
	c := s.newContents(ctx, all)
	defer func() { err = joinClose(err, c) }()
	buffer := make([]byte, bufferSize)
	for r := range all {
		if !r.carriesContent() {
			continue
		}
		if err := c.copyTo(w, r.inode, buffer); err != nil {
			return fmt.Errorf("%q: %w", r.path, err)
		}
	}
	return nil
}
