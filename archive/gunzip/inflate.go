package gunzip

const (
	// historySize is how far back a distance may reach (RFC 1951, section 2).
	historySize = 32 << 10
	// bufferSize holds the history and a block. It is a power of two, so that
	// a masked index needs no bounds check.
	bufferSize = 256 << 10
	bufferMask = bufferSize - 1
	// bufferSlack lets 32 bytes be moved to or from any masked index.
	bufferSlack = 32
	// maxRound is the most that decoding one symbol goes beyond outLimit: a
	// match of 258 bytes, copied 32 bytes at a time.
	maxRound = 9 * 32
	// outLimit is where a block counts as full.
	outLimit = bufferSize - maxRound
)

// buffer holds output: up to 32 KiB of history, then the block that is being
// decoded. Matches copy whole pieces and may scribble behind the block.
type buffer [bufferSize + bufferSlack]byte

// stage is what comes next in the stream.
type stage uint8

const (
	stageHeader  stage = iota // of a gzip member
	stageBlock                // the first bits of a deflate block
	stageStored               // bytes of a stored block
	stageSymbols              // symbols of a compressed block
	stageTrailer              // of a gzip member
	stagePadding              // behind the last member
)

// inflater decodes deflate streams (RFC 1951).
type inflater struct {
	in    input
	out   *buffer
	start int // where the block in out begins
	at    int // where the next byte goes
	floor int // oldest byte that a distance may reach

	stage  stage
	final  bool    // the deflate block is the last of its stream
	stored int     // bytes of a stored block still to come
	codes  *tables // of the compressed block: dyn or the fixed ones
	dyn    tables
	lens   [numLitLen + numDist]uint8
}

// beginBlock makes room in next, which may be the buffer in use, for another
// block of output behind the last of what there is.
func (d *inflater) beginBlock(next *buffer) {
	keep := min(d.at-d.floor, historySize)
	copy(next[historySize-keep:historySize], d.out[d.at-keep:d.at])
	d.out = next
	d.start, d.at, d.floor = historySize, historySize, historySize-keep
}

// beginStream starts a deflate stream, which knows no history.
func (d *inflater) beginStream() {
	d.floor = d.at
	d.stage = stageBlock
}

// blockHeader reads the first bits of a block (RFC 1951, section 3.2.3).
func (d *inflater) blockHeader() error {
	in := &d.in
	if !in.need(3) {
		return in.ended()
	}
	d.final = in.take(1) == 1
	switch in.take(2) {
	case 0:
		return d.storedHeader()
	case 1:
		d.codes = fixedTables()
	case 2:
		if err := d.dynamicHeader(); err != nil {
			return err
		}
		d.codes = &d.dyn
	default:
		return in.corrupt("block type 3")
	}
	d.stage = stageSymbols
	return nil
}

// endBlock goes on to the next block or, behind the last, to the trailer.
func (d *inflater) endBlock() {
	d.stage = stageBlock
	if d.final {
		d.in.align()
		d.stage = stageTrailer
	}
}

// storedHeader reads the length of a stored block (RFC 1951, section 3.2.4).
func (d *inflater) storedHeader() error {
	d.in.align()
	b, ok := d.in.next(4)
	if !ok {
		return d.in.ended()
	}
	n, not := uint16(b[0])|uint16(b[1])<<8, uint16(b[2])|uint16(b[3])<<8
	if n != ^not {
		return d.in.corrupt("length of a stored block and its complement disagree")
	}
	d.stored = int(n)
	d.stage = stageStored
	return nil
}

// storedBytes copies a stored block, or as much as there is room for.
func (d *inflater) storedBytes() error {
	in := &d.in
	for d.stored > 0 && d.at < outLimit {
		if !in.want(1) {
			return in.ended()
		}
		room := min(d.stored, outLimit-d.at)
		n := copy(d.out[d.at:d.at+room], in.buf[in.pos:in.end])
		in.pos += n
		d.at += n
		d.stored -= n
	}
	if d.stored == 0 {
		d.endBlock()
	}
	return nil
}

// dynamicHeader reads the codes of a block (RFC 1951, section 3.2.7).
func (d *inflater) dynamicHeader() error {
	in := &d.in
	if !in.need(5 + 5 + 4) {
		return in.ended()
	}
	lit, dist, pre := int(in.take(5))+257, int(in.take(5))+1, int(in.take(4))+4
	if lit > numLitLen || dist > numDist {
		return in.corrupt("more symbols than the alphabet has")
	}
	if err := d.wordLengths(lit+dist, pre); err != nil {
		return err
	}
	if !d.dyn.set(d.lens[:lit], d.lens[lit:lit+dist]) {
		return in.corrupt("word lengths that make no Huffman code")
	}
	return nil
}

// precodeOrder is the order in which the lengths of the code length code are
// stored.
var precodeOrder = [numPrecode]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// wordLengths reads n code lengths into lens. They are compressed themselves,
// with a code whose first pre lengths stand before them.
func (d *inflater) wordLengths(n, pre int) error {
	in := &d.in
	var preLens [numPrecode]uint8
	for _, sym := range precodeOrder[:pre] {
		if !in.need(3) {
			return in.ended()
		}
		preLens[sym] = uint8(in.take(3))
	}
	var c code
	if !c.set(preLens[:]) {
		return in.corrupt("code length code that is no Huffman code")
	}
	var table [precodeSize]entry
	precodeAlphabet.build(table[:], &c)
	for i := 0; i < n; {
		in.need(precodeBits + maxRepeatBits)
		e := table[in.peek(precodeBits)]
		size := uint(e >> 8 & 63)
		if in.nbits < size {
			return in.ended()
		}
		if size == 0 {
			return in.corrupt("code length without a symbol")
		}
		in.drop(size)
		if sym := uint8(e >> 16); sym < 16 {
			d.lens[i] = sym
			i++
			continue
		}
		times, err := d.repeat(e>>16, i, n)
		if err != nil {
			return err
		}
		i += times
	}
	return nil
}

// maxRepeatBits is the most extra bits that a repeat symbol has.
const maxRepeatBits = 7

// repeat reads the rest of repeat symbol 16, 17 or 18 and writes its word
// lengths from the i-th of n on. It returns how many they are.
func (d *inflater) repeat(sym entry, i, n int) (int, error) {
	in := &d.in
	value, extra, times := uint8(0), uint(0), 0
	switch {
	case sym == 16 && i == 0:
		return 0, in.corrupt("repeat of a word length before the first")
	case sym == 16:
		value, extra, times = d.lens[i-1], 2, 3
	case sym == 17:
		extra, times = 3, 3
	default:
		extra, times = maxRepeatBits, 11
	}
	if in.nbits < extra {
		return 0, in.ended()
	}
	times += int(in.take(extra))
	if i+times > n {
		return 0, in.corrupt("more word lengths than symbols")
	}
	for j := range d.lens[i : i+times] {
		d.lens[i+j] = value
	}
	return times, nil
}

// fastInput is how many bytes must be ready for the fast loop to start.
const fastInput = 16

// symbols decodes a compressed block (RFC 1951, section 3.2.3), or as much as
// there is room for. The fast loop does nearly all of it. It stops in front
// of what it does not settle: the last bytes of the input and every fault.
func (d *inflater) symbols() error {
	for d.stage == stageSymbols && d.at < outLimit {
		if d.in.want(fastInput) {
			d.fast()
			if d.stage != stageSymbols || d.at >= outLimit || d.in.end-d.in.pos < fastInput {
				continue
			}
		}
		if err := d.symbol(); err != nil {
			return err
		}
	}
	return nil
}

// symbol decodes one literal, match or end of block, in the order and with
// the checks of compress/flate: a fault is truncation only if no bits were
// left that say otherwise.
func (d *inflater) symbol() error {
	in := &d.in
	in.need(maxCodeLen + 5 + maxCodeLen + 13)
	e := d.codes.lit[in.peek(litBits)]
	if e&(literal|special|kindMask) == special|kindSub {
		e = d.codes.lit[subIndex(e, in.bits>>litBits)]
	}
	size := uint(e >> 8 & 63)
	if in.nbits < max(size, d.codes.minBits) {
		return in.ended()
	}
	switch {
	case e&literal != 0:
		in.drop(size)
		d.out[d.at] = byte(e >> 16)
		d.at++
		return nil
	case e&special == 0:
		in.drop(size)
		return d.match(int(e >> 16))
	case e&kindMask == kindLong:
		extra := uint(e >> 25 & 7)
		in.drop(size - extra)
		return d.match(int(e>>16&0x1ff) + int(in.take(extra)))
	case e&kindMask == kindEnd:
		in.drop(size)
		d.endBlock()
		return nil
	}
	return in.corrupt("invalid literal or length")
}

// subIndex is where the entry stands that link leads to when next are the
// bits behind those that found the link.
func subIndex(link entry, next uint64) uint {
	size := link >> 8 & 63
	return uint(link>>16&0xfff) + uint(next&(1<<size-1))
}

// match decodes the distance that follows a length and copies the match.
func (d *inflater) match(length int) error {
	in := &d.in
	e := d.codes.dist[in.peek(distBits)]
	if e&(distSpecial|distSub) == distSpecial|distSub {
		e = d.codes.dist[subIndex(e, in.bits>>distBits)]
	}
	size, word := uint(e&63), uint(e>>8&63)
	if in.nbits < size {
		return in.ended()
	}
	if e&distSpecial != 0 {
		return in.corrupt("invalid distance")
	}
	in.drop(word)
	dist := int(e>>16) + int(in.take(size-word))
	if dist > d.at-d.floor {
		return in.corrupt("distance beyond the beginning of the output")
	}
	for range length {
		d.out[d.at] = d.out[d.at-dist]
		d.at++
	}
	return nil
}
