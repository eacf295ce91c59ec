package layer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imgtool/imgtool/archive/codec"
)

// contents gives the content of files in the order in which it is asked for.
// Each compressed layer is read forward, once. What comes before it is wanted is
// kept in a temporary file.
type contents struct {
	ctx   context.Context // of one Export; it is over when that is
	stack *Stack
	// wanted are the entries whose content is still to come, for each layer.
	wanted []bitset
	// twice are those that several inodes have: of a layer that stands twice,
	// where a hardlink kept what the second time replaced.
	twice   []bitset
	cursors []*cursor
	open    []int // layers with a cursor, the least recently used first
	plain   []Blob
	spill   *spill
}

// maxCursors is how many compressed layers are read side by side. Docker's
// layers are below 128; a pair of buffers and a gzip decoder take 1.1 MiB.
const maxCursors = 64

// maxHeavyCursors is the same for layers of zstd and xz, whose windows take
// 8 MiB and more.
const maxHeavyCursors = 8

func (s *Stack) newContents(ctx context.Context, all records) *contents {
	n := len(s.Layers)
	c := &contents{
		ctx: ctx, stack: s, wanted: make([]bitset, n), twice: make([]bitset, n), cursors: make([]*cursor, n), plain: make([]Blob, n),
	}
	for r := range all {
		if !r.carriesContent() || c.inPlace(r.inode) {
			continue
		}
		at := r.inode.Origin
		if c.wanted[at.Layer].has(at.Index) {
			c.twice[at.Layer].set(at.Index)
		}
		c.wanted[at.Layer].set(at.Index)
	}
	return c
}

// copyTo writes the content of inode to w.
func (c *contents) copyTo(w io.Writer, inode *Inode, buffer []byte) error {
	r, err := c.find(inode, buffer)
	if err != nil {
		return fmt.Errorf("layer %d: %w", inode.Origin.Layer, err)
	}
	n, err := io.CopyBuffer(onlyWriter{w}, &meteredReader{ctx: c.ctx, r: r}, buffer)
	if err == nil && n != inode.Size {
		err = fmt.Errorf("layer %d: %w: %d bytes of %d; it changed while it was read", inode.Origin.Layer, io.ErrUnexpectedEOF, n, inode.Size)
	}
	return err
}

// find gives a reader of the content, valid until the next call.
func (c *contents) find(inode *Inode, buffer []byte) (io.Reader, error) {
	at := inode.Origin
	if c.spill != nil {
		if r, ok := c.spill.get(at); ok {
			return r, nil
		}
	}
	if c.inPlace(inode) {
		return c.section(inode)
	}
	cur, err := c.cursor(int(at.Layer), buffer)
	if err != nil {
		return nil, err
	}
	for {
		e, err := cur.next()
		if err != nil {
			return nil, err
		}
		found := e.Origin.Index == at.Index
		if found && !c.twice[at.Layer].has(at.Index) {
			c.wanted[at.Layer].clear(at.Index)
			return cur.reader, nil
		}
		if err := c.keep(e, cur, buffer); err != nil {
			return nil, err
		}
		if found {
			r, _ := c.spill.get(at)
			return r, nil
		}
	}
}

// inPlace reports content that can be read where it lies, in a plain layer.
func (c *contents) inPlace(inode *Inode) bool {
	return c.stack.Layers[inode.Origin.Layer].Compression == codec.None && inode.Origin.Offset >= 0
}

// section reads from a plain layer.
func (c *contents) section(inode *Inode) (io.Reader, error) {
	at := inode.Origin
	if c.plain[at.Layer] == nil {
		blob, err := c.stack.Layers[at.Layer].Open()
		if err != nil {
			return nil, err
		}
		c.plain[at.Layer] = blob
	}
	return io.NewSectionReader(c.plain[at.Layer], at.Offset, inode.Size), nil
}

// cursor gives the reader of a layer and makes room for it.
func (c *contents) cursor(layer int, buffer []byte) (*cursor, error) {
	if cur := c.cursors[layer]; cur != nil {
		c.use(layer)
		return cur, nil
	}
	for c.full(layer) {
		if err := c.finish(c.open[0], buffer); err != nil {
			return nil, err
		}
	}
	in, err := c.stack.open(c.ctx, layer)
	if err != nil {
		return nil, err
	}
	c.cursors[layer] = newCursor(c.ctx, in, c.stack.MaxExpansion, int32(layer))
	c.open = append(c.open, layer)
	return c.cursors[layer], nil
}

// use marks a layer as the most recently used one.
func (c *contents) use(layer int) {
	for i, l := range c.open {
		if l == layer {
			copy(c.open[i:], c.open[i+1:])
			c.open[len(c.open)-1] = layer
			return
		}
	}
}

// full reports that a cursor must go before layer can have one.
func (c *contents) full(layer int) bool {
	heavy := 0
	for _, l := range append(c.open[:len(c.open):len(c.open)], layer) {
		if compression := c.stack.Layers[l].Compression; compression != codec.Gzip && compression != codec.None {
			heavy++
		}
	}
	return len(c.open) > 0 && (len(c.open) >= maxCursors || heavy > maxHeavyCursors)
}

// finish keeps all that is still wanted of a layer, and closes it.
func (c *contents) finish(layer int, buffer []byte) error {
	cur := c.cursors[layer]
	for !c.wanted[layer].empty() {
		e, err := cur.next()
		if err != nil {
			return err
		}
		if err := c.keep(e, cur, buffer); err != nil {
			return err
		}
	}
	c.cursors[layer] = nil
	c.open = c.open[1:]
	return cur.Close()
}

// keep spills the content of an entry that is wanted later.
func (c *contents) keep(e Entry, cur *cursor, buffer []byte) error {
	if !c.wanted[e.Origin.Layer].has(e.Origin.Index) {
		return nil
	}
	c.wanted[e.Origin.Layer].clear(e.Origin.Index)
	if c.spill == nil {
		s, err := newSpill(c.stack.Temp)
		if err != nil {
			return err
		}
		c.spill = s
	}
	return c.spill.put(e.Origin, cur.reader, buffer)
}

func (c *contents) Close() error {
	var errs []error
	for _, layer := range c.open {
		errs = append(errs, c.cursors[layer].Close())
	}
	for _, blob := range c.plain {
		if blob != nil {
			errs = append(errs, blob.Close())
		}
	}
	if c.spill != nil {
		errs = append(errs, c.spill.Close())
	}
	return errors.Join(errs...)
}

// joinClose closes c and joins its error to err.
func joinClose(err error, c io.Closer) error { return errors.Join(err, c.Close()) }

// onlyReader and onlyWriter hide what would take the buffer's place.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// cursor reads a layer forward, ahead of its user.
type cursor struct {
	in     *stream
	ahead  *ahead // nil for a plain layer
	reader *Reader
	layer  int32
}

func newCursor(ctx context.Context, in *stream, maxExpansion int64, layer int32) *cursor {
	c := &cursor{in: in, layer: layer}
	if _, plain := in.r.(io.Seeker); plain {
		c.reader = NewReader(in.r)
	} else {
		c.ahead = readAhead(ctx, in.r)
		c.reader = NewReader(c.ahead)
	}
	c.reader.MaxExpansion = maxExpansion
	return c
}

func (c *cursor) next() (Entry, error) {
	e, err := c.reader.Next()
	if errors.Is(err, io.EOF) {
		return e, fmt.Errorf("%w; it changed while it was read", io.ErrUnexpectedEOF)
	}
	e.Origin.Layer = c.layer
	return e, err
}

func (c *cursor) Close() error {
	if c.ahead != nil {
		_ = c.ahead.Close() // has no error
	}
	return c.in.Close()
}

// bitset is a set of small numbers that knows whether it is empty.
type bitset struct {
	bits []uint64
	n    int
}

func (b *bitset) set(i int32) {
	for int(i/64) >= len(b.bits) {
		b.bits = append(b.bits, 0)
	}
	if !b.has(i) {
		b.bits[i/64] |= 1 << (i % 64)
		b.n++
	}
}

func (b *bitset) has(i int32) bool { return int(i/64) < len(b.bits) && b.bits[i/64]&(1<<(i%64)) != 0 }
func (b *bitset) empty() bool      { return b.n == 0 }

func (b *bitset) clear(i int32) {
	if b.has(i) {
		b.bits[i/64] &^= 1 << (i % 64)
		b.n--
	}
}
