package gunzip

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// ringSize is how many blocks a pump has under way: one that is decoded, one
// that the sinks are at, and two that even out their pace.
const ringSize = 4

// Pump decodes r to its end and writes all output to every sink. It decodes
// in the calling goroutine, while each sink takes the blocks, in order, in a
// goroutine of its own, so that hashing or writing costs no time of the
// decoder. Sinks must not change what they are given.
//
// It returns how many bytes were decoded. All sinks have returned by then. On
// a fault of the stream, which is an [Error], they have been given all output
// before it. Pump stops between blocks, with the error in question, when a
// sink fails or ctx is done; r then fails too, until it is reset.
//
// A reader that is pumped keeps four blocks, 1 MiB, for the next time.
func Pump(ctx context.Context, r *Reader, sinks ...io.Writer) (int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := newPump(r, len(sinks))
	var running sync.WaitGroup
	for i, sink := range sinks {
		running.Go(func() { p.drain(ctx, cancel, p.lanes[i], sink) })
	}
	total, err := p.decode(ctx, r)
	for _, lane := range p.lanes {
		close(lane)
	}
	running.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil && (r.err == nil || r.err == io.EOF) {
		r.err = err // what is missing must not look like the end
	}
	return total, err
}

// pump is the ring of blocks between a decoder and its sinks.
type pump struct {
	free   chan *pumpBlock
	lanes  []chan *pumpBlock // one for each sink
	blocks [ringSize]pumpBlock
}

// pumpBlock is free again once no sink is left that has to take it.
type pumpBlock struct {
	buf  *buffer
	data []byte
	left atomic.Int32
}

// newPump makes a ring of the buffers of r. The one in use, which holds the
// history and perhaps output that was not read yet, comes first.
func newPump(r *Reader, sinks int) *pump {
	p := &pump{
		free:  make(chan *pumpBlock, ringSize),
		lanes: make([]chan *pumpBlock, sinks),
	}
	for i := range p.lanes {
		p.lanes[i] = make(chan *pumpBlock, ringSize)
	}
	for i, buf := range r.allBuffers() {
		p.blocks[i].buf = buf
		p.free <- &p.blocks[i]
	}
	return p
}

// decode hands out all blocks of r.
func (p *pump) decode(ctx context.Context, r *Reader) (int64, error) {
	var total int64
	for {
		b, err := p.freeBlock(ctx)
		if err != nil {
			return total, err
		}
		b.data, err = r.takeBlock(b.buf)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		total += int64(len(b.data))
		p.hand(b)
	}
}

// freeBlock waits for a block that all sinks are done with.
func (p *pump) freeBlock(ctx context.Context) (*pumpBlock, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case b := <-p.free:
		return b, context.Cause(ctx)
	}
}

// hand gives b to every sink, or back where there is none.
func (p *pump) hand(b *pumpBlock) {
	b.left.Store(int32(len(p.lanes)) + 1)
	for _, lane := range p.lanes {
		lane <- b // has room for the whole ring
	}
	p.release(b)
}

func (p *pump) release(b *pumpBlock) {
	if b.left.Add(-1) == 0 {
		p.free <- b
	}
}

// drain writes the blocks of a lane to w. When that fails it cancels the
// whole pump. It still takes all blocks, so that the decoder is never stuck.
func (p *pump) drain(ctx context.Context, cancel context.CancelCauseFunc, lane <-chan *pumpBlock, w io.Writer) {
	for b := range lane {
		if ctx.Err() == nil {
			if _, err := writeAll(w, b.data); err != nil {
				cancel(err)
			}
		}
		p.release(b)
	}
}
