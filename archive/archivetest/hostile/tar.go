package hostile

import (
	"fmt"
	"strconv"
	"strings"
)

// put writes text at an offset of a header block before its check sum is made.
type put struct {
	offset int
	text   string
}

// Offsets of fields (POSIX.1-1988 ustar; GNU tar manual, "Basic Tar Format").
const (
	atMode, atUID, atGID, atSize, atTime, atSum = 100, 108, 116, 124, 136, 148
	atType, atLink, atMagic                     = 156, 157, 257
	atUname, atMajor, atMinor, atPrefix         = 265, 329, 337, 345
	atSparse, atExtended, atRealSize            = 386, 482, 483 // old GNU sparse files
)

// Magic values, and none for v7.
const (
	ustarMagic = "ustar\x0000"
	gnuMagic   = "ustar  \x00"
)

// tarEnd is the end-of-archive marker.
var tarEnd = strings.Repeat("\x00", 1024)

func octal(digits int, n int64) string { return fmt.Sprintf("%0*o\x00", digits, n) }

// base256 is a number as GNU tar writes what octal digits cannot hold; a negative
// one has all bits set above it.
func base256(size int, n int64) string {
	b := make([]byte, size)
	for i := size - 1; i >= 0; i-- {
		b[i] = byte(n)
		n >>= 8
	}
	b[0] |= 0x80
	return string(b)
}

// header is a block with a right check sum.
func header(typ byte, name string, size int64, puts ...put) string {
	block := make([]byte, 512)
	mode := map[byte]int64{'5': 0o755, '2': 0o777}[typ]
	if mode == 0 {
		mode = 0o644
	}
	standard := []put{
		{0, name}, {atMode, octal(7, mode)}, {atUID, octal(7, 0)}, {atGID, octal(7, 0)}, {atSize, octal(11, size)},
		{atTime, octal(11, 1767323045)}, {atType, string(rune(typ))}, {atMagic, ustarMagic},
	}
	for _, p := range append(standard, puts...) {
		copy(block[p.offset:], p.text)
	}
	copy(block[atSum:], "        ")
	sum := 0
	for _, b := range block {
		sum += int(b)
	}
	copy(block[atSum:], fmt.Sprintf("%06o\x00 ", sum))
	return string(block)
}

// entry is a header with its content, padded.
func entry(typ byte, name, content string, puts ...put) string {
	return header(typ, name, int64(len(content)), puts...) + padded(content)
}

func padded(content string) string {
	return content + strings.Repeat("\x00", (512-len(content)%512)%512)
}

func file(name, content string) string { return entry('0', name, content) }

func dir(name string) string { return entry('5', name+"/", "") }

func symlink(name, target string) string {
	if len(target) > 100 {
		return pax('x', "linkpath", target) + entry('2', name, "")
	}
	return entry('2', name, "", put{atLink, target})
}

func hardlink(name, target string) string { return entry('1', name, "", put{atLink, target}) }

// long is a file with a name that only PAX holds.
func long(name, content string) string { return pax('x', "path", name) + file("long", content) }

// pax is an extended header of type x, or a global one of type g, of keys and
// values in turn.
func pax(typ byte, pairs ...string) string {
	var records strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		records.WriteString(paxRecord(pairs[i], pairs[i+1]))
	}
	return paxText(typ, records.String())
}

func paxText(typ byte, records string) string { return entry(typ, "pax_header", records) }

// paxRecord is a record of a PAX header: its length, KEY=VALUE and a newline.
func paxRecord(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	size := len(rest) + 1
	for size != len(strconv.Itoa(size))+len(rest) {
		size = len(strconv.Itoa(size)) + len(rest)
	}
	return strconv.Itoa(size) + rest
}

// gnuLong is GNU's header for a long name (L) or link target (K).
func gnuLong(typ byte, name string) string {
	return entry(typ, "././@LongLink", name+"\x00", put{atMagic, gnuMagic})
}

// tarOf joins parts and ends them.
func tarOf(parts ...string) string { return strings.Join(parts, "") + tarEnd }

// baseLayer is what lies below hostile layers.
var baseLayer = tarOf(dir("etc"), file("etc/motd", "hello\n"))
