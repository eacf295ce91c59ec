package layer_test

import "strings"

// holey is the content of the sparse files below: 4096 zeros, "data", zeros up
// to 10,000, "end".
var holey = strings.Repeat("\x00", 4096) + "data" + strings.Repeat("\x00", 10000-4100) + "end"

// sparseSpan is where data stands in an old GNU sparse file.
func sparseSpan(offset, size int64) string { return octal(11, offset) + octal(11, size) }

// sparseCases are sparse files, which are read as what they stand for.
var sparseCases = []layerCase{
	{
		name: "sparse file of old GNU tar",
		layers: rawLayer(
			rawEntry(gnuMagic, 'S', "a", "dataend", field(atSparse, sparseSpan(4096, 4)+sparseSpan(10000, 3)),
				field(atRealSize, octal(11, 10003))),
			rawEntry(gnuMagic, '0', "b", "2"), tarEnd),
		want:    "file a " + long(holey) + "\nfile b \"2\"",
		differs: by(whyDialect, umoci, podman, docker),
	},
	{
		name: "sparse file of old GNU tar with a further header",
		layers: rawLayer(
			rawEntry(gnuMagic, 'S', "a", "", field(atSize, octal(11, 7)),
				field(atSparse, sparseSpan(4096, 1)+sparseSpan(4097, 1)+sparseSpan(4098, 1)+sparseSpan(4099, 1)),
				field(atExtended, "\x01"), field(atRealSize, octal(11, 10003))),
			padded(sparseSpan(10000, 3)), padded("dataend"),
			rawEntry(gnuMagic, '0', "b", "2"), tarEnd),
		want:    "file a " + long(holey) + "\nfile b \"2\"",
		differs: by(whyDialect, umoci, podman, docker),
	},
	{
		name: "sparse file of PAX 0.0",
		layers: rawLayer(
			paxHeader('x', paxRecord("GNU.sparse.size", "10003"), paxRecord("GNU.sparse.numblocks", "2"),
				paxRecord("GNU.sparse.offset", "4096"), paxRecord("GNU.sparse.numbytes", "4"),
				paxRecord("GNU.sparse.offset", "10000"), paxRecord("GNU.sparse.numbytes", "3")),
			rawEntry(ustarMagic, '0', "a", "dataend"),
			rawEntry(ustarMagic, '0', "b", "2"), tarEnd),
		want: "file a " + long(holey) + "\nfile b \"2\"",
	},
	{
		name: "sparse file of PAX 0.1",
		layers: rawLayer(
			paxHeader('x', paxRecord("GNU.sparse.size", "10003"), paxRecord("GNU.sparse.numblocks", "2"),
				paxRecord("GNU.sparse.map", "4096,4,10000,3"), paxRecord("GNU.sparse.name", "a")),
			rawEntry(ustarMagic, '0', "GNUSparseFile.1/a", "dataend"),
			rawEntry(ustarMagic, '0', "b", "2"), tarEnd),
		want: "file a " + long(holey) + "\nfile b \"2\"",
	},
	{
		name: "sparse file of PAX 1.0",
		layers: rawLayer(
			paxHeader('x', paxRecord("GNU.sparse.major", "1"), paxRecord("GNU.sparse.minor", "0"),
				paxRecord("GNU.sparse.name", "a"), paxRecord("GNU.sparse.realsize", "10003")),
			rawEntry(ustarMagic, '0', "GNUSparseFile.1/a", padded("2\n4096\n4\n10000\n3\n")+"dataend"),
			rawEntry(ustarMagic, '0', "b", "2"), tarEnd),
		want: "file a " + long(holey) + "\nfile b \"2\"",
	},
	{
		name: "sparse files of nothing but a hole",
		layers: rawLayer(
			paxHeader('x', paxRecord("GNU.sparse.major", "1"), paxRecord("GNU.sparse.minor", "0"),
				paxRecord("GNU.sparse.name", "a"), paxRecord("GNU.sparse.realsize", "70000")),
			rawEntry(ustarMagic, '0', "GNUSparseFile.1/a", padded("1\n70000\n0\n")),
			rawEntry(gnuMagic, 'S', "b", "", field(atSparse, sparseSpan(70000, 0)), field(atRealSize, octal(11, 70000))),
			tarEnd),
		want:    "file a " + long(strings.Repeat("\x00", 70000)) + "\nfile b " + long(strings.Repeat("\x00", 70000)),
		differs: by(whyDialect, umoci, podman, docker),
	},
	{
		name: "names of a sparse file",
		layers: `
layer
  ` + rawPart(paxHeader('x', paxRecord("GNU.sparse.major", "1"), paxRecord("GNU.sparse.minor", "0"),
			paxRecord("GNU.sparse.name", "a"), paxRecord("GNU.sparse.realsize", "10003"), paxRecord("comment", "kept")),
			rawEntry(ustarMagic, '0', "GNUSparseFile.1/a", padded("2\n4096\n4\n10000\n3\n")+"dataend")) + `
  hardlink z a
layer
  file a 1
`,
		want: "file a \"1\"\nfile z " + long(holey) + " pax.comment=kept",
	},
}
