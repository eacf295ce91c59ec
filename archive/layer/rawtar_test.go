package layer_test

import (
	"fmt"
	"strconv"
	"strings"
)

// A rawField changes a header block before its check sum is made.
type rawField func(block []byte)

// field writes text at an offset of a header block.
func field(offset int, text string) rawField {
	return func(block []byte) { copy(block[offset:], text) }
}

// Offsets of fields (POSIX.1-1988 ustar; GNU tar, "Basic Tar Format").
const (
	atMode, atUID, atGID, atSize, atTime, atSum = 100, 108, 116, 124, 136, 148
	atType, atLink, atMagic                     = 156, 157, 257
	atMajor, atMinor, atPrefix                  = 329, 337, 345
	atSparse, atExtended, atRealSize            = 386, 482, 483 // old GNU sparse files
	atStarTrailer                               = 508
)

// Magic values, and none for v7.
const (
	ustarMagic = "ustar\x0000"
	gnuMagic   = "ustar  \x00"
)

func octal(digits int, n int64) string { return fmt.Sprintf("%0*o\x00", digits, n) }

// base256 is a number as GNU tar and star write what octal digits cannot hold.
func base256(size int, n int64) string {
	b := make([]byte, size)
	for i := size - 1; i >= 0; i-- {
		b[i] = byte(n)
		n >>= 8
	}
	b[0] |= 0x80
	return string(b)
}

// rawEntry is a header of type typ with its content, padded, as a tar has it.
// What fields do not change is what listings have.
func rawEntry(magic string, typ byte, name, content string, fields ...rawField) string {
	mode := int64(0o644)
	switch typ {
	case '5':
		mode = 0o755
	case '2':
		mode = 0o777
	}
	block := make([]byte, 512)
	for _, set := range append([]rawField{
		field(0, name), field(atMode, octal(7, mode)), field(atUID, octal(7, 0)), field(atGID, octal(7, 0)),
		field(atSize, octal(11, int64(len(content)))), field(atTime, octal(11, listingTime.Unix())),
		field(atType, string(typ)), field(atMagic, magic),
	}, fields...) {
		set(block)
	}
	mendSum(block)
	return string(block) + padded(content)
}

// mendSum sets the check sum of a header block that is not all zeros.
func mendSum(block []byte) {
	if strings.Trim(string(block), "\x00") == "" {
		return
	}
	copy(block[atSum:], "        ")
	sum := int64(0)
	for _, c := range block {
		sum += int64(c)
	}
	copy(block[atSum:], octal(6, sum)+" ")
}

func padded(content string) string {
	return content + strings.Repeat("\x00", (512-len(content)%512)%512)
}

// paxRecord is a record of a PAX header: its length, KEY=VALUE and a newline.
func paxRecord(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	size := len(rest) + 1
	for size != len(strconv.Itoa(size))+len(rest) {
		size = len(strconv.Itoa(size)) + len(rest)
	}
	return strconv.Itoa(size) + rest
}

// paxHeader is an extended header of type x, or a global one of type g.
func paxHeader(typ byte, records ...string) string {
	return rawEntry(ustarMagic, typ, "pax_header", strings.Join(records, ""))
}

// gnuLong is GNU's header for a long name (L) or link target (K).
func gnuLong(typ byte, name string) string {
	return rawEntry(gnuMagic, typ, "././@LongLink", name+"\x00")
}

// rawLayer is a layer of a listing whose tar is made of parts alone.
func rawLayer(parts ...string) string {
	return "layer no-end\n  " + rawPart(parts...) + "\n"
}

// tarEnd is the end-of-archive marker.
var tarEnd = strings.Repeat("\x00", 1024)

// rawPart is a line of a listing that puts parts among its entries.
func rawPart(parts ...string) string { return "raw " + strconv.Quote(strings.Join(parts, "")) }
