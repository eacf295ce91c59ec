package diff

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imgtool/imgtool/archive/layer"
	"golang.org/x/sync/errgroup"
)

// digests hashes the content of files of both sides, which it reads in the order
// of their layers.
func (c *comparison) digests(ctx context.Context, a, b []layer.File) (left, right [][sha256.Size]byte, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		left, err = digestsOf(ctx, c.a.stack, a)
		return err
	})
	group.Go(func() (err error) {
		right, err = digestsOf(ctx, c.b.stack, b)
		return err
	})
	err = group.Wait()
	return left, right, err
}

func digestsOf(ctx context.Context, s *layer.Stack, files []layer.File) ([][sha256.Size]byte, error) {
	out := make([][sha256.Size]byte, len(files))
	h := sha256.New()
	err := eachContent(ctx, s, files, h, func(group []int) {
		for _, i := range group {
			h.Sum(out[i][:0])
		}
		h.Reset()
	})
	return out, err
}

// eachContent writes the content of files to w, and calls done with the number of
// a file, and of other names of it, when all of it was written. The files come in the order in which their
// layers have them, which reads each layer once.
func eachContent(ctx context.Context, s *layer.Stack, files []layer.File, w io.Writer, done func([]int)) error {
	groups := inOrder(files)
	cut := &cutter{w: w, done: func(k int) { done(groups[k]) }}
	for _, group := range groups {
		cut.files = append(cut.files, files[group[0]])
	}
	cut.pass()
	if err := s.Content(ctx, cut, cut.files...); err != nil {
		return err
	}
	if cut.at != len(cut.files) {
		return fmt.Errorf("%q: its content ended early", cut.files[cut.at].Path)
	}
	return nil
}

// inOrder sorts the numbers of files by where their content lies. Names of one file
// stand together.
func inOrder(files []layer.File) [][]int {
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := files[i].Origin, files[j].Origin
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Index, b.Index))
	})
	var groups [][]int
	for k, i := range order {
		if k > 0 && files[order[k-1]].Inode == files[i].Inode {
			groups[len(groups)-1] = append(groups[len(groups)-1], i)
			continue
		}
		groups = append(groups, []int{i})
	}
	return groups
}

// cutter cuts a stream of files, one behind the other, at their sizes.
type cutter struct {
	w       io.Writer
	files   []layer.File
	at      int
	written int64 // of the file at at
	done    func(int)
}

func (c *cutter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if c.at == len(c.files) {
			return 0, errors.New("content behind the last file")
		}
		n := min(int64(len(p)), c.files[c.at].Size-c.written)
		if _, err := c.w.Write(p[:n]); err != nil {
			return 0, err
		}
		c.written += n
		p = p[n:]
		c.pass()
	}
	return total, nil
}

// pass goes on past files that are whole.
func (c *cutter) pass() {
	for c.at < len(c.files) && c.written == c.files[c.at].Size {
		c.done(c.at)
		c.at++
		c.written = 0
	}
}
