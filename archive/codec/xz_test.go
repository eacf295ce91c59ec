package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/ulikunitz/xz"
)

// needXZ gives the xz command, without which the test is skipped.
func needXZ(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("xz")
	if err != nil && os.Getenv("IMGTOOL_REQUIRE_TOOLS") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	return path
}

func runXZ(t testing.TB, data []byte, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(needXZ(t), args...)
	cmd.Stdin = bytes.NewReader(data)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("xz %s: %w: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, err
}

func mustXZ(t testing.TB, data []byte, args ...string) []byte {
	t.Helper()
	out, err := runXZ(t, data, append([]string{"-c"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// mixed is content of n bytes that is part text and part noise, so that LZMA2
// stores some chunks and compresses others.
func mixed(n int) []byte {
	noise := rand.New(rand.NewPCG(1, 2))
	data := bytes.Repeat(text, n/len(text)+1)[:n]
	for at := 0; at < n; at += 400_000 {
		for i := at; i < min(n, at+150_000); i++ {
			data[i] = byte(noise.Uint32())
		}
	}
	return data
}

func checkXZ(t *testing.T, stored, want []byte) {
	t.Helper()
	for name, r := range map[string]io.Reader{
		"plain":     bytes.NewReader(stored),
		"half":      iotest.HalfReader(bytes.NewReader(stored)),
		"with data": iotest.DataErrReader(bytes.NewReader(stored)),
	} {
		if got, err := decode(r, codec.XZ); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s reader: %d bytes, %v, want %d", name, len(got), err, len(want))
		}
	}
}

// TestXZTool: what xz writes is read.
func TestXZTool(t *testing.T) {
	t.Parallel()
	needXZ(t)
	size := 3_000_000
	if testing.Short() {
		size = 500_000
	}
	contents := map[string][]byte{"nothing": nil, "byte": {'x'}, "text": text, "mixed": mixed(size)}
	presets := []string{"-0", "-1", "-2", "-3", "-4", "-5", "-6", "-7", "-8", "-9", "-9e"}
	for _, args := range append([][]string{
		{"--check=none"},
		{"--check=crc32"},
		{"--check=crc64"},
		{"--check=sha256"},
		{"--block-size=100000"},
		{"--block-size=1000", "--check=sha256", "-0"},
		{"--block-list=5,70000,1,300000,0"},
		{"-T2", "--block-size=250000"}, // names sizes in block headers
		{"--lzma2=dict=4KiB,lc=0,lp=4,pb=4"},
		{"--lzma2=dict=5MiB,lc=4,lp=0,pb=0"},
	}, func() (each [][]string) {
		for _, p := range presets {
			each = append(each, []string{p})
		}
		return each
	}()...) {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			for name, data := range contents {
				t.Run(name, func(t *testing.T) { checkXZ(t, mustXZ(t, data, args...), data) })
			}
		})
	}
}

// TestXZStreams: streams follow each other, with stream padding and without.
func TestXZStreams(t *testing.T) {
	t.Parallel()
	one, two, none := xzOf(t, text), xzWith(t, 0x0a, text[:100], text[100:]), xzOf(t, nil)
	var pad [12]byte
	twice := join(text, text)
	for name, tt := range map[string]struct{ stored, want []byte }{
		"joined":         {join(one, two), twice},
		"padded between": {join(one, pad[:4], two), twice},
		"padded behind":  {join(one, two, pad[:]), twice},
		"empty ones":     {join(none, pad[:8], none, one, none, two, none), twice},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkXZ(t, tt.stored, tt.want)
		})
	}
	for name, stored := range map[string][]byte{
		"padding first":      join(pad[:4], one),
		"padding of 5":       join(one, pad[:5]),
		"padding of 2":       join(one, pad[:2], two),
		"only padding":       pad[:],
		"text behind":        join(one, []byte("behind")),
		"text after padding": join(one, pad[:4], []byte("behind it all")),
	} {
		if got, err := decode(bytes.NewReader(stored), codec.XZ); err == nil {
			t.Errorf("%s: %d bytes and no error", name, len(got))
		}
	}
}

// xzWith writes a stream with a check and a block for each of contents.
func xzWith(t testing.TB, check byte, contents ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	size := int64(1 << 40)
	if len(contents) > 1 {
		size = int64(len(contents[0]))
	}
	w, err := xz.WriterConfig{CheckSum: check, BlockSize: size, DictCap: 4096}.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, join(contents...))
	return out.Bytes()
}

// small gives files of few bytes that have all parts a file can have, and
// where in them a stream or padding ends, which is where they may be cut.
func small(t testing.TB) map[string]struct {
	stored, want []byte
	ends         []int
} {
	content := append(mixed(300), text[:900]...)
	blocks := xzWith(t, 1, content[:500], content[500:])
	stored := (&file{check: 4, blocks: []block{{data: "stored"}, {data: "twice", sizes: true}}}).bytes()
	return map[string]struct {
		stored, want []byte
		ends         []int
	}{
		"blocks":  {blocks, content, nil},
		"stored":  {stored, []byte("storedtwice"), nil},
		"nothing": {xzOf(t, nil), nil, nil},
		"streams": {
			join(stored, make([]byte, 8), blocks), join([]byte("storedtwice"), content),
			[]int{len(stored), len(stored) + 4, len(stored) + 8},
		},
	}
}

// TestXZCut: a file that ends early is io.ErrUnexpectedEOF wherever it ends,
// and a source that fails is its error.
func TestXZCut(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	for name, s := range small(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkXZ(t, s.stored, s.want)
			ends := map[int]bool{}
			for _, n := range s.ends {
				ends[n] = true
			}
			for n := range s.stored {
				got, err := decode(bytes.NewReader(s.stored[:n]), codec.XZ)
				if !errors.Is(err, io.ErrUnexpectedEOF) && !(ends[n] && err == nil) {
					t.Errorf("cut to %d of %d bytes: %d bytes, %v", n, len(s.stored), len(got), err)
				}
				if !bytes.HasPrefix(s.want, got) {
					t.Errorf("cut to %d of %d bytes: other content", n, len(s.stored))
				}
				r := io.MultiReader(bytes.NewReader(s.stored[:n]), iotest.ErrReader(errDisk))
				if _, err := decode(r, codec.XZ); !errors.Is(err, errDisk) {
					t.Errorf("a read error at %d comes out as %v", n, err)
				}
			}
		})
	}
}

// TestXZFlip: a file with a changed bit is an error or has the same content.
func TestXZFlip(t *testing.T) {
	t.Parallel()
	for name, s := range small(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			passed := 0
			for bit := range len(s.stored) * 8 {
				broken := bytes.Clone(s.stored)
				broken[bit/8] ^= 1 << (bit % 8)
				got, err := decode(bytes.NewReader(broken), codec.XZ)
				if err == nil && !bytes.Equal(got, s.want) {
					t.Errorf("bit %d of byte %d: other content and no error", bit%8, bit/8)
				}
				if err == nil {
					passed++
				}
			}
			if passed > 0 {
				t.Logf("%d of %d changes leave the content as it is", passed, len(s.stored)*8)
			}
		})
	}
}

// file builds an .xz stream; what is zero in it is as it should be.
type file struct {
	check    byte // the check ID
	blocks   []block
	flags    byte   // XORed on the first byte of the stream flags
	foot     byte   // XORed on the check ID in the footer
	count    int    // added to the number of records
	unpadded int    // added to that of the first record
	plain    int    // the same
	backward int    // added to the backward size
	indexPad byte   // in the padding of the index
	varint   []byte // for the number of records
}

// block is one whose content is one stored LZMA2 chunk, if it is not given.
type block struct {
	data    string
	dict    byte   // the size code of the dictionary
	sizes   bool   // the header names its sizes
	packed  int    // added to the compressed size in the header
	plain   int    // the same
	flags   byte   // XORed on the block flags
	filters []byte // filter flags
	headPad byte   // in the padding of the header
	pad     byte   // in the padding of the block
	chunks  []byte // the LZMA2 stream
}

func withCRC(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// padded brings b to a multiple of four; the last byte it adds is last.
func padded(b []byte, last byte) []byte {
	for n := len(b); len(b)%4 != 0; {
		b = append(b, 0)
		if len(b)%4 == 0 && len(b) > n {
			b[len(b)-1] = last
		}
	}
	return b
}

func (f *file) bytes() []byte {
	out := []byte("\xfd7zXZ\x00")
	out = append(out, withCRC([]byte{f.flags, f.check})[:2]...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out[6:]))
	index := binary.AppendUvarint([]byte{0}, uint64(len(f.blocks)+f.count))
	if f.varint != nil {
		index = append([]byte{0}, f.varint...)
	}
	for i, b := range f.blocks {
		head, packed, sum := b.bytes(f.check)
		out = append(out, head...)
		out = append(out, padded(bytes.Clone(packed), b.pad)...)
		out = append(out, sum...)
		unpadded, plain := len(head)+len(packed)+len(sum), len(b.data)
		if i == 0 {
			unpadded += f.unpadded
			plain += f.plain
		}
		index = binary.AppendUvarint(binary.AppendUvarint(index, uint64(unpadded)), uint64(plain))
	}
	index = withCRC(padded(index, f.indexPad))
	foot := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1+f.backward))
	foot = append(foot, f.flags, f.check^f.foot)
	out = append(out, index...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(foot))
	return append(append(out, foot...), 'Y', 'Z')
}

func (b block) bytes(check byte) (head, packed, sum []byte) {
	packed = b.chunks
	if packed == nil {
		packed = append(storedChunk(1, b.data), 0)
	}
	flags := b.flags
	head = []byte{0, 0}
	if b.sizes {
		flags ^= 0xc0
		head = binary.AppendUvarint(head, uint64(len(packed)+b.packed))
		head = binary.AppendUvarint(head, uint64(len(b.data)+b.plain))
	}
	filters := b.filters
	if filters == nil {
		filters = []byte{0x21, 1, b.dict}
	}
	head = append(head, filters...)
	if b.headPad != 0 && len(head)%4 == 0 {
		head = append(head, 0)
	}
	head = padded(head, b.headPad)
	head[0], head[1] = byte(len(head)/4), flags
	return withCRC(head), packed, checkOf(check, b.data)
}

func storedChunk(control byte, data string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{control}, uint16(len(data)-1)), data...)
}

// checkOf gives the check as the library writes it.
func checkOf(check byte, data string) []byte {
	switch check {
	case 1:
		return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(data)))
	case 4:
		return binary.LittleEndian.AppendUint64(nil, crc64Of(data))
	}
	return nil
}

// crc64Of is CRC64 by its definition (xz file format 1.2.1, section 6).
func crc64Of(data string) uint64 {
	crc := ^uint64(0)
	for _, b := range []byte(data) {
		crc ^= uint64(b)
		for range 8 {
			crc = crc>>1 ^ 0xc96c5795d7870f42&-(crc&1)
		}
	}
	return ^crc
}

// lzmaChunks gives the LZMA2 stream of a block that xz would write for data,
// which is one chunk with all resets.
func lzmaChunks(t testing.TB, data string) []byte {
	t.Helper()
	stored := xzWith(t, 1, []byte(data)) // stream header 12, block header 12
	head := stored[24:]
	n := 6 + int(binary.BigEndian.Uint16(head[3:])) + 1
	if head[0] != 0xe0 || head[n] != 0 {
		t.Fatalf("a chunk of kind 0x%02x, then one of 0x%02x", head[0], head[n])
	}
	return bytes.Clone(head[:n+1])
}

// TestXZDamaged: files whose checksums are right and that are wrong. xz has to
// be of the same mind, if it is there.
func TestXZDamaged(t *testing.T) {
	t.Parallel()
	const data = "what the block holds, what the block holds, what the block holds\n"
	good := lzmaChunks(t, data)
	longer := func() []byte { // two bytes more than the chunk needs
		b := bytes.Clone(good)
		binary.BigEndian.PutUint16(b[3:], binary.BigEndian.Uint16(b[3:])+2)
		return append(b[:len(b)-1], 0, 0, 0)
	}()
	smuggled := func() []byte { // a chunk within what the first has too much
		extra := storedChunk(2, "smuggled")
		b := bytes.Clone(good)
		binary.BigEndian.PutUint16(b[3:], binary.BigEndian.Uint16(b[3:])+uint16(len(extra)))
		return append(append(b[:len(b)-1], extra...), 0)
	}()
	edit := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	one := func(b block) file {
		if b.data == "" {
			b.data = data
		}
		return file{check: 1, blocks: []block{b}}
	}
	with := func(f file) file {
		f.check, f.blocks = 1, []block{{data: data}}
		return f
	}
	const whole = "" // it can be read
	for _, tt := range []struct {
		name string
		file file
		want string // part of the error
		xz   bool   // xz reads what we do not
	}{
		{"stored", one(block{}), whole, false},
		{"stored with sizes", one(block{sizes: true}), whole, false},
		{"lzma", one(block{chunks: good, dict: 8}), whole, false},
		{"no block", file{}, whole, false},
		{"empty block", file{blocks: []block{{chunks: []byte{0}}}}, whole, false},

		{"stream flags", file{flags: 1}, "stream flags 0x0100 are not supported", false},
		{"check 2", file{check: 2}, "check 0x02 is not supported", true},
		{"reserved check bits", file{check: 0x10}, "stream flags 0x0010 are not supported", false},
		{"footer flags", with(file{foot: 5}), "flags of header and footer differ", false},
		{"backward size", with(file{backward: 1}), "footer says", false},
		{"count of records", with(file{count: 1}), "index lists 2 blocks, stream has 1", false},
		{"huge count of records", with(file{varint: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}}), "index lists", false},
		{"long count of records", with(file{varint: []byte{0x81, 0}}), "shortest form", false},
		{"endless count of records", with(file{varint: []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}}), "longer than 63 bits", false},
		{"unpadded size", with(file{unpadded: 1}), "other block sizes", false},
		{"uncompressed size", with(file{plain: -1}), "other block sizes", false},
		{"index padding", file{indexPad: 1}, "padding is not zero", false},

		{"header names other compressed size", one(block{sizes: true, packed: 4}), "header says", false},
		{"header names other uncompressed size", one(block{sizes: true, plain: -1}), "header says", false},
		{"block flags", one(block{flags: 0x04}), "block flags 0x04 are not supported", false},
		{"header padding", one(block{headPad: 1}), "padding of the header", false},
		{"block padding", one(block{pad: 1, data: data[:64]}), whole, false}, // of no bytes
		{"block padding of bytes", one(block{pad: 1, data: data[:65]}), "padding is not zero", false},
		{"delta", one(block{flags: 1, filters: []byte{3, 1, 0, 0x21, 1, 0}}), "filter 0x03 is not supported", true},
		{"x86", one(block{flags: 1, filters: []byte{4, 0, 0x21, 1, 0}}), "filter 0x04 is not supported", true},
		{"delta alone", one(block{filters: []byte{3, 1, 0}}), "filter 0x03 is not supported", false},
		{"LZMA2 twice", one(block{flags: 1, filters: []byte{0x21, 1, 0, 0x21, 1, 0}}), "filters after LZMA2", false},
		{"no properties", one(block{filters: []byte{0x21, 0}}), "0 bytes of LZMA2 properties", false},
		{"huge properties", one(block{filters: []byte{0x21, 0xff, 0xff, 0xff, 0x7f}}), "bytes of LZMA2 properties", false},
		{"filter is missing", one(block{filters: []byte{0x81, 0x81}, flags: 0x80}), "too short", false},
		{"dictionary code 41", one(block{dict: 41}), "code 41 is not defined", false},

		{"no reset", one(block{chunks: append(storedChunk(2, data), 0)}), "does not reset", false},
		{"no reset in a second block", file{blocks: []block{{data: data}, {data: data, chunks: append(storedChunk(2, data), 0)}}}, "does not reset", false},
		{"no properties in a second block", file{blocks: []block{{data: data, chunks: good, dict: 8}, {data: data, dict: 8, chunks: append(storedChunk(1, "a"), edit(0, 0x80)...)}}}, "damaged", false},
		{"unknown chunk", one(block{chunks: []byte{0x03, 0, 0, 'x', 0}}), "unknown kind 0x03", false},
		{"lc+lp", one(block{dict: 8, chunks: edit(5, 4*9+4)}), "properties 0x28", false},
		{"properties", one(block{dict: 8, chunks: edit(5, 225)}), "properties 0xe1", false},
		{"chunk too long", one(block{dict: 8, chunks: longer}), "2 bytes behind its content", false},
		{"chunk in a chunk", one(block{dict: 8, chunks: smuggled, data: data + "smuggled"}), "behind its content", false},
		{"chunk of one byte", one(block{dict: 8, chunks: []byte{0xe0, 0, 5, 0, 0, 0x5d, 0, 0}}), "damaged", false},
		{"other content", one(block{dict: 8, chunks: good, data: strings.ToUpper(data)}), "check does not match", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stored := tt.file.bytes()
			_, err := decode(bytes.NewReader(stored), codec.XZ)
			fine := tt.want == whole
			if (err == nil) != fine || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%v, and the file is whole", err)
			}
			if tt.xz {
				return
			}
			if _, err := runXZ(t, stored, "-dcqq"); (err == nil) != fine {
				t.Errorf("%v, want xz to agree", err)
			}
		})
	}
}

// TestXZDictionaryAnywhere: the bound on dictionaries holds in every block
// header, however short the file, and no memory is taken for one over it, or
// for one that no chunk follows.
func TestXZDictionaryAnywhere(t *testing.T) { // measures memory: not parallel
	fine := &file{check: 1, blocks: []block{{data: "small"}}}
	many := &file{check: 1}
	for range 1000 {
		many.blocks = append(many.blocks, block{data: "x", dict: 24}) // 16 MiB
	}
	for _, tt := range []struct {
		name   string
		stored []byte
		want   string
		mib    uint64
	}{
		{"first block", (&file{check: 1, blocks: []block{{data: "x", dict: 31}}}).bytes(), "block 1 of stream 1: dictionary of 201326592", 2},
		{"first block of 24 bytes", xzStart(40, false)[:24], "dictionary of 4294967295", 2},
		{"later block", (&file{check: 1, blocks: []block{{data: "x"}, {data: "y", dict: 40}}}).bytes(), "block 2 of stream 1: dictionary of 4294967295", 2},
		{"later block with sizes", (&file{check: 1, blocks: []block{{data: "x"}, {data: "y", dict: 40, sizes: true}}}).bytes(), "dictionary of 4294967295", 2},
		{"second stream", join(fine.bytes(), xzStart(33, false)), "block 1 of stream 2: dictionary of 402653184", 2},
		{"largest and cut", xzStart(30, false)[:24], "unexpected EOF", 2},
		{"many blocks", many.bytes(), "", 100}, // one dictionary, and 32 KiB a block that the library takes
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decode(bytes.NewReader(tt.stored), codec.XZ)
		runtime.ReadMemStats(&after)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; n > tt.mib {
			t.Errorf("%s: %d MiB allocated for %d bytes", tt.name, n, len(tt.stored))
		}
	}
}

// TestXZClose: a closed reader gives nothing.
func TestXZClose(t *testing.T) {
	t.Parallel()
	d, err := codec.NewReader(bytes.NewReader(xzOf(t, text)), codec.XZ, codec.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if n, err := d.Read(make([]byte, 10)); n != 0 || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read after Close = %d, %v", n, err)
	}
}
