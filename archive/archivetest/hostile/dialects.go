package hostile

import (
	"hash/crc32"
	"strings"
)

func crc32Of(b []byte) uint32 { return crc32.ChecksumIEEE(b) }

// dialectCases are layers in the dialects of tar, right ones and broken ones.
func dialectCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		out = append(out, Case{Name: "dialect-" + name, About: about, Rules: rules(ids...), write: over(parts...).write})
	}
	v7 := put{atMagic, "\x00\x00\x00\x00\x00\x00\x00\x00"}
	add("v7", "a layer in the form of Unix V7; it is read.", nil, entry('\x00', "a", "x", v7), entry('\x00', "d/", "", v7))
	add("v7-folder-with-data", "a V7 folder with data, which is none.", nil, entry('\x00', "d/", "data", v7))
	add("ustar-prefix", "a name in two parts; it is read.", nil, entry('0', "file", "x", put{atPrefix, "long/prefix"}))
	add("ustar-prefix-up", "a name in two parts that leaves the root.", []string{"PATH-ESCAPE"}, entry('0', "file", "x", put{atPrefix, "../up"}))
	add("star-prefix", "star's times in the place of a prefix; it is read.", nil, entry('0', "a", "x", put{atPrefix + 131, octal(11, 1) + octal(11, 2)}, put{508, "tar\x00"}))
	add("gnu-long-name", "a long name in GNU's form; it is read.", nil, gnuLong('L', strings.Repeat("n/", 100)+"end"), file("short", "x"))
	add("gnu-long-link", "a long link target in GNU's form; it is read.", nil, gnuLong('K', strings.Repeat("n/", 100)+"end"), symlink("l", "short"))
	add("gnu-long-name-twice", "two long names before one file; the last one counts.", nil, gnuLong('L', "one"), gnuLong('L', "two"), file("short", "x"))
	add("gnu-long-name-up", "a long name that leaves the root.", []string{"PATH-ESCAPE"}, gnuLong('L', "../evil"), file("fine", "x"))
	add("gnu-long-name-alone", "a long name without a file.", nil, gnuLong('L', "nothing"))
	add("gnu-long-name-nul", "a long name with a NUL; it ends there.", nil, gnuLong('L', "a\x00b"), file("short", "x"))
	add("gnu-long-name-before-pax", "a long name and a PAX path before one file.", nil, gnuLong('L', "gnu"), pax('x', "path", "pax"), file("short", "x"))
	add("type-contiguous", "a contiguous file; it is a file.", nil, entry('7', "a", "x"))
	for _, t := range []byte("DMNVZ\x80A9") {
		add("type-"+string("0123456789abcdef"[t>>4])+string("0123456789abcdef"[t&15]), "a file of an unknown tar type; engines stop there.", nil, entry(t, "odd", "content"))
	}
	return append(append(out, paxCases()...), sparseCases()...)
}

// paxCases are layers with PAX headers, right ones and broken ones.
func paxCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		out = append(out, Case{Name: "dialect-" + name, About: about, Rules: rules(ids...), write: over(parts...).write})
	}
	broken := []string{"TAR-BROKEN"}
	add("pax-path", "a PAX path; it is read.", nil, pax('x', "path", "a/b"), file("short", "x"))
	add("pax-path-up", "a PAX path that leaves the root behind a name that does not.", []string{"PATH-ESCAPE"}, pax('x', "path", "../evil"), file("fine", "x"))
	add("pax-path-nul", "a PAX path with a NUL.", broken, pax('x', "path", "a\x00b"), file("a", "x"))
	add("pax-link-nul", "a PAX link target with a NUL.", broken, pax('x', "linkpath", "a\x00b"), symlink("a", ""))
	add("pax-path-empty", "an empty PAX path, which takes the record back.", nil, pax('x', "path", ""), file("a", "x"))
	add("pax-twice", "two PAX headers before one file; the last one counts.", nil, pax('x', "path", "one"), pax('x', "path", "two"), file("short", "x"))
	add("pax-path-twice", "one PAX header with two paths; the last one counts.", nil, pax('x', "path", "one", "path", "two"), file("short", "x"))
	add("pax-alone", "a PAX header without a file.", nil, pax('x', "path", "nothing"))
	add("pax-record-too-long", "a record longer than its header.", broken, paxText('x', "99999 path=a\n"), file("a", "x"))
	add("pax-record-too-short", "a record shorter than its key.", broken, paxText('x', "3 path=a\n"), file("a", "x"))
	add("pax-record-no-newline", "a record without a line's end.", broken, paxText('x', "9 path=ab"), file("a", "x"))
	add("pax-record-no-equals", "a record without a value.", broken, paxText('x', "7 path\n"), file("a", "x"))
	add("pax-record-no-key", "a record without a key.", nil, paxText('x', paxRecord("", "x")), file("a", "x"))
	add("pax-record-length-zero", "a record of length 0.", broken, paxText('x', "0 path=a\n"), file("a", "x"))
	add("pax-record-length-negative", "a record of a length below zero.", broken, paxText('x', "-5 path=a\n"), file("a", "x"))
	add("pax-record-length-huge", "a record of a length beyond 64 bits.", broken, paxText('x', "99999999999999999999 path=a\n"), file("a", "x"))
	add("pax-size-larger", "a PAX size larger than the layer.", broken, pax('x', "size", "9999999"), file("a", "x"))
	add("pax-size-negative", "a PAX size below zero.", broken, pax('x', "size", "-1"), file("a", "x"))
	add("pax-size-text", "a PAX size that is a text.", broken, pax('x', "size", "many"), file("a", "x"))
	add("pax-size-beats-header", "a PAX size that is right over a header's that is not.", nil, pax('x', "size", "4"), header('0', "a", 0), padded("text"))
	add("pax-size-before-gnu-name", "a PAX size before a long name, whose own size it is not.", nil, pax('x', "size", "1"), gnuLong('L', "a-name-that-is-longer-than-one-byte"), file("a", "x"))
	add("pax-mtime-text", "a PAX time that is a text.", broken, pax('x', "mtime", "now"), file("a", "x"))
	add("pax-mtime-huge", "a PAX time beyond 64 bits.", broken, pax('x', "mtime", "99999999999999999999"), file("a", "x"))
	add("pax-uid-text", "a PAX owner that is a text.", broken, pax('x', "uid", "root"), file("a", "x"))
	add("pax-hdrcharset", "a PAX name in no known set of characters; bytes are bytes.", nil, pax('x', "hdrcharset", "BINARY", "path", "n\xff"), file("a", "x"))
	add("pax-global-path", "a global PAX path; engines pass it over.", nil, pax('g', "path", "all"), file("a", "x"), file("b", "y"))
	add("pax-global-size", "a global PAX size; engines pass it over.", nil, pax('g', "size", "99999"), file("a", "x"))
	add("pax-global-up", "a global PAX path that leaves the root; engines pass it over.", nil, pax('g', "path", "../evil"), file("a", "x"))
	add("pax-on-global", "a PAX header before a global one.", nil, pax('x', "path", "one"), pax('g', "comment", "c"), file("a", "x"))
	return out
}

// sparseCases are sparse files in all forms of GNU tar, right ones and broken ones.
func sparseCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		out = append(out, Case{Name: "dialect-" + name, About: about, Rules: rules(ids...), write: over(parts...).write})
	}
	broken := []string{"TAR-BROKEN"}
	gnu := put{atMagic, gnuMagic}
	add("sparse-old", "an old GNU sparse file; it is read.", nil, sparseOld(8, 8, "12345678"))
	add("sparse-old-extended", "an old GNU sparse file with more of a map; it is read.", nil, header('S', "s", 1, gnu, put{atSparse, octal(11, 0) + octal(11, 1)}, put{atExtended, "\x01"}, put{atRealSize, octal(11, 10)}), strings.Repeat("\x00", 512), padded("x"))
	add("sparse-old-overlap", "an old GNU sparse file whose parts overlap.", broken, header('S', "s", 4, gnu, put{atSparse, octal(11, 0) + octal(11, 4) + octal(11, 2) + octal(11, 4)}, put{atRealSize, octal(11, 8)}), padded("text"))
	add("sparse-old-beyond", "an old GNU sparse file with a part behind its end.", broken, sparseOld(100, 8, "12345678"))
	add("sparse-old-negative", "an old GNU sparse file of a size below zero.", broken, header('S', "s", 0, gnu, put{atRealSize, base256(12, -1)}))
	add("sparse-old-endless-map", "an old GNU sparse file whose map never ends.", nil, header('S', "s", 0, gnu, put{atExtended, "\x01"}, put{atRealSize, octal(11, 8)}), strings.Repeat(strings.Repeat("\x00", 504)+"\x01"+strings.Repeat("\x00", 7), 50))
	add("sparse-0-1", "a PAX 0.1 sparse file; it is read.", nil, pax('x', "GNU.sparse.size", "8", "GNU.sparse.numblocks", "1", "GNU.sparse.map", "4,4"), file("s", "text"))
	add("sparse-0-1-odd-map", "a PAX 0.1 sparse file with half a pair in its map.", broken, pax('x', "GNU.sparse.size", "8", "GNU.sparse.numblocks", "2", "GNU.sparse.map", "4,4,6"), file("s", "text"))
	add("sparse-0-1-too-many", "a PAX 0.1 sparse file that promises more parts than it has.", broken, pax('x', "GNU.sparse.size", "8", "GNU.sparse.numblocks", "99999999", "GNU.sparse.map", "4,4"), file("s", "text"))
	add("sparse-0-0-unpaired", "a PAX 0.0 sparse file with an offset and no length.", broken, paxText('x', paxRecord("GNU.sparse.size", "8")+paxRecord("GNU.sparse.numblocks", "1")+paxRecord("GNU.sparse.offset", "4")), file("s", "text"))
	add("sparse-1-0", "a PAX 1.0 sparse file; it is read.", nil, sparse10("8", "1\n4\n4\n", "text"))
	add("sparse-1-0-no-map", "a PAX 1.0 sparse file without a map.", broken, sparse10("8", "", ""))
	add("sparse-1-0-many", "a PAX 1.0 sparse file that promises 2^60 parts.", broken, sparse10("8", "1152921504606846976\n4\n4\n", "text"))
	add("sparse-1-0-negative", "a PAX 1.0 sparse file with a part before its begin.", broken, sparse10("8", "1\n-4\n4\n", "text"))
	add("sparse-1-0-text", "a PAX 1.0 sparse file with a map of words.", broken, sparse10("8", "one\ntwo\n", "text"))
	add("sparse-1-0-short", "a PAX 1.0 sparse file with less data than its map says.", broken, sparse10("8000", "1\n0\n8000\n", "text"))
	add("sparse-2-0", "a sparse file of a version that does not exist.", nil, pax('x', "GNU.sparse.major", "2", "GNU.sparse.minor", "0", "GNU.sparse.realsize", "8"), file("s", "text"))
	add("sparse-name-up", "a sparse file whose real name leaves the root.", []string{"PATH-ESCAPE"}, pax('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "../evil", "GNU.sparse.realsize", "0"), file("s", padded("0\n")))
	return out
}

// sparseOld is a file of GNU tar's old form with one part, at 0.
func sparseOld(offset, size int64, data string) string {
	return header('S', "s", int64(len(data)), put{atMagic, gnuMagic}, put{atSparse, octal(11, offset-8) + octal(11, size)}, put{atRealSize, octal(11, 8)}) + padded(data)
}

// sparse10 is a file of GNU tar's PAX form 1.0.
func sparse10(size, sparseMap, data string) string {
	return pax('x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "s", "GNU.sparse.realsize", size) + file("GNUSparseFile.0/s", padded(sparseMap)+data)
}
