package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
)

// syntheticTar is a tar of regular members of one size that lies nowhere:
// headers are made when they are read, and content is zeros.
type syntheticTar struct {
	members, size int64
}

func (s syntheticTar) total() int64 { return s.members*(512+s.padded()) + 1024 }

func (s syntheticTar) padded() int64 { return (s.size + 511) / 512 * 512 }

func (s syntheticTar) ReadAt(p []byte, offset int64) (int, error) {
	n := 0
	for n < len(p) && offset < s.total() {
		stride := 512 + s.padded()
		within := offset % stride
		var got int
		if member := offset / stride; member < s.members && within < 512 {
			header := s.header(member)
			got = copy(p[n:], header[within:])
		} else {
			end := min(offset-within+stride, s.total())
			if member >= s.members {
				end = s.total()
			}
			got = int(min(int64(len(p)-n), end-offset))
			clear(p[n : n+got])
		}
		n, offset = n+got, offset+int64(got)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// header is a ustar header (POSIX pax, "ustar Interchange Format").
func (s syntheticTar) header(member int64) []byte {
	h := make([]byte, 512)
	copy(h, fmt.Sprintf("member%d", member))
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x0000000000000\x00        0", s.size))
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// countingReaderAt counts the bytes and calls that go through it.
type countingReaderAt struct {
	io.ReaderAt
	bytes, calls atomic.Int64
}

func (c *countingReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, offset)
	c.bytes.Add(int64(n))
	c.calls.Add(1)
	return n, err
}

// TestIndexReadsHeadersOnly: the index of 1,000 members of 1 MiB costs their
// headers.
func TestIndexReadsHeadersOnly(t *testing.T) {
	t.Parallel()
	source := syntheticTar{members: 1000, size: 1 << 20}
	counter := &countingReaderAt{ReaderAt: source}
	x, err := indexTar(context.Background(), counter, source.total(), func() error { return nil })
	if err != nil || len(x.entries) != 1000 {
		t.Fatalf("indexTar = %d members, %v", len(x.entries), err)
	}
	if got, most := counter.bytes.Load(), int64(1000*1024); got > most {
		t.Errorf("read %d bytes, want at most %d (1 KiB a member)", got, most)
	}
	t.Logf("%d bytes in %d calls for %d", counter.bytes.Load(), counter.calls.Load(), source.total())
}

// TestOpenReadsHeadersOnly: all of Open over an archive in place reads headers,
// documents and the first bytes of each layer.
func TestOpenReadsHeadersOnly(t *testing.T) {
	t.Parallel()
	const layers, size = 40, 256 << 10
	for _, format := range []string{"docker-save", "docker-save-crane", "docker-hybrid", "docker-containerd", "oci-archive"} {
		listing := "format " + format + "\nimage fx:v1\n"
		for i := range layers {
			listing += fmt.Sprintf("  layer\n    random big %d %d\n", size, i)
		}
		spec, err := archivetest.Parse(listing)
		if err != nil {
			t.Fatal(err)
		}
		path := t.TempDir() + "/a.tar"
		if err := spec.Write(path); err != nil {
			t.Fatal(err)
		}
		a, counter := countedOpen(t, path)
		var documents, members int64
		_ = Walk([]*Node{a.Images[0].Node}, func(n *Node) error {
			documents += int64(len(n.Raw) + len(n.Config.Raw))
			return nil
		})
		members = int64(len(unwatched(a.members).(*tarIndex).entries))
		if most := members*2048 + 4*documents + layers*codec.PeekSize; counter.bytes.Load() > most {
			t.Errorf("%s: Open reads %d bytes, want at most %d", format, counter.bytes.Load(), most)
		}
		if len(a.Images) != 1 || len(a.Images[0].Layers) != layers {
			t.Errorf("%s: %d images", format, len(a.Images))
		}
	}
}

// countedOpen opens a plain tar as Open does and counts what is read.
func countedOpen(t *testing.T, path string) (*Archive, *countingReaderAt) {
	t.Helper()
	a, err := Open(context.Background(), ref.Ref{Path: path}, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	table := unwatched(a.members).(*tarIndex)
	counter := &countingReaderAt{ReaderAt: table.file}
	b := &Archive{Path: path, Outer: codec.None, located: map[digest.Digest]string{}, made: map[digest.Digest][]byte{}, blobName: layoutBlobName}
	if err := b.index(context.Background(), counter, a.Size, func() error { return nil }, false); err != nil {
		t.Fatal(err)
	}
	if err := newLoader(b, OpenOptions{}).load(context.Background()); err != nil {
		t.Fatal(err)
	}
	return b, counter
}

// TestLayerPeek: of a layer no byte beyond the first is read by opening.
func TestLayerPeek(t *testing.T) {
	t.Parallel()
	counter := &countingReaderAt{ReaderAt: bytes.NewReader(make([]byte, 1<<20))}
	if _, err := detect(counter); err != nil || counter.bytes.Load() != codec.PeekSize {
		t.Errorf("detect reads %d bytes, %v, want %d", counter.bytes.Load(), err, codec.PeekSize)
	}
}

// TestMaxMembers: a tar of too many members is an error that has what there is.
func TestMaxMembers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("slow")
	}
	for members, want := range map[int64]error{MaxMembers: nil, MaxMembers + 1: ErrTooLarge} {
		source := syntheticTar{members: members}
		x, err := indexTar(context.Background(), source, source.total(), func() error { return nil })
		if !errors.Is(err, want) || x == nil || len(x.entries) != MaxMembers {
			t.Errorf("%d members: %v", members, err)
		}
	}
}

// TestIndexErrors: cancelling and read errors come out.
func TestIndexErrors(t *testing.T) {
	t.Parallel()
	source := syntheticTar{members: 10, size: 5000}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := indexTar(ctx, source, source.total(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	errDisk := errors.New("disk on fire")
	for _, at := range []int64{0, 512, 6000, source.total() - 1024} {
		broken := readerAtFunc(func(p []byte, offset int64) (int, error) {
			if offset+int64(len(p)) > at {
				return 0, errDisk
			}
			return source.ReadAt(p, offset)
		})
		if _, err := indexTar(context.Background(), broken, source.total(), nil); !errors.Is(err, errDisk) && at > 512 {
			t.Errorf("read error at %d: %v", at, err)
		} else if err == nil {
			t.Errorf("read error at %d is lost", at)
		}
	}
}

type readerAtFunc func([]byte, int64) (int, error)

func (f readerAtFunc) ReadAt(p []byte, offset int64) (int, error) { return f(p, offset) }

// BenchmarkIndexTar: a byte is a stored one of the whole archive, of which only
// headers are read.
func BenchmarkIndexTar(b *testing.B) {
	source := syntheticTar{members: 1000, size: 1 << 20}
	b.SetBytes(source.total())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := indexTar(context.Background(), source, source.total(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
