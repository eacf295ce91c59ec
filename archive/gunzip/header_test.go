package gunzip

import (
	"bytes"
	"compress/gzip"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
)

// member is a gzip member of text with the given flags and fields.
func member(flags byte, fields, text string) []byte {
	z := compressed([]byte(text), 6)
	z[3] = flags
	return join(z[:headerSize], []byte(fields), z[headerSize:])
}

// headerSum is the checksum of a header as its field holds it.
func headerSum(flags byte, fields string) string {
	h := compressed(nil, 6)[:headerSize]
	h[3] = flags
	sum := crc32.ChecksumIEEE(append(h, fields...))
	return string([]byte{byte(sum), byte(sum >> 8)})
}

// TestHeaderFields also holds each case against compress/gzip.
func TestHeaderFields(t *testing.T) {
	t.Parallel()
	all := "\x03\x00abcname\x00comment\x00"
	for _, tt := range []struct {
		name   string
		flags  byte
		fields string
		want   error
	}{
		{"none", 0, "", nil},
		{"text", 1, "", nil},
		{"extra", flagExtra, "\x03\x00abc", nil},
		{"empty extra", flagExtra, "\x00\x00", nil},
		{"largest extra", flagExtra, "\xff\xff" + strings.Repeat("e", 0xffff), nil},
		{"name", flagName, "n\xe4me\x00", nil},
		{"empty name", flagName, "\x00", nil},
		{"longest name", flagName, strings.Repeat("n", 511) + "\x00", nil},
		{"name too long", flagName, strings.Repeat("n", 512) + "\x00", ErrHeader},
		{"comment", flagComment, "comment\x00", nil},
		{"comment too long", flagComment, strings.Repeat("n", 5000) + "\x00", ErrHeader},
		{"checksum", flagHeaderCRC, headerSum(flagHeaderCRC, ""), nil},
		{"bad checksum", flagHeaderCRC, "\x00\x00", ErrHeader},
		{"all", 0x1f, all + headerSum(0x1f, all), nil},
		{"all, bad checksum", 0x1f, all + "\x00\x00", ErrHeader},
		{"reserved", 0xe0, "", nil},
	} {
		z := member(tt.flags, tt.fields, "content")
		for _, source := range sources {
			got, err := readAll(source.of(bytes.NewReader(z)))
			if !errors.Is(err, tt.want) || err == nil && string(got) != "content" {
				t.Errorf("%s, %s: got %q and %v, want %v", tt.name, source.name, got, err, tt.want)
			}
		}
		if _, err := gzipPrefix(z); (err == nil) != (tt.want == nil) {
			t.Errorf("%s: compress/gzip says %v, want %v", tt.name, err, tt.want)
		}
	}
}

// TestPadding holds the difference from compress/gzip that is on purpose:
// zeros up to the end of the input are accepted, as GNU gzip 1.13 does. What
// else stands behind a member is refused as there.
func TestPadding(t *testing.T) {
	t.Parallel()
	z := compressed([]byte("content"), 6)
	zeros := make([]byte, 3*inputSize)
	for _, tt := range []struct {
		name   string
		behind []byte
		want   error
		std    error
	}{
		{"nothing", nil, nil, nil},
		{"one zero", zeros[:1], nil, io.ErrUnexpectedEOF},
		{"nine zeros", zeros[:9], nil, io.ErrUnexpectedEOF},
		{"ten zeros", zeros[:10], nil, gzip.ErrHeader},
		{"a tape block", zeros[:10240], nil, gzip.ErrHeader},
		{"more than is read ahead", zeros, nil, gzip.ErrHeader},
		{"short garbage", []byte("x"), io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
		{"garbage", []byte("trailing garbage"), ErrHeader, gzip.ErrHeader},
		{"zeros, then short garbage", []byte("\x00\x00x"), io.ErrUnexpectedEOF, io.ErrUnexpectedEOF},
		{"zeros, then garbage", join(zeros[:11], []byte("x")), ErrHeader, gzip.ErrHeader},
		{"a zero, then nine bytes", []byte("\x00garbage: "), ErrHeader, gzip.ErrHeader},
		{"many zeros, then garbage", join(zeros, []byte("x")), ErrHeader, gzip.ErrHeader},
		{"zeros, then a member", join(zeros[:512], z), ErrHeader, gzip.ErrHeader},
	} {
		input := join(z, tt.behind)
		for _, source := range sources {
			got, err := readAll(source.of(bytes.NewReader(input)))
			if string(got) != "content" || !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: got %q and %v, want %v", tt.name, source.name, got, err, tt.want)
			}
		}
		if _, err := gzipPrefix(input); !errors.Is(err, tt.std) {
			t.Errorf("%s: compress/gzip says %v, want %v", tt.name, err, tt.std)
		}
	}
}
