package gunzip

import "io"

// Reader gives out the content of a gzip file. Use [NewReader], or
// [Reader.Reset] on the zero value. It holds about 340 KiB, and 1.1 MiB once
// it was used by [Pump]; it allocates nothing more. A Reader is not safe for
// concurrent use.
type Reader struct {
	inflater
	pending []byte // of the last block, for Read
	err     error  // what the stream ended with; its last block comes first

	members int
	summed  int    // out up to here is in sum
	sum     uint32 // CRC-32 of the member
	size    uint32 // bytes of the member, modulo 1<<32

	// buffers are those that out may be, the others for [Pump] only.
	buffers [ringSize]*buffer
}

// maxBlockInput is how many bytes of input are read before a block is given
// out even if it is empty, so that streams without output can be cancelled.
const maxBlockInput = 1 << 20

// NewReader returns a reader of src, whose first header it reads. It fails
// with [io.EOF] if src is empty, otherwise with an [Error]. The reader buffers
// by itself, so src needs no [bufio.Reader], and may read src beyond the end
// of the gzip stream.
func NewReader(src io.Reader) (*Reader, error) {
	r := new(Reader)
	if err := r.Reset(src); err != nil {
		return nil, err
	}
	return r, nil
}

// Reset makes r read src as [NewReader] does, with the memory that r has.
func (r *Reader) Reset(src io.Reader) error {
	if r.out == nil {
		r.buffers[0] = new(buffer)
		r.out = r.buffers[0]
	}
	r.in.reset(src)
	r.at, r.floor, r.start, r.summed = historySize, historySize, historySize, historySize
	r.pending = nil
	r.members = 0
	r.stage = stageHeader
	r.err = r.header()
	return r.err
}

// Close lets go of the source, which it does not close. Only [Reader.Reset]
// makes r usable again.
func (r *Reader) Close() error {
	r.in.src = nil
	r.pending = nil
	r.err = ErrClosed
	return nil
}

// NextBlock returns the next piece of output, without a copy: it belongs to r,
// must not be changed, and is valid until the next use of r. A block has at
// most 224 KiB; it may be empty where much input gives no output, so that a
// caller who looks at a context between blocks can always cancel. After
// [Reader.Read] the first block is what that left over. At the end of the
// input the error is [io.EOF], otherwise an [Error]; all output before it has
// been returned.
func (r *Reader) NextBlock() ([]byte, error) {
	return r.takeBlock(r.out)
}

// takeBlock returns what is left of the last block or decodes the next one
// into buf, which may be the buffer of the last.
func (r *Reader) takeBlock(buf *buffer) ([]byte, error) {
	if block := r.pending; len(block) > 0 {
		r.pending = nil
		return block, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	r.beginBlock(buf)
	r.summed = r.at
	stop := r.in.offset() + maxBlockInput
	for r.err == nil && r.at < outLimit && r.in.offset() < stop {
		r.err = r.step()
	}
	r.addSum()
	if r.at > r.start || r.err == nil {
		return r.out[r.start:r.at:r.at], nil
	}
	return nil, r.err
}

// allBuffers returns a whole ring of buffers, the one in use first.
func (r *Reader) allBuffers() [ringSize]*buffer {
	for i, buf := range &r.buffers {
		switch buf {
		case nil:
			r.buffers[i] = new(buffer)
		case r.out:
			r.buffers[0], r.buffers[i] = r.buffers[i], r.buffers[0]
		}
	}
	return r.buffers
}

// step takes the stream to its next stage, or as far as there is room.
func (r *Reader) step() error {
	switch r.stage {
	case stageHeader:
		return r.header()
	case stageBlock:
		return r.blockHeader()
	case stageStored:
		return r.storedBytes()
	case stageSymbols:
		return r.symbols()
	case stageTrailer:
		return r.trailer()
	default:
		return r.padding()
	}
}

// Read implements [io.Reader]. Its errors are those of [Reader.NextBlock].
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.pending) == 0 {
		block, err := r.NextBlock()
		if err != nil {
			return 0, err
		}
		r.pending = block
	}
	n := copy(p, r.pending)
	r.pending = r.pending[n:]
	return n, nil
}

// WriteTo implements [io.WriterTo]: it writes whole blocks to w, without a
// copy, and returns how many bytes w took.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for {
		block, err := r.NextBlock()
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := writeAll(w, block)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// writeAll writes a block, unless it is empty.
func writeAll(w io.Writer, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}
