package gunzip

import "encoding/binary"

// fast decodes symbols until the block of the stream ends or that of output
// is full, until fewer than eight bytes of input are left, or until it meets
// what no encoder writes. It then stops in front of the symbol in question
// and leaves it to [inflater.symbol].
//
// It is one long function because its state must stay in registers: a call
// anywhere in the loop makes the compiler store that state at every match,
// however rarely the call is reached. What each trick gives, measured on
// [BenchmarkReader] at level 6:
//
//   - 64 bits of input at once, refilled with eight bytes and no branch, on
//     which all else rests. Only the low six bits of n count, so that a whole
//     entry can be subtracted. Bits of b above them are already what the next
//     bytes hold, and are added again.
//   - Two literals a round, the second without a branch: an entry that is no
//     literal has zeros in its lowest and its top bits, so it uses up nothing
//     and its byte is overwritten. 4 % over a branch; a third such literal
//     costs 3 %, a fourth 6 %.
//   - Lengths stand in the table with their extra bits. 9 %.
//   - The next entry is looked up before the match is copied, so that the two
//     run side by side. 5 %.
//   - A match is copied 32 bytes at a time, mostly once, and the rest is
//     overwritten: 25 % over a copy of just its length. Four words are right
//     for every distance from eight on; 3 % over two copies of 16 bytes.
//   - Shorter distances are repeated within a word: 3 % over single bytes, and
//     2 % because there is no call.
//   - Masks in place of bounds checks, which the compiler then leaves out:
//     buffers are powers of two with slack behind them. 3 %.
//   - Entries are told apart by comparing and not by testing bits, because
//     the processor fuses a comparison with its branch. 3 %.
//
// Distance tables of 9 or 10 bits, four literals, and smaller buffers gave
// nothing, nor did literal pairs and literal tables of 12 bits in an earlier
// trial.
func (d *inflater) fast() {
	in, out, codes := &d.in.buf, d.out, d.codes
	pos, last := d.in.pos, d.in.end-8
	at, floor := d.at, d.floor
	b, n := d.in.bits, uint64(d.in.nbits)

	b |= word(in, pos) << (n & 63)
	pos += int(^n >> 3 & 7)
	n |= 56
	e := codes.lit[b&litMask]
	_ = out[0] // is not nil; tells the compiler once
	for pos <= last && at < outLimit {
		// Here b holds 64 bits, 56 or more of which count: enough for two
		// literals of 11 bits, or a match of 20 + 28, and the next lookup.
		if int32(e) < 0 {
			p := at & bufferMask
			out[p] = byte(e >> 16)
			b >>= e & 63
			n -= uint64(e)
			e = codes.lit[b&litMask]

			out[p+1] = byte(e >> 16)
			at += 1 + int(e>>31)
			b >>= e & 63
			n -= uint64(e)
			e = codes.lit[b&litMask]
			b |= word(in, pos) << (n & 63)
			pos += int(^n >> 3 & 7)
			n |= 56
			continue
		}

		size, length := e>>8, int(e>>16)
		if e >= special {
			if e&kindMask == kindSub {
				e = codes.lit[subIndex(e, b>>litBits)]
				size, length = e>>8, int(e>>16)
				if int32(e) < 0 {
					out[at&bufferMask] = byte(e >> 16)
					at++
					b >>= e & 63
					n -= uint64(e)
					e = codes.lit[b&litMask]
					b |= word(in, pos) << (n & 63)
					pos += int(^n >> 3 & 7)
					n |= 56
					continue
				}
			}
			if e >= special {
				if e&kindMask != kindLong {
					break // the end of the block or no symbol at all
				}
				extra := e >> 25 & 7
				length = length&0x1ff + int(b>>((size-extra)&63)&(1<<extra-1))
			}
		}

		// The symbol counts as read only once its distance is found good.
		rest := b >> (size & 63)
		de := codes.dist[rest&distMask]
		if int32(de) < 0 {
			if de&distSub != 0 {
				de = codes.dist[subIndex(de, rest>>distBits)]
			}
			if int32(de) < 0 {
				break
			}
		}
		src := at - int(de>>16) - int(rest&(1<<(de&63)-1)>>(de>>8&63))
		if src < floor {
			break
		}
		b = rest >> (de & 63)
		n -= uint64(size) + uint64(de)
		e = codes.lit[b&litMask]
		b |= word(in, pos) << (n & 63)
		pos += int(^n >> 3 & 7)
		n |= 56

		end := at + length
		if at-src >= 8 {
			for {
				p, q := at&bufferMask, src&bufferMask
				copy32((*[32]byte)(out[p:p+32]), (*[32]byte)(out[q:q+32]))
				at += 32
				src += 32
				if at >= end {
					break
				}
			}
		} else {
			p := src & bufferMask
			w, step := pattern(binary.LittleEndian.Uint64(out[p:p+8]), uint(at-src))
			for ; at < end; at += step {
				p := at & bufferMask
				binary.LittleEndian.PutUint64(out[p:p+8], w)
			}
		}
		at = end
	}
	d.at = at
	d.in.pos, d.in.bits, d.in.nbits = pos, b, uint(n&63)
	d.in.unread()
}

// word loads eight bytes.
func word(in *inputBuffer, pos int) uint64 {
	i := pos & inputMask
	return binary.LittleEndian.Uint64(in[i : i+8])
}

// copy32 copies word by word, so that from may begin eight bytes before to.
func copy32(to, from *[32]byte) {
	binary.LittleEndian.PutUint64(to[0:8], binary.LittleEndian.Uint64(from[0:8]))
	binary.LittleEndian.PutUint64(to[8:16], binary.LittleEndian.Uint64(from[8:16]))
	binary.LittleEndian.PutUint64(to[16:24], binary.LittleEndian.Uint64(from[16:24]))
	binary.LittleEndian.PutUint64(to[24:32], binary.LittleEndian.Uint64(from[24:32]))
}

// pattern repeats the first dist bytes of w, 1 to 7 of them, over all of it.
// What it returns may be written every step bytes: as many as fit without a
// part.
func pattern(w uint64, dist uint) (repeated uint64, step int) {
	w &= 1<<(8*dist&63) - 1
	w |= w << (8 * dist)
	w |= w << (16 * dist)
	w |= w << (32 * dist)
	return w, int(0x76586880 >> (4 * dist) & 15)
}
