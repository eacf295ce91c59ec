package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// streamCases are compressed layers that are damaged or odd.
func streamCases() []Case {
	var out []Case
	typeOf := map[string]string{"gzip": "+gzip", "zstd": "+zstd", "xz": "+xz"}
	add := func(form, name, about string, change func(string) string, ids ...string) {
		m := image{layers: []string{baseLayer, tarOf(dir("usr"), file("usr/app", strings.Repeat("application ", 300)))}, layer: set("mediaType", typeLayer+typeOf[form])}
		m.compress = func(tar string) string { return change(compressions[form](tar)) }
		out = append(out, Case{Name: "stream-" + form + "-" + name, About: fmt.Sprintf("a layer in %s %s.", form, about), Rules: rules(ids...), write: m.write})
	}
	for _, form := range slices.Sorted(maps.Keys(compressions)) {
		load := map[string][]string{"xz": {"LOAD-COMPRESSION"}, "zstd": {"LOAD-ZSTD"}}[form]
		add(form, "good", "as it should be, to compare with", func(s string) string { return s }, load...)
		for _, n := range []int{3, 12, 40} {
			add(form, fmt.Sprintf("cut-at-%d", n), fmt.Sprintf("cut to its first %d bytes", n), func(s string) string { return s[:n] })
		}
		for _, n := range []int{1, 4, 8, 12} {
			add(form, fmt.Sprintf("cut-by-%d", n), fmt.Sprintf("without its last %d bytes", n), func(s string) string { return s[:len(s)-n] }, "STREAM-BROKEN")
		}
		for _, n := range []int{4, 12, 60, -3, -6} {
			place := strings.Replace(fmt.Sprintf("at-%d", n), "at--", "before-end-", 1)
			add(form, "flipped-"+place, "with a wrong bit "+strings.ReplaceAll(place, "-", " "), func(s string) string { return flipped(s, n) })
		}
		add(form, "text-behind", "with text behind it", func(s string) string { return s + "hidden text" }, "STREAM-BROKEN")
		add(form, "zeros-behind", "with zeros behind it", func(s string) string { return s + strings.Repeat("\x00", 512) })
		add(form, "twice", "and once more behind it: the second one's files follow the end of the first one", func(s string) string { return s + s }, "TAR-TRAILING-DATA")
		add(form, "in-itself", "that is compressed twice", compressions[form], "TAR-BROKEN")
	}
	for _, odd := range []struct{ name, about, data string }{
		{"zstd-dictionary", "a zstd layer that needs a dictionary", "\x28\xb5\x2f\xfd\x63\x01\x02\x03\x04\x00\x01\x00\x00"},
		{"zstd-window-128-mib", "a zstd layer that wants a window of 128 MiB, which is allowed", zstdFrame(17, tarOf(file("a", "x")))},
		{"zstd-window-256-mib", "a zstd layer that wants a window of 256 MiB, which is over the limit", zstdFrame(18, tarOf(file("a", "x")))},
		{"zstd-window-largest", "a zstd layer that wants the largest window that can be written", zstdFrame(31, tarOf(file("a", "x")))},
		{"zstd-size-lies", "a zstd layer whose header says that it is 8 EiB long", "\x28\xb5\x2f\xfd\xc0\x50\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x00\x00"},
		{"zstd-skippable-alone", "a zstd layer of nothing but a skippable frame", "\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"},
		{"zstd-skippable-endless", "a zstd layer whose skippable frame claims 4 GiB", "\x50\x2a\x4d\x18\xff\xff\xff\xffabcd"},
		{"zstd-reserved-block", "a zstd layer with a block of the reserved kind", "\x28\xb5\x2f\xfd\x00\x58\x07\x00\x00"},
		{"gzip-magic-alone", "a layer of gzip's first bytes", "\x1f\x8b\x08"},
		{"bzip2-magic-alone", "a layer of bzip2's first bytes", "BZh9"},
		{"xz-dictionary-4-gib", "an xz layer that wants a dictionary of 4 GiB", xzDictionary(40)},
		{"xz-dictionary-128-mib", "an xz layer that wants a dictionary of 128 MiB, which is allowed", xzDictionary(30)},
		{"xz-dictionary-192-mib", "an xz layer that wants a dictionary of 192 MiB, which is over the limit", xzDictionary(31)},
		{"lz4", "a layer in lz4, which images do not use", "\x04\x22\x4d\x18" + strings.Repeat("\x00", 64)},
		{"compress", "a layer in compress(1)'s form, which images do not use", "\x1f\x9d\x90" + strings.Repeat("\x00", 64)},
	} {
		out = append(out, Case{Name: "stream-" + odd.name, About: odd.about + ".", write: uncut(odd.data).write})
	}
	return out
}

// zstdFrame is a frame of raw blocks with a window of 2 to the power of 10 and
// exponent (RFC 8878, section 3.1.1).
func zstdFrame(exponent byte, data string) string {
	frame := "\x28\xb5\x2f\xfd\x00" + string([]byte{exponent << 3})
	head := len(data)<<3 | 1 // the last block, raw
	return frame + string([]byte{byte(head), byte(head >> 8), byte(head >> 16)}) + data
}

// xzDictionary is an xz stream whose block header states a dictionary (xz file
// format, section 5.3.1).
func xzDictionary(bits byte) string {
	s := []byte(xzipped(tarOf(file("a", "x"))))
	size := (int(s[12]) + 1) * 4
	block := s[12 : 12+size]
	for i := 2; i+2 < len(block); i++ {
		if block[i] == 0x21 && block[i+1] == 1 { // LZMA2, one byte of properties
			block[i+2] = bits
			break
		}
	}
	sum := crc32Of(block[:size-4])
	for i := range 4 {
		block[size-4+i] = byte(sum >> (8 * i))
	}
	return string(s)
}
