package codec

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// copier is a compressor that does not compress, and counts. Blocks that begin
// with "w" wait for the gate.
type copier struct {
	began *atomic.Int32
	gate  chan struct{}
}

func (c copier) compress(dst, _, block []byte) []byte {
	c.began.Add(1)
	if block[0] == 'w' {
		<-c.gate
	}
	return append(dst, block...)
}

func copyFormat(c copier, made *atomic.Int32) blockFormat {
	return blockFormat{
		size: 10, overlap: 3, workers: 2, queue: 6,
		newCompressor: func() compressor { made.Add(1); return c },
		compressors:   new(sync.Pool), spare: new(sync.Pool),
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestBlocksGiveUp: blocks are begun in order, and after an error of w no more.
func TestBlocksGiveUp(t *testing.T) {
	t.Parallel()
	var began, made atomic.Int32
	c := copier{&began, make(chan struct{})}
	b := newBlocks(failing{io.ErrNoProgress}, copyFormat(c, &made))
	data := []byte("go, first." + strings.Repeat("wait here.", 5))
	if n, err := b.Write(data); n != len(data) || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Write = %d, %v, want %d, %v", n, err, len(data), io.ErrNoProgress)
	}
	b.givenUp.Store(true) // as release does, which waits for the gate
	close(c.gate)
	b.release()
	if n := began.Load(); n > 3 {
		t.Errorf("%d of 6 blocks were begun, want 3 at most", n)
	}
}

// TestBlocksWorkers: there are no more workers than are wanted, and each has its
// time.
func TestBlocksWorkers(t *testing.T) {
	t.Parallel()
	var began, made atomic.Int32
	c := copier{&began, make(chan struct{})}
	close(c.gate)
	format := copyFormat(c, &made)
	data := bytes.Repeat([]byte("0123456789abc"), 50)
	for range 3 {
		var out bytes.Buffer
		b := newBlocks(&out, format)
		w := &writer{enc: b}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), data) {
			t.Fatalf("Close = %v, and %q", err, out.Bytes())
		}
	}
	made.Store(0)
	b := newBlocks(io.Discard, format)
	<-b.workers
	b.workers <- &worker{c, 15} // two blocks, no more
	if _, err := b.Write(make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	old, young := b.ready(&worker{c, 1}), b.ready(&worker{c, 0})
	if old.left != 1 || young.left != workerLife || made.Load() == 0 {
		t.Errorf("workers with %d and %d bytes to go, want 1 and %d", old.left, young.left, workerLife)
	}
	b.release()
}
