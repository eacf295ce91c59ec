package hostile

import (
	"fmt"
	"strings"
)

// numberCases are headers whose numbers cannot be, or hardly.
func numberCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		host := strings.HasPrefix(name, "time-") || strings.HasPrefix(name, "owner-")
		out = append(out, Case{Name: "number-" + name, About: about, Rules: rules(ids...), Host: host, write: over(parts...).write})
	}
	broken, invalid := []string{"TAR-BROKEN"}, []string{"ENTRY-INVALID"}
	for _, n := range []struct {
		name, about string
		value       int64
		ids         []string
	}{
		{"2-21", "beyond what octal digits hold; it is kept", 1 << 21, nil},
		{"2-31", "of 2^31, which 32 bits with a sign do not hold", 1 << 31, nil},
		{"2-32-less-1", "of 2^32 - 1, which Linux takes for none", 1<<32 - 1, nil},
		{"2-32", "of 2^32, which Linux does not have", 1 << 32, nil},
		{"2-61", "of 2^61, which Linux does not have", 1 << 61, nil},
		{"negative", "below zero", -1, invalid},
	} {
		add("owner-"+n.name, "an owner "+n.about+".", n.ids, entry('0', "a", "x", put{atUID, base256(8, n.value)}, put{atGID, base256(8, n.value)}))
	}
	add("owner-2-63-in-pax", "an owner of 2^63 in PAX, which 64 bits do not hold.", broken, pax('x', "uid", "9223372036854775808"), file("a", "x"))
	add("owner-negative-in-pax", "an owner below zero in PAX.", nil, pax('x', "gid", "-5"), file("a", "x"))
	add("owner-no-octal", "an owner that is no octal number.", broken, entry('0', "a", "x", put{atUID, "9999999\x00"}))
	add("owner-spaces", "an owner of spaces, as old tars have it; it is 0.", nil, entry('0', "a", "x", put{atUID, "       \x00"}))
	add("owner-names-long", "owners of names that fill their fields.", nil, entry('0', "a", "x", put{atUname, strings.Repeat("u", 64)}))
	for _, t := range []struct {
		name, about string
		value       int64
	}{
		{"before-1970", "before 1970; it is kept", -86400},
		{"year-1", "in the year 1", -62135596800},
		{"2038", "behind January 2038; it is kept", 1 << 31},
		{"2106", "behind February 2106; it is kept", 1 << 32},
		{"year-10000", "behind the year 9999", 253402300800},
		{"largest", "of 2^63 - 1 seconds", 1<<63 - 1},
		{"smallest", "of -2^63 seconds", -1 << 63},
	} {
		add("time-"+t.name, "a time "+t.about+".", nil, entry('0', "a", "x", put{atTime, base256(12, t.value)}))
		add("time-in-pax-"+t.name, "a PAX time "+t.about+".", nil, pax('x', "mtime", fmt.Sprintf("%d.123456789123", t.value)), file("a", "x"))
	}
	return append(out, fieldCases()...)
}

// fieldCases are modes, sizes, check sums and device numbers that cannot be, or
// hardly.
func fieldCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		out = append(out, Case{Name: "number-" + name, About: about, Rules: rules(ids...), write: over(parts...).write})
	}
	broken, invalid := []string{"TAR-BROKEN"}, []string{"ENTRY-INVALID"}
	add("time-no-octal", "a time that is no octal number.", broken, entry('0', "a", "x", put{atTime, "99999999999\x00"}))
	add("mode-no-octal", "a mode that is no octal number.", broken, entry('0', "a", "x", put{atMode, "999\x00"}))
	add("mode-type-bits", "a mode with the bits of a folder's type, which are cut.", nil, entry('0', "a", "x", put{atMode, "0040644\x00"}))
	add("mode-negative", "a mode below zero.", nil, entry('0', "a", "x", put{atMode, base256(8, -1)}))
	add("mode-none", "a file and a folder that nobody may touch; they are unpacked.", nil, entry('5', "d/", "", put{atMode, octal(7, 0)}), entry('0', "d/a", "x", put{atMode, "0000000\x00"}))
	add("size-negative", "a size below zero.", broken, header('0', "a", 0, put{atSize, base256(12, -1)}))
	add("size-largest", "a size of 2^63 - 1.", broken, header('0', "a", 0, put{atSize, base256(12, 1<<63-1)}))
	add("size-beyond-64-bits", "a size beyond 64 bits.", broken, header('0', "a", 0, put{atSize, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}))
	add("size-no-octal", "a size that is no octal number.", broken, header('0', "a", 0, put{atSize, "9\x00"}))
	add("size-spaces", "a size with spaces around it; it is read.", nil, header('0', "a", 0, put{atSize, "         1 \x00"}), padded("x"))
	add("size-of-folder", "a folder with a size and data, which some skip.", nil, header('5', "d/", 512), padded("data"))
	add("size-of-symlink", "a symlink with a size and data, which some skip.", nil, header('2', "l", 512, put{atLink, "etc"}), padded("data"))
	add("size-of-hardlink", "a hardlink with the size of its file, as some write it; it has no data.", nil, file("a", "x"), header('1', "b", 1, put{atLink, "a"}))
	add("size-of-device", "a device with a size and no data.", []string{"DEVICE-NODE"}, header('3', "null", 99999, put{atMajor, octal(7, 1)}, put{atMinor, octal(7, 3)}))
	add("sum-no-octal", "a check sum that is no number.", broken, strings.Replace(header('0', "a", 0), header('0', "a", 0)[atSum:atSum+8], "zzzzzz\x00 ", 1))
	add("sum-signed", "a check sum of signed bytes, as old Sun tars have it; it is right.", nil, signedSum(header('0', "a\xff", 0)))
	for _, d := range []struct {
		name  string
		major int64
		ids   []string
	}{{"largest", 1<<21 - 1, []string{"DEVICE-NODE"}}, {"too-large", 1 << 32, invalid}, {"negative", -1, invalid}} {
		add("device-"+d.name, "a device of a number that is "+strings.ReplaceAll(d.name, "-", " ")+".", d.ids, entry('3', "dev", "", put{atMajor, base256(8, d.major)}, put{atMinor, octal(7, 1)}))
	}
	add("overlay-whiteout", "overlayfs's own whiteout, device 0:0, which means nothing in a layer.", []string{"DEVICE-NODE"}, entry('3', "etc/motd", "", put{atMajor, octal(7, 0)}, put{atMinor, octal(7, 0)}))
	return out
}
