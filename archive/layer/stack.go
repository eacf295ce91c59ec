package layer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/imgtool/imgtool/archive/codec"
	"golang.org/x/sync/errgroup"
)

// Blob is the stored form of a layer. ReadAt may be called from several
// goroutines.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64 // stored bytes
}

// Layer is one layer of an image, as it is stored.
type Layer struct {
	// Digest tells layers apart: one that stands twice is read once.
	Digest string
	// Compression is what Open's blob is compressed with.
	Compression codec.Compression
	// Open gives the stored bytes, whenever they are needed.
	Open func() (Blob, error)
	// Check, if there is one, reads all stored bytes and fails where they are
	// not what was promised. It runs beside the first reading of the layer.
	Check func(context.Context) error
}

// Stack is the layers of an image, the lowest first, and how to read them. It is
// safe for concurrent use.
type Stack struct {
	Layers []Layer
	// MaxExpansion is as in [codec.ReaderOptions]; it holds for holes of sparse
	// files too.
	MaxExpansion int64
	// Jobs is how many layers are read at once. Zero means GOMAXPROCS.
	Jobs int
	// Progress is told the stored bytes read since its last call, from several
	// goroutines. Nil means that nobody wants to know.
	Progress func(int64)
	// Temp gives a temporary file for content that has to wait. Nil means that
	// none may be used, and that what needs one fails.
	Temp func() (TempFile, error)
}

// TempFile is a temporary file, gone when it is closed.
type TempFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// TotalSize is the number of stored bytes of all layers, each counted once.
func (s *Stack) TotalSize() (int64, error) {
	var total int64
	first, _ := s.occurrences()
	for i, l := range s.Layers {
		if first[i] != i {
			continue
		}
		blob, err := l.Open()
		if err != nil {
			return 0, err
		}
		total += blob.Size()
		if err := blob.Close(); err != nil {
			return 0, err
		}
	}
	return total, nil
}

// occurrences gives for each layer the first one of its digest, and whether
// another one of its digest follows.
func (s *Stack) occurrences() (first []int, again []bool) {
	first, again = make([]int, len(s.Layers)), make([]bool, len(s.Layers))
	seen := map[string]int{} // the first and the latest of a digest
	latest := map[string]int{}
	for i, l := range s.Layers {
		first[i] = i
		if k, ok := seen[l.Digest]; ok {
			first[i] = k
			again[latest[l.Digest]] = true
		} else {
			seen[l.Digest] = i
		}
		latest[l.Digest] = i
	}
	return first, again
}

// MergeOptions says what a merge is to find out. The zero value reads no more
// than the layers' entries.
type MergeOptions struct {
	// Sums reads the content of every file for [Compare].
	Sums bool
	// Marks lets [Compare] tell the content of files apart by the entry that they
	// come from, in place of Sums: what comes from one entry of one layer is the
	// same, all else differs. No content is read. It is of use for clones of one
	// tree; where other layers with Sums lie over it, what is marked differs from
	// what is summed.
	Marks bool
}

// Merge reads all layers, several at once, and merges them. Of a plain layer it
// reads the headers alone, unless the layer has a Check or sums are wanted; a
// compressed layer is read whole. It fails with an [*EntryError] for an entry that
// cannot be applied, and with what reading fails with.
//
// Besides the tree it takes about 170 bytes for each entry of the layers that it
// is at, and for each layer 1 MiB, or 160 MiB where zstd or xz has the largest
// window that is accepted.
func (s *Stack) Merge(ctx context.Context, opts MergeOptions) (*Tree, error) {
	return s.MergeOnto(ctx, newTree(), opts)
}

// MergeBase is Merge, and gives the tree of the n lowest layers too.
func (s *Stack) MergeBase(ctx context.Context, n int, opts MergeOptions) (base, whole *Tree, err error) {
	whole = newTree()
	if n == 0 {
		base = newTree()
	}
	err = s.fold(ctx, opts, func(i int, c *Changeset, keep bool) error {
		if err := whole.Apply(i, c, ApplyOptions{Keep: keep}); err != nil {
			return err
		}
		if i == n-1 {
			base = whole.clone()
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return base, whole, nil
}

// MergeOnto is Merge over a tree that stays as it is.
func (s *Stack) MergeOnto(ctx context.Context, base *Tree, opts MergeOptions) (*Tree, error) {
	t := base.clone()
	err := s.fold(ctx, opts, func(n int, c *Changeset, keep bool) error { return t.Apply(n, c, ApplyOptions{Keep: keep}) })
	if err != nil {
		return nil, err
	}
	return t, nil
}

// fold reads the layers and calls apply for each of them, in order, from one
// goroutine. Its last argument says that the changeset is needed again.
func (s *Stack) fold(ctx context.Context, opts MergeOptions, apply func(int, *Changeset, bool) error) error {
	group, ctx := errgroup.WithContext(ctx)
	first, again := s.occurrences()
	scans := s.startScans(ctx, group, first, opts)
	group.Go(func() error {
		read := make([]*Changeset, len(s.Layers))
		for i, at := range first {
			if at == i {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case read[i] = <-scans.results[i]:
				}
			}
			if err := apply(i, read[at], again[i]); err != nil {
				return fmt.Errorf("layer %d: %w", i, err)
			}
			if !again[i] {
				read[at] = nil
			}
			if at == i {
				<-scans.slots
			}
		}
		return nil
	})
	return group.Wait()
}

// scans are the layers that are being read.
type scans struct {
	results []chan *Changeset
	slots   chan struct{} // taken for each layer from its reading until it was applied
}

// startScans reads the layers in their order, no more of them at once than there
// are slots.
func (s *Stack) startScans(ctx context.Context, group *errgroup.Group, first []int, opts MergeOptions) scans {
	all := scans{results: make([]chan *Changeset, len(first)), slots: make(chan struct{}, s.jobs())}
	for i := range first {
		all.results[i] = make(chan *Changeset, 1)
	}
	held := &Budget{}
	group.Go(func() error {
		for i, at := range first {
			if at != i {
				continue
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case all.slots <- struct{}{}:
			}
			group.Go(func() error {
				c, err := s.scan(ctx, i, opts, held)
				if err != nil {
					return fmt.Errorf("layer %d: %w", i, err)
				}
				all.results[i] <- c
				return nil
			})
		}
		return nil
	})
	return all
}

func (s *Stack) jobs() int {
	if s.Jobs > 0 {
		return s.Jobs
	}
	return runtime.GOMAXPROCS(0)
}

// scan reads one layer, and its Check beside it.
func (s *Stack) scan(ctx context.Context, i int, opts MergeOptions, b *Budget) (*Changeset, error) {
	c := &Changeset{}
	err := s.checked(ctx, i, func(ctx context.Context) error { return s.readChangeset(ctx, i, opts, b, c) })
	if err != nil {
		return nil, err
	}
	return c, nil
}

// checked runs read, and the Check of layer i beside it. Where the stored bytes
// are not what was promised, that is the error: whatever else went wrong came of
// it.
func (s *Stack) checked(ctx context.Context, i int, read func(context.Context) error) error {
	check := s.Layers[i].Check
	if check == nil {
		return read(ctx)
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		err := check(ctx)
		if err != nil {
			cancel()
		}
		result <- err
	}()
	err := read(reading)
	if fault := <-result; fault != nil {
		return fault
	}
	return err
}

func (s *Stack) readChangeset(ctx context.Context, i int, opts MergeOptions, b *Budget, c *Changeset) error {
	sums := NewSummer()
	return s.Read(ctx, i, func(e Entry, content io.Reader) (err error) {
		if err := b.Take(&e); err != nil {
			return err
		}
		switch {
		case opts.Sums:
			err = sums.Sum(ctx, &e, content)
		case opts.Marks:
			e.mark()
		}
		c.Add(e)
		return err
	})
}

// Read calls visit for each entry of layer i in the order of its tar, markers
// among them, and stops at its first error. The content can be read until visit
// returns. All of a compressed layer is read, to its end behind the tar.
func (s *Stack) Read(ctx context.Context, i int, visit func(e Entry, content io.Reader) error) (err error) {
	in, err := s.open(ctx, i)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	r := NewReader(in.r)
	r.MaxExpansion = s.MaxExpansion
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return in.drain()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		e.Origin.Layer = int32(i)
		if err := visit(e, r); err != nil {
			return err
		}
	}
}

// CopyTar writes the uncompressed tar of layer i to w as it is, with the layer's
// Check beside it. Nothing looks into the tar. Decoding goes on while w writes.
func (s *Stack) CopyTar(ctx context.Context, i int, w io.Writer) error {
	return s.checked(ctx, i, func(ctx context.Context) (err error) {
		in, err := s.open(ctx, i)
		if err != nil {
			return err
		}
		defer func() { err = joinClose(err, in) }()
		a := readAhead(ctx, in.r)
		defer a.Close() // has no error
		_, err = a.WriteTo(w)
		return err
	})
}

// Budget bounds what all layers together may hold in memory. The zero value is a
// whole budget. It is safe for concurrent use.
type Budget struct{ entries, text atomic.Int64 }

// Release gives back what the entries of c took.
func (b *Budget) Release(c *Changeset) {
	b.entries.Add(-c.entries)
	b.text.Add(-c.text)
}

// maxText bounds names, link targets and attributes of all entries together, in
// bytes, since a tree holds them: 100 bytes for each of [MaxEntries].
const maxText = 1 << 30

// Take counts an entry that is held. It fails with [ErrTooLarge] where that is
// too much.
func (b *Budget) Take(e *Entry) error {
	entries, text := b.entries.Add(1), b.text.Add(e.text())
	switch {
	case entries > MaxEntries:
		return fmt.Errorf("entries: %w of %d", ErrTooLarge, MaxEntries)
	case text > maxText:
		return fmt.Errorf("names, link targets and attributes: %w of %d bytes", ErrTooLarge, maxText)
	}
	return nil
}

// text is how many bytes of e a tree holds beside its fixed size.
func (e *Entry) text() int64 {
	total := len(e.Path) + len(e.Link)
	if e.Extra == nil {
		return int64(total)
	}
	for _, set := range []map[string]string{e.Extra.Xattrs, e.Extra.Records} {
		for key, value := range set {
			total += len(key) + len(value)
		}
	}
	return int64(total)
}
