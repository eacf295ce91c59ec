package hostile

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// outerCases are files that are no archive, or whose outside is odd.
func outerCases() []Case {
	var out []Case
	for _, f := range []struct{ name, about, data string }{
		{"empty", "a file of no bytes", ""},
		{"one-byte", "a file of one byte", "x"},
		{"one-zero", "a file of one zero byte", "\x00"},
		{"zeros-512", "half an end of a tar", strings.Repeat("\x00", 512)},
		{"zeros-1024", "a tar without members", tarEnd},
		{"zeros-10240", "an empty tar as tar(1) writes it", strings.Repeat("\x00", 10240)},
		{"text", "a text file", strings.Repeat("no tar at all\n", 100)},
		{"html", "the page that a download ended at", "<!DOCTYPE html><html><body>Sign in</body></html>"},
		{"xml", "an error page of an object store", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"},
		{"json-object", "the manifest in place of the archive", `{"schemaVersion":2}`},
		{"json-list", "the manifest.json in place of the archive", dockerManifest},
		{"pointer", "a pointer of Git LFS in place of the archive", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"},
		{"zip", "a ZIP file", "PK\x03\x04" + strings.Repeat("\x00", 600)},
		{"elf", "a program", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 600)},
		{"squashfs", "a squashfs file system", "hsqs" + strings.Repeat("\x07\x00", 600)},
		{"cpio", "a cpio archive", "070701" + strings.Repeat("0", 104) + "TRAILER!!!\x00"},
		{"ar", "an ar archive, such as a Debian package", "!<arch>\ndebian-binary   1342943816  0     0     100644  4         `\n2.0\n"},
		{"iso", "a file with nothing but a late magic", strings.Repeat("\x00", 32769) + "CD001"},
		{"gzip-magic", "the first bytes of gzip and no more", "\x1f\x8b"},
		{"bzip2-magic", "the first bytes of bzip2 and no more", "BZh9"},
		{"xz-magic", "the first bytes of xz and no more", "\xfd7zXZ\x00"},
		{"zstd-magic", "the first bytes of zstd and no more", "\x28\xb5\x2f\xfd"},
		{"lz4-magic", "an lz4 file, which is not read", "\x04\x22\x4d\x18" + strings.Repeat("\x00", 64)},
		{"lzip-magic", "an lzip file, which is not read", "LZIP\x01" + strings.Repeat("\x00", 64)},
		{"gzip-random", "gzip's first bytes before bytes that are no gzip", "\x1f\x8b\x08\x00" + strings.Repeat("random", 200)},
		{"zstd-skippable", "a zstd file of one skippable frame", "\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"},
		{"gzip-of-nothing", "a gzip file of no bytes", gzipped("")},
		{"gzip-of-text", "a gzip file of a text", gzipped("no tar at all\n")},
		{"gzip-of-gzip", "an archive that is compressed twice", gzipped(gzipped(docker(dockerManifest)))},
		{"zstd-of-gzip", "an archive that is compressed twice, in two ways", zstandard(gzipped(docker(dockerManifest)))},
		{"tar-of-archive", "an archive in a tar", tarOf(file("image.tar", docker(dockerManifest)))},
		{"tar-of-gzip", "a compressed archive in a tar", tarOf(file("image.tar.gz", gzipped(docker(dockerManifest))))},
		{"rootfs", "a root filesystem, as docker export writes it", tarOf(dir("etc"), file("etc/passwd", "root:x:0:0::/:/bin/sh\n"), dir("usr"), dir("usr/bin"))},
		{"rootfs-gzip", "a compressed root filesystem", gzipped(tarOf(dir("etc"), file("etc/passwd", "root:x:0:0::/:/bin/sh\n"), dir("usr")))},
		{"layer", "a layer with a whiteout", tarOf(dir("etc"), file("etc/.wh.passwd", ""), file("etc/.wh..wh..opq", ""))},
		{"signature", "a lone config and a layer, with no list", tarOf(file("config.json", dockerConfig), file("layer.tar", baseLayer))},
	} {
		out = append(out, Case{Name: "file-" + f.name, About: f.about + "; every command says what it is.", write: bytesOf(f.data)})
	}
	return append(out, wrappedCases()...)
}

// wrappedCases are good archives with something around them.
func wrappedCases() []Case {
	archive := docker(dockerManifest)
	var out []Case
	for _, w := range []struct{ name, about, data string }{
		{"garbage-behind-tar", "text follows the end of a good archive; tar(1) ignores it, so do readers.", archive + "garbage"},
		{"zeros-behind-tar", "an end that is padded to 20 blocks, as tar(1) does; nothing is wrong.", archive + strings.Repeat("\x00", 8192)},
		{"no-end", "a good archive without end blocks; nothing is missing.", strings.TrimSuffix(archive, tarEnd)},
		{"one-end-block", "a good archive with one end block of two; nothing is missing.", strings.TrimSuffix(archive, tarEnd) + tarEnd[:512]},
		{"two-archives", "a second archive behind the first one's end; the first one counts.", archive + docker(`[]`)},
		{"zero-block-within", "one zero block between members, which ends the tar for some and not for others.", tarOf(file("config.json", dockerConfig), tarEnd[:512], file("layer.tar", baseLayer), file("manifest.json", dockerManifest))},
		{"gzip-members", "a gzip file of several members, as pigz and appending make it; all are read.", gzipped(archive[:700]) + gzipped(archive[700:])},
		{"gzip-empty-member", "a gzip file with an empty member between others; all are read.", gzipped(archive[:512]) + gzipped("") + gzipped(archive[512:])},
		{"gzip-zeros-behind", "zeros follow a gzip file, as tapes and padding leave them.", gzipped(archive) + strings.Repeat("\x00", 512)},
		{"gzip-garbage-behind", "text follows a gzip file; that it is whole cannot be told.", gzipped(archive) + "garbage"},
		{"zstd-frames", "zstd frames with skippable ones between them; all are read.", zstandard(archive[:700]) + "\x5a\x2a\x4d\x18\x05\x00\x00\x00index" + zstandard(archive[700:])},
		{"zstd-garbage-behind", "text follows a zstd file; it is an error.", zstandard(archive) + "garbage"},
		{"xz-streams", "two xz streams, one behind the other; both are read.", xzipped(archive[:700]) + xzipped(archive[700:])},
		{"xz-padding", "an xz file with stream padding; nothing is wrong.", xzipped(archive) + "\x00\x00\x00\x00"},
		{"xz-bad-padding", "an xz file with padding of three bytes, which the format forbids.", xzipped(archive) + "\x00\x00\x00"},
		{"xz-garbage-behind", "text follows an xz file; it is an error.", xzipped(archive) + "garbage"},
		{"gzip-bad-sum", "a gzip file whose check sum is wrong; nothing of it may be believed.", flipped(gzipped(archive), -5)},
		{"gzip-bad-length", "a gzip file whose length is wrong; nothing of it may be believed.", flipped(gzipped(archive), -1)},
		{"gzip-bad-method", "a gzip file of another method than deflate.", flipped(gzipped(archive), 2)},
		{"gzip-bad-flags", "a gzip file with a reserved flag.", xored(gzipped(archive), 3, 0x80)},
		{"gzip-long-name", "a gzip header with a name of 1 MiB; no file is called so.", gzipNamed(archive, strings.Repeat("n", 1<<20))},
		{"gzip-flipped", "a gzip file with a wrong bit in the middle.", flipped(gzipped(archive), 150)},
		{"zstd-flipped", "a zstd file with a wrong bit in the middle; its check sum tells.", flipped(zstandard(archive), 150)},
		{"xz-flipped", "an xz file with a wrong bit in the middle; its check sum tells.", flipped(xzipped(archive), 150)},
		{"xz-bad-check", "an xz file with an unknown kind of check.", xored(xzipped(archive), 7, 0x0e)},
		{"dot-slash", "member names that begin with ./, as tar(1) writes them; nothing is wrong.", tarOf(dir("."), file("./config.json", dockerConfig), file("./layer.tar", baseLayer), file("./manifest.json", dockerManifest))},
	} {
		out = append(out, Case{Name: "outer-" + w.name, About: w.about, write: bytesOf(w.data)})
	}
	return out
}

// truncatedCases are good archives that end early, as downloads do.
func truncatedCases() []Case {
	archive := docker(dockerManifest)
	var out []Case
	add := func(form, data string, places ...int) {
		for _, n := range places {
			out = append(out, Case{
				Name:  fmt.Sprintf("truncated-%s-%d", form, n),
				About: fmt.Sprintf("a good archive (%s) cut to %d of %d bytes; nothing is made of the rest.", form, n, len(data)),
				write: bytesOf(data[:n]),
			})
		}
	}
	// Within the first header, at its end, within and behind the first body, in the
	// second header, in the layer, in the last header and body.
	end := len(archive) - len(tarEnd)
	add("tar", archive, 1, 257, 511, 512, 513, 1024, 1025, 1536, 2048, 3000, end-1024, end-512, end-500, end-1)
	for form, compress := range compressions {
		data := compress(archive)
		add(form, data, 5, 12, len(data)/2, len(data)-9, len(data)-4, len(data)-1)
	}
	sortCases(out)
	return out
}

// compressions are ways to compress by name.
var compressions = map[string]func(string) string{"gzip": gzipped, "zstd": zstandard, "xz": xzipped}

func gzipped(s string) string { return gzipNamed(s, "") }

func gzipNamed(s, name string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Name = name
	_, _ = w.Write([]byte(s)) // a buffer takes all
	_ = w.Close()
	return out.String()
}

func zstandard(s string) string {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err) // constant options
	}
	return string(w.EncodeAll([]byte(s), nil))
}

func xzipped(s string) string {
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err != nil {
		panic(err) // constant options
	}
	_, _ = w.Write([]byte(s)) // a buffer takes all
	_ = w.Close()
	return out.String()
}

// flipped inverts the lowest bit of a byte; a negative offset counts from the end.
func flipped(s string, offset int) string { return xored(s, offset, 1) }

func xored(s string, offset int, with byte) string {
	if offset < 0 {
		offset += len(s)
	}
	b := []byte(s)
	b[offset] ^= with
	return string(b)
}
