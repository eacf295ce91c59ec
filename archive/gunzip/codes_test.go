package gunzip

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"
)

// testCode is a dynamic block: its word lengths, stated one by one, and the
// bits behind them.
type testCode struct {
	name      string
	lit, dist []uint8
	body      string
}

// stream is the block, the last of its stream. Its code length code has words
// of five bits for the lengths 0 to 15, so nothing is repeated.
func (c testCode) stream() []byte {
	var s strings.Builder
	s.WriteString("1 01")
	number := func(v, n int) {
		for i := range n {
			s.WriteByte('0' + byte(v>>i&1))
		}
	}
	number(len(c.lit)-257, 5)
	number(len(c.dist)-1, 5)
	number(numPrecode-4, 4)
	for _, sym := range precodeOrder {
		if sym < 16 {
			number(4, 3)
		} else {
			number(0, 3)
		}
	}
	for _, n := range append(c.lit[:len(c.lit):len(c.lit)], c.dist...) {
		number(int(bits.Reverse8(n)>>4), 4)
	}
	s.WriteString(c.body)
	return packBits(s.String())
}

// lengths gives n word lengths, those of set and zeros.
func lengths(n int, set map[int]uint8) []uint8 {
	s := make([]uint8, n)
	for sym, bits := range set {
		s[sym] = bits
	}
	return s
}

// testCodes are complete, incomplete, oversubscribed and degenerate codes.
func testCodes() []testCode {
	ab := lengths(257, map[int]uint8{'a': 1, endOfBlock: 1})
	match := lengths(258, map[int]uint8{'a': 2, 'b': 2, endOfBlock: 2, 257: 2})
	return []testCode{
		{"complete", ab, lengths(1, nil), "0001"},
		{"ends in a word", ab, lengths(1, nil), "0000"},
		{"no literals", lengths(257, nil), lengths(1, nil), "0000"},
		{"no input, no literals", lengths(257, nil), lengths(1, nil), ""},
		{"only end", lengths(257, map[int]uint8{endOfBlock: 1}), lengths(1, nil), "0"},
		{"only end, wrong bit", lengths(257, map[int]uint8{endOfBlock: 1}), lengths(1, nil), "1"},
		{"only end, two bits", lengths(257, map[int]uint8{endOfBlock: 2}), lengths(1, nil), "00"},
		{"one literal, no end", lengths(257, map[int]uint8{'a': 1}), lengths(1, nil), "000010000"},
		{"incomplete", lengths(257, map[int]uint8{'a': 1, endOfBlock: 2}), lengths(1, nil), "0010"},
		{"oversubscribed", lengths(257, map[int]uint8{'a': 1, 'b': 1, endOfBlock: 1}), lengths(1, nil), "00"},
		{"one distance", match, lengths(1, map[int]uint8{0: 1}), "00 11 0 10"},
		{"one distance, wrong bit", match, lengths(1, map[int]uint8{0: 1}), "00 11 1 10"},
		{"one distance of two bits", match, lengths(1, map[int]uint8{0: 2}), "00 11 00 10"},
		{"no distance", match, lengths(1, nil), "00 11 0 10"},
		{"no distance and no input", match, lengths(1, nil), "00 11"},
		{"no distance, not used", match, lengths(1, nil), "00 01 10"},
		{"far distance", match, lengths(30, map[int]uint8{0: 1, 29: 1}), "00 11 1 1111111111111 10"},
		{"long end", longEnd(), lengths(1, nil), "0000000"},
		{"long end, cut", longEnd(), lengths(1, nil), strings.Repeat("0", 30)},
		{"longest codes", ladder(286), ladder(30)[:30], strings.Repeat("110", 100)},
	}
}

// longEnd has an end-of-block word of 15 bits and a literal of one.
func longEnd() []uint8 {
	s := lengths(257, map[int]uint8{endOfBlock: 15})
	for i := range 15 {
		s['a'+i] = uint8(i + 1)
	}
	return s
}

// ladder has n words, of 1, 2, 3, ... bits and as many of 15 as that leaves,
// at the end of the alphabet.
func ladder(n int) []uint8 {
	s := make([]uint8, n)
	for i := range 14 {
		s[n-1-i] = uint8(i + 1)
	}
	s[n-15], s[n-16] = 15, 15
	return s
}

// TestCodes holds codes of every shape against compress/flate, with every cut.
func TestCodes(t *testing.T) {
	t.Parallel()
	g := newRig()
	for _, c := range testCodes() {
		z := g.asMember(c.stream())
		for cut := range len(z) + 1 {
			if err := g.compare(z[:cut], &pieces{rest: z[:cut]}); err != nil {
				t.Errorf("%s, cut at %d of %d: %v", c.name, cut, len(z), err)
			}
		}
	}
}

// TestRandomCodes decodes random bits under random complete codes, so that
// subtables of every size, long lengths and far distances come up.
func TestRandomCodes(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1951, 1952))
	g := newRig()
	for i := range 3000 {
		var body strings.Builder
		for range rnd.IntN(1000) {
			fmt.Fprintf(&body, "%04b", rnd.IntN(16))
		}
		c := testCode{lit: randomCode(rnd, 286), dist: randomCode(rnd, 30), body: body.String()}
		z := g.asMember(c.stream())
		if err := g.compare(z, &pieces{rest: z}); err != nil {
			t.Errorf("code %d: %v", i, err)
		}
	}
}

// randomCode splits random words in two until up to n have one.
func randomCode(rnd *rand.Rand, n int) []uint8 {
	words := []uint8{1, 1}
	for range rnd.IntN(n - 1) {
		// Words at the end are long: splitting them makes deep codes.
		i := max(rnd.IntN(len(words)), rnd.IntN(len(words)))
		if words[i] == maxCodeLen {
			continue
		}
		words[i]++
		words = append(words, words[i])
	}
	lens := make([]uint8, n)
	for i, at := range rnd.Perm(n)[:len(words)] {
		lens[at] = words[i]
	}
	return lens
}
