// Package gunzip reads gzip files (RFC 1952) with a decoder of its own for
// DEFLATE (RFC 1951), in safe Go without assembly. [Reader] is for one
// goroutine, [Pump] decodes in one and hashes or writes in others.
//
// On a tar of binaries and sources it gives about 2.7 times the bytes per
// second of github.com/klauspost/compress/gzip and 3.6 times those of
// [compress/gzip]; BenchmarkReader compares the three. What makes that
// possible is reading ahead: the decoder takes large pieces of its source and
// looks at eight bytes of them at a time. Those other decoders may not, because
// they leave a source that gives single bytes right behind the stream. A
// [Reader] may have read beyond the end of the gzip file, and is not for
// sources that wait for an answer before they go on.
//
// It accepts and refuses what [compress/gzip] does, and gives the same bytes
// up to the same kind of error, with these differences:
//
//   - Zeros behind the last member, up to the end of the input, are accepted,
//     as GNU gzip does: tapes and disks are padded to whole blocks. Anything
//     else there is refused, where GNU gzip warns and ignores it.
//   - The content of header fields is not kept.
//   - Errors are of type [Error] and name the place in the input.
//
// The input must be one or more members; an empty one gives [io.EOF]. Names
// and comments over 511 bytes are refused and unknown flags are ignored, as
// in compress/gzip.
//
// # Where to find what
//
// reader.go holds the output side and the order of things, header.go the gzip
// member, inflate.go the DEFLATE stream, its blocks and the exact decoding of
// one symbol, fast.go the loop that decodes nearly all symbols. code.go makes
// Huffman tables of word lengths, symbols.go says what their entries mean.
// input.go is the compressed side, in bytes and bits, and pump.go decodes in
// one goroutine and hashes or writes in others.
package gunzip
