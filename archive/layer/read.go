package layer

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
)

// Reader gives the entries of a layer's uncompressed tar in their order, in any
// dialect of tar. It is for one goroutine.
type Reader struct {
	// Index is the number of the entry that Next gave last, as in [Origin].
	Index int32
	// MaxExpansion is as in [codec.ReaderOptions], for holes of sparse files. It
	// is set before the first call of Next.
	MaxExpansion int64

	tar    *tar.Reader
	at     func() int64
	owners map[Owner]*Owner
	sparse sparseGuard
}

// NewReader reads the tar r. Where r can seek, content that nobody asks for is
// not read.
func NewReader(r io.Reader) *Reader {
	l := &Reader{Index: -1, owners: map[Owner]*Owner{}}
	if s, ok := r.(io.Seeker); ok {
		l.tar = tar.NewReader(r)
		l.at = func() int64 { n, _ := s.Seek(0, io.SeekCurrent); return n } // asking does not fail
		return l
	}
	counted := &counter{r: r}
	l.tar, l.at = tar.NewReader(counted), func() int64 { return counted.n }
	return l
}

// Next gives the next entry, and [io.EOF] behind the last one. Entries that mean
// nothing are passed over: global PAX headers, which Docker and containerd pass
// over too, and names that AUFS used. It fails with an [*EntryError] for an entry
// that cannot be, and with what reading fails with.
func (r *Reader) Next() (Entry, error) {
	for {
		h, err := r.tar.Next()
		if errors.Is(err, io.EOF) {
			return Entry{}, io.EOF
		}
		if err != nil {
			return Entry{}, fmt.Errorf("read tar at %d: %w", r.at(), err)
		}
		r.Index++
		r.sparse.begin(h)
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		e, nothing, err := r.entry(h)
		if err != nil {
			return Entry{}, &EntryError{Path: h.Name, Offset: r.at(), Err: err}
		}
		if !nothing {
			return e, nil
		}
	}
}

func (r *Reader) entry(h *tar.Header) (e Entry, nothing bool, err error) {
	if e.Path, err = cleanPath(h.Name); err != nil {
		return e, false, err
	}
	t, target, nothing := marker(e.Path)
	if nothing || t.IsMarker() {
		e.Path, e.Type, e.Owner = strings.Clone(target), t, rootOwner
		e.Origin = Origin{Index: r.Index, Offset: r.at()}
		return e, nothing, checkLength(target)
	}
	if err := checkLength(e.Path); err != nil {
		return e, false, err
	}
	if e.Inode, err = r.inode(h); err != nil {
		return e, false, err
	}
	// The name may be a part of a PAX header, all of which it would hold.
	e.Path = strings.Clone(e.Path)
	e.Origin = Origin{Index: r.Index, Offset: r.at()}
	if r.sparse.is {
		e.Origin.Offset = -1
	}
	if e.Type == Hardlink {
		e.Link, err = cleanPath(strings.Clone(h.Linkname))
	}
	if err != nil {
		err = fmt.Errorf("hardlink to %q: %w", h.Linkname, err)
	}
	return e, false, err
}

// Read reads the content of the entry that Next gave last, holes as zeros.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.tar.Read(p)
	if err == nil || err == io.EOF {
		if guarded := r.sparse.add(n, r.at(), r.MaxExpansion); guarded != nil {
			return n, guarded
		}
		return n, err
	}
	return n, fmt.Errorf("read tar at %d: %w", r.at(), err)
}

// owner gives the one copy of an owner.
func (r *Reader) owner(o Owner) *Owner {
	if shared, ok := r.owners[o]; ok {
		return shared
	}
	shared := &Owner{UID: o.UID, GID: o.GID, Uname: strings.Clone(o.Uname), Gname: strings.Clone(o.Gname)}
	r.owners[*shared] = shared
	return shared
}

// sparseGuard stops holes that are far larger than what is stored, as the guard
// of compressed streams does.
type sparseGuard struct {
	is    bool
	given int64
}

// begin looks at the header of an entry: GNU tar's old sparse files and its PAX
// forms 1.0 and 0.0 or 0.1.
func (s *sparseGuard) begin(h *tar.Header) {
	_, v1 := h.PAXRecords["GNU.sparse.major"]
	_, v0 := h.PAXRecords["GNU.sparse.map"]
	s.is = h.Typeflag == tar.TypeGNUSparse || v1 || v0
}

func (s *sparseGuard) add(n int, stored, limit int64) error {
	if !s.is {
		return nil
	}
	s.given += int64(n)
	switch {
	case limit == 0:
		limit = codec.DefaultMaxExpansion
	case limit < 0:
		limit = math.MaxInt64
	}
	if s.given > 1<<30 && s.given/limit > stored {
		return fmt.Errorf("sparse files: %w: %d bytes from %d, over %d to 1", codec.ErrExpansion, s.given, stored, limit)
	}
	return nil
}

// counter counts the bytes that were read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// sumSeed makes sums of content comparable within this process, and nowhere
// else: nobody can make two contents of one sum in advance.
var sumSeed = maphash.MakeSeed()

// mark gives a file a sum that no other entry has, but by chance.
func (e *Entry) mark() {
	if e.Type == Regular {
		e.sum = maphash.Comparable(sumSeed, e.Origin)
	}
}

// Summer sums content for [Compare]. It is for one goroutine.
type Summer struct {
	hash   maphash.Hash
	buffer []byte
}

// NewSummer makes a summer, which takes a buffer of 256 KiB when it is used.
func NewSummer() *Summer {
	s := &Summer{}
	s.hash.SetSeed(sumSeed)
	return s
}

// Sum reads the content of e, if it is a file, to its end, and keeps the sum.
func (s *Summer) Sum(ctx context.Context, e *Entry, content io.Reader) error {
	if e.Type != Regular {
		return nil
	}
	if s.buffer == nil {
		s.buffer = make([]byte, bufferSize)
	}
	s.hash.Reset()
	for {
		n, err := content.Read(s.buffer)
		s.hash.Write(s.buffer[:n])
		if err == io.EOF {
			e.sum = s.hash.Sum64()
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}
