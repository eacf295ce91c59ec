package gunzip

import "math/bits"

const (
	maxCodeLen = 15 // RFC 1951, section 3.2.7
	maxSymbols = 288
)

// code is a canonical Huffman code (RFC 1951, section 3.2.2) in the order in
// which its words count up.
type code struct {
	count  [maxCodeLen + 1]uint16 // words of each length
	sorted [maxSymbols]uint16     // symbols by length, then by value
	used   int                    // symbols that have a word
	min    int                    // bits of the shortest word, 0 if none
	max    int                    // bits of the longest
}

// set takes the word lengths of all symbols. It reports false for a code
// that is neither complete, nor empty, nor one single word of one bit: what
// compress/flate accepts, as zlib does.
func (c *code) set(lens []uint8) bool {
	c.count = [maxCodeLen + 1]uint16{}
	for _, n := range lens {
		c.count[n&maxCodeLen]++
	}
	c.used = len(lens) - int(c.count[0])
	c.count[0] = 0
	left := c.measure()
	if left < 0 {
		return false
	}
	c.sort(lens)
	return left == 0 || c.used == 0 || c.used == 1 && c.max == 1
}

// measure finds the shortest and the longest word, and how many words of
// [maxCodeLen] bits are left over; below zero are more words than bits allow.
func (c *code) measure() (left int) {
	c.min, c.max = 0, 0
	left = 1 << maxCodeLen
	for n := 1; n <= maxCodeLen; n++ {
		if c.count[n] == 0 {
			continue
		}
		left -= int(c.count[n]) << (maxCodeLen - n)
		c.max = n
		if c.min == 0 {
			c.min = n
		}
	}
	return left
}

// sort skips symbols without a word. Taking them along, to save the test, is
// slower: all of them would go through one counter.
func (c *code) sort(lens []uint8) {
	var at [maxCodeLen + 1]uint16
	for n := 1; n < maxCodeLen; n++ {
		at[n+1] = at[n] + c.count[n]
	}
	for sym, n := range lens {
		if n &= maxCodeLen; n != 0 {
			c.sorted[at[n]] = uint16(sym)
			at[n]++
		}
	}
}

// An alphabet says what the entries of a table look like.
type alphabet struct {
	root    int     // bits that one lookup decodes
	symbols []entry // what each symbol means, without its word
	unit    entry   // what each bit of the word adds to a symbol
	link    entry   // marks an entry that leads to a subtable
	bad     entry   // stands where no word leads
	expand  bool    // lengths take their extra bits into the table
}

// entry is the entry of sym under a word of n bits. Literals count their bits
// in the lowest byte too; see [entry].
func (a *alphabet) entry(sym uint16, n int) entry {
	e := a.symbols[sym]
	return e + entry(n)*(a.unit|e>>31)
}

// build writes the table of c: 1<<root entries that are looked up with the
// next bits of the stream as they lie, then the subtables of longer words.
func (a *alphabet) build(table []entry, c *code) {
	table[0], table[1] = a.bad, a.bad
	rest, word := a.buildRoot(table, c)
	if len(rest) > 0 {
		a.buildSubs(table, c, rest, word)
	}
}

// buildRoot writes the words of up to root bits and returns the symbols left
// over and the first of their words. The table grows with the words: what is
// there is doubled in one copy, so that each entry is made only once.
func (a *alphabet) buildRoot(table []entry, c *code) (rest []uint16, word int) {
	var long longLengths
	rest = c.sorted[:c.used]
	for n := 1; n <= a.root; n++ {
		if n > 1 {
			copy(table[1<<(n-1):1<<n], table[:1<<(n-1)])
		}
		long.expand(table, n)
		for _, sym := range rest[:c.count[n]] {
			e := a.entry(sym, n)
			table[word] = e
			if a.expand && e&(special|kindMask) == special|kindLong {
				long.add(word, n)
			}
			word = nextWord(word, n)
		}
		rest = rest[c.count[n]:]
	}
	return rest, word
}

// buildSubs writes the words longer than root bits. Words that begin with
// the same root bits follow each other; their subtable is as large as the
// longest of them needs.
func (a *alphabet) buildSubs(table []entry, c *code, rest []uint16, word int) {
	end, prefix := 1<<a.root, -1
	start, size := 0, 0
	left := c.count
	for n := a.root + 1; n <= maxCodeLen; n++ {
		for ; left[n] > 0; left[n]-- {
			if word&(1<<a.root-1) != prefix {
				prefix = word & (1<<a.root - 1)
				size = subBits(&left, a.root, n)
				start, end = end, end+1<<size
				table[prefix] = a.link | entry(start)<<16 | entry(size)<<8
			}
			e := a.entry(rest[0], n)
			for i := start + word>>a.root; i < end; i += 1 << (n - a.root) {
				table[i] = e
			}
			rest = rest[1:]
			word = nextWord(word, n)
		}
	}
}

// subBits is the size, in bits, of the subtable whose first word has n bits:
// the words that follow fill it up exactly, as the code is complete.
func subBits(left *[maxCodeLen + 1]uint16, root, n int) int {
	size := n - root
	for used := int(left[n]); used < 1<<size && root+size < maxCodeLen; {
		size++
		used = used<<1 + int(left[root+size])
	}
	return size
}

// nextWord counts a word of n bits up. The first bit of a word is its lowest,
// as in the stream, so the carry runs downwards.
func nextWord(word, n int) int {
	free := word ^ (1<<n - 1)
	if free == 0 {
		return 0
	}
	top := 1 << (bits.Len(uint(free)) - 1)
	return word&(top-1) | top
}

// longLengths are the lengths of a table that still need extra bits.
type longLengths struct {
	n    int
	word [maxSymbols - endOfBlock]struct{ at, bits int }
}

func (l *longLengths) add(word, n int) {
	l.word[l.n].at, l.word[l.n].bits = word, n
	l.n++
}

// expand settles the lengths whose word and extra bits are n bits together,
// in a table that has just grown to 1<<n entries. One lookup then gives the
// whole length, which saves the fast loop three steps at nearly every match.
func (l *longLengths) expand(table []entry, n int) {
	for _, w := range l.word[:l.n] {
		e := table[w.at]
		if e&special == 0 || int(e>>8&63) != n {
			continue
		}
		base := e >> 16 & 0x1ff
		for x := range 1 << (n - w.bits) {
			table[w.at|x<<w.bits] = (base+entry(x))<<16 | entry(n)<<8
		}
	}
}
