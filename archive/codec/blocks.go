package codec

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// firstBuffer is what the first block of a stream begins with, in bytes;
	// it grows from there, since most streams are short.
	firstBuffer = 64 << 10
	// workerLife is how many bytes a compressor takes before a new one has its
	// place. Compressors count positions in 31 bits and tidy up their tables
	// when those run out, which comes sooner the fewer compressors there are;
	// no byte shall depend on whether they get that right.
	workerLife = 512 << 20
)

// blockFormat is a stream of blocks that can be compressed at the same time.
// Sizes are in uncompressed bytes.
type blockFormat struct {
	size    int // of a block
	overlap int // what a compressor is shown of the content before
	workers int // how many blocks are compressed at a time
	queue   int // how many are under way, and more than workers
	// newCompressor makes one. The pools keep those, and blocks, from one stream
	// to the next, where there can be many of them.
	newCompressor      func() compressor
	compressors, spare *sync.Pool
}

// compressor compresses one block after the other.
type compressor interface {
	// compress appends block to dst. What it appends depends on block and on
	// before, the content just ahead of it, and not on earlier calls.
	compress(dst, before, block []byte) []byte
}

// blocks compresses a stream block by block. Borders are where the format has
// them and results are written in order, so that the output does not depend on
// who was faster.
//
// The caller's goroutine fills blocks and writes results. For each block it
// starts a goroutine, which waits for a worker, compresses the oldest block that
// waits, and ends, so that nobody has to stop it.
type blocks struct {
	w       io.Writer
	format  blockFormat
	workers chan *worker // those who rest; nil is one who has not begun
	filling *block       // nil between blocks
	before  []byte       // the last bytes of what was sent
	sent    bool         // at least one block
	running []*block     // and waiting, oldest first
	waiting chan *block
	free    []*block
	givenUp atomic.Bool
}

// worker is a compressor and for how many bytes it is still good.
type worker struct {
	compressor
	left int
}

// block is one block on its way.
type block struct {
	plain []byte // what was before, and then its own content
	start int    // of its own content
	out   []byte
	done  chan struct{} // has an element once out is ready
}

func newBlocks(w io.Writer, f blockFormat) *blocks {
	b := &blocks{w: w, format: f, workers: make(chan *worker, f.workers), waiting: make(chan *block, f.queue)}
	for range f.workers {
		b.workers <- nil
	}
	return b
}

func (b *blocks) Write(p []byte) (int, error) {
	total := 0
	for total < len(p) {
		if b.filling == nil {
			b.filling = b.nextBlock()
		}
		total += b.filling.fill(p[total:], b.format.size)
		if len(b.filling.plain)-b.filling.start < b.format.size {
			continue
		}
		if err := b.send(); err != nil {
			return total, err
		}
	}
	return total, nil
}

// nextBlock gives an empty block behind what was sent.
func (b *blocks) nextBlock() *block {
	k := b.freeBlock()
	if room := b.format.overlap + b.format.size; b.sent && cap(k.plain) < room {
		k.plain = make([]byte, 0, room)
	}
	k.plain = append(k.plain[:0], b.before...)
	k.start = len(k.plain)
	return k
}

func (b *blocks) freeBlock() *block {
	if last := len(b.free) - 1; last >= 0 {
		k := b.free[last]
		b.free = b.free[:last]
		return k
	}
	if k, ok := b.format.spare.Get().(*block); ok {
		return k
	}
	return &block{done: make(chan struct{}, 1)}
}

// fill takes from p what a block of size bytes has room for.
func (k *block) fill(p []byte, size int) int {
	end := k.start + size
	n := min(len(p), end-len(k.plain))
	if need := len(k.plain) + n; need > cap(k.plain) {
		grown := make([]byte, len(k.plain), min(end, max(need, 2*cap(k.plain), firstBuffer)))
		copy(grown, k.plain)
		k.plain = grown
	}
	k.plain = append(k.plain, p[:n]...)
	return n
}

// send has the block that was filled compressed. When the queue is full it waits
// for the oldest one.
func (b *blocks) send() error {
	k := b.filling
	b.filling, b.sent = nil, true
	b.before = append(b.before[:0], k.plain[max(0, len(k.plain)-b.format.overlap):]...)
	b.running = append(b.running, k)
	b.waiting <- k
	go b.compress()
	if len(b.running) < b.format.queue {
		return nil
	}
	return b.collect()
}

// compress is what goroutines do.
func (b *blocks) compress() {
	w := <-b.workers
	k := <-b.waiting
	if !b.givenUp.Load() {
		w = b.ready(w)
		before, own := k.plain[:k.start], k.plain[k.start:]
		if room := len(own) + len(own)/64 + 64; cap(k.out) < room {
			k.out = make([]byte, 0, room) // enough for noise
		}
		k.out = w.compress(k.out[:0], before, own)
		w.left -= len(own)
	}
	b.workers <- w
	k.done <- struct{}{}
}

// ready gives w, or another worker where there is none or its time is over.
func (b *blocks) ready(w *worker) *worker {
	if w == nil {
		w, _ = b.format.compressors.Get().(*worker)
	}
	if w == nil || w.left <= 0 {
		w = &worker{b.format.newCompressor(), workerLife}
	}
	return w
}

// collect writes the oldest block.
func (b *blocks) collect() error {
	k := b.running[0]
	b.running = slices.Delete(b.running, 0, 1)
	<-k.done
	_, err := writeWhole(b.w, k.out)
	b.free = append(b.free, k)
	return err
}

// finish writes what is left. A stream has at least one block.
func (b *blocks) finish() error {
	if !b.sent && b.filling == nil {
		b.filling = b.nextBlock()
	}
	if b.filling != nil {
		if err := b.send(); err != nil {
			return err
		}
	}
	for len(b.running) > 0 {
		if err := b.collect(); err != nil {
			return err
		}
	}
	return nil
}

// release waits for what is running, of which no more begins, and leaves memory
// to the next stream.
func (b *blocks) release() {
	b.givenUp.Store(true)
	for _, k := range b.running {
		<-k.done
	}
	for range b.format.workers {
		if w := <-b.workers; w != nil {
			b.format.compressors.Put(w)
		}
	}
	for _, k := range slices.Concat(b.running, b.free) {
		b.format.spare.Put(k)
	}
}
