package gunzip

import "sync"

// The alphabets of RFC 1951, sections 3.2.5 to 3.2.7.
const (
	endOfBlock = 256
	numLitLen  = 286 // that a dynamic block may define; the fixed code has two more
	numDist    = 30  // likewise
	numPrecode = 19
)

// A symbol of up to litBits or distBits bits is decoded with one look into a
// table; longer ones take a second look, into a subtable behind it. The sizes
// are the most that a complete code of words up to 15 bits needs, as zlib's
// examples/enough.c computes them: "enough 286 11 15", "enough 30 8 15" and,
// for the fixed code, which is smaller, nothing more.
const (
	litBits     = 11
	litMask     = 1<<litBits - 1
	litSize     = 2342
	distBits    = 8
	distMask    = 1<<distBits - 1
	distSize    = 402
	precodeBits = 7
	precodeSize = 1 << precodeBits
)

// An entry of a table says all there is to know about a symbol, so that
// nothing else is looked at. In the literal/length table:
//
//	literal   31 set               23-16 byte    13-8 bits  7-0 bits
//	length                         24-16 length  13-8 bits  7-0 zero
//	long      30 set  29-28 is 1   27-25 extra   24-16 base  13-8 bits  7-0 zero
//	subtable  30 set  29-28 is 2   27-16 start   13-8 size  7-0 zero
//	end       30 set  29-28 is 3                 13-8 bits  7-0 zero
//	invalid   30 set  29-28 is 0                 13-8 bits  7-0 zero
//
// In the distance table:
//
//	distance                 30-16 base   13-8 bits of the word  7-0 bits
//	subtable  31 set 30 set  27-16 start  13-8 size
//	invalid   31 set                      13-8 bits of the word  7-0 bits
//
// Bits are all that the symbol uses: its word and its extra bits. The lowest
// byte of a literal/length entry is what may be dropped by a step that takes
// it for a literal: nothing, where it is none.
//
// In the table of the code length code 20-16 is the symbol, 13-8 the bits,
// and zero is invalid.
type entry = uint32

const (
	literal  entry = 1 << 31
	special  entry = 1 << 30
	kindMask entry = 3 << 28
	kindBad  entry = 0 << 28
	kindLong entry = 1 << 28
	kindSub  entry = 2 << 28
	kindEnd  entry = 3 << 28

	distSpecial entry = 1 << 31
	distSub     entry = 1 << 30
)

// tables decode the symbols of one block.
type tables struct {
	lit  [litSize]entry
	dist [distSize]entry
	// minBits is how many bits of input must be left for a literal or length
	// to be looked at: the shortest word, or the end-of-block word if that is
	// longer. A stream with fewer is truncated even where some literal would
	// still fit, because compress/flate does not give out that literal.
	minBits uint
}

var (
	litAlphabet = alphabet{
		root: litBits, symbols: litSymbols(), unit: 1 << 8,
		link: special | kindSub, bad: special | kindBad, expand: true,
	}
	distAlphabet = alphabet{
		root: distBits, symbols: distSymbols(), unit: 1<<8 + 1,
		link: distSpecial | distSub, bad: distSpecial,
	}
	precodeAlphabet = alphabet{root: precodeBits, symbols: precodeSymbols(), unit: 1 << 8}
)

// litSymbols follows the table of lengths in RFC 1951, section 3.2.5.
func litSymbols() []entry {
	s := make([]entry, maxSymbols)
	for b := range entry(endOfBlock) {
		s[b] = literal | b<<16
	}
	s[endOfBlock] = special | kindEnd
	base := entry(3)
	for i := range entry(28) {
		extra := max(i/4, 1) - 1
		s[257+i] = base << 16
		if extra > 0 {
			s[257+i] = special | kindLong | extra<<25 | base<<16 | extra<<8
		}
		base += 1 << extra
	}
	s[285] = 258 << 16
	s[286], s[287] = special|kindBad, special|kindBad
	return s
}

// distSymbols follows the table of distances in RFC 1951, section 3.2.5.
func distSymbols() []entry {
	s := make([]entry, 32)
	base := entry(1)
	for i := range entry(numDist) {
		extra := max(i/2, 1) - 1
		s[i] = base<<16 | extra
		base += 1 << extra
	}
	s[30], s[31] = distSpecial, distSpecial
	return s
}

func precodeSymbols() []entry {
	s := make([]entry, numPrecode)
	for i := range s {
		s[i] = entry(i) << 16
	}
	return s
}

// set builds both tables from the word lengths of their symbols. It reports
// false if they make no code.
func (t *tables) set(lit, dist []uint8) bool {
	var c code
	if !c.set(lit) {
		return false
	}
	litAlphabet.build(t.lit[:], &c)
	t.minBits = uint(max(c.min, int(lit[endOfBlock])))
	if !c.set(dist) {
		return false
	}
	distAlphabet.build(t.dist[:], &c)
	return true
}

// fixedTables are those of blocks without a code of their own (RFC 1951,
// section 3.2.6). They are shared and never change.
var fixedTables = sync.OnceValue(func() *tables {
	var lit [maxSymbols]uint8
	for i := range lit {
		switch {
		case i < 144:
			lit[i] = 8
		case i < 256:
			lit[i] = 9
		case i < 280:
			lit[i] = 7
		default:
			lit[i] = 8
		}
	}
	var dist [32]uint8
	for i := range dist {
		dist[i] = 5
	}
	t := new(tables)
	t.set(lit[:], dist[:])
	t.minBits = 7
	return t
})
