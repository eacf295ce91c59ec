package archivetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path"
	"strconv"
	"strings"
	"time"
)

// member is one entry of a tar: of a layer, or of the archive itself. Where raw
// is set, it is those bytes and no entry.
type member struct {
	hdr  tar.Header
	body []byte
	raw  []byte
}

// entryKinds holds, for each kind of entry, its tar type and how many words it
// needs.
var entryKinds = map[string]struct {
	typ   byte
	words int
}{
	"dir":      {tar.TypeDir, 1},
	"file":     {tar.TypeReg, 2},
	"random":   {tar.TypeReg, 2},
	"symlink":  {tar.TypeSymlink, 2},
	"hardlink": {tar.TypeLink, 2},
	"fifo":     {tar.TypeFifo, 1},
	"char":     {tar.TypeChar, 3},
	"block":    {tar.TypeBlock, 3},
	"whiteout": {tar.TypeReg, 1},
	"opaque":   {tar.TypeReg, 1},
}

func parseEntry(l *line) (member, error) {
	if l.words[0] == "raw" {
		args, err := l.leaf(1, 1)
		if err != nil {
			return member{}, err
		}
		return member{raw: []byte(args[0])}, nil
	}
	kind, ok := entryKinds[l.words[0]]
	if !ok {
		return member{}, l.unknown()
	}
	args, err := l.leaf(kind.words, -1)
	if err != nil {
		return member{}, err
	}
	m := member{hdr: tar.Header{Typeflag: kind.typ, Name: args[0], Mode: 0o644, ModTime: defaultTime}}
	options := args[kind.words:]
	if l.words[0] == "random" && len(options) > 0 && !strings.Contains(options[0], "=") {
		args, options = args[:3], options[1:]
	} else {
		args = args[:kind.words]
	}
	if err := m.fill(l.words[0], args); err != nil {
		return member{}, l.errorf("%w", err)
	}
	for _, o := range options {
		if err := m.setOption(o); err != nil {
			return member{}, l.errorf("%w", err)
		}
	}
	return m, nil
}

// fill sets what one kind of entry has and others have not.
func (m *member) fill(kind string, args []string) error {
	switch kind {
	case "dir":
		m.hdr.Mode = 0o755
		m.hdr.Name = strings.TrimSuffix(args[0], "/") + "/"
	case "file":
		m.body = []byte(args[1])
	case "random":
		return m.fillRandom(args)
	case "symlink":
		m.hdr.Mode = 0o777
		m.hdr.Linkname = args[1]
	case "hardlink":
		m.hdr.Linkname = args[1]
	case "char", "block":
		return m.fillDevice(args)
	case "whiteout":
		dir, base := path.Split(strings.TrimSuffix(args[0], "/"))
		m.hdr.Name = dir + ".wh." + base
	case "opaque":
		m.hdr.Name = strings.TrimSuffix(args[0], "/") + "/.wh..wh..opq"
	}
	return nil
}

func (m *member) fillDevice(args []string) error {
	var err error
	if m.hdr.Devmajor, err = parseNumber(args[1], 10); err != nil {
		return err
	}
	m.hdr.Devminor, err = parseNumber(args[2], 10)
	return err
}

// fillRandom makes bytes that do not compress and follow from the seed alone.
func (m *member) fillRandom(args []string) error {
	size, err := parseSize(args[1])
	if err != nil {
		return err
	}
	seed := args[0]
	if len(args) > 2 {
		seed = args[2]
	}
	m.body = make([]byte, size)
	_, err = rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(m.body)
	return err
}

func parseSize(s string) (int64, error) {
	unit := int64(1)
	for i, suffix := range []string{"KiB", "MiB", "GiB"} {
		if n, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = n, 1<<(10*(i+1))
		}
	}
	n, err := parseNumber(s, 10)
	if err != nil || n < 0 || n > (1<<31)/unit {
		return 0, fmt.Errorf("bad size %q", s)
	}
	return n * unit, nil
}

func parseNumber(s string, base int) (int64, error) {
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil {
		return 0, fmt.Errorf("bad number %q", s)
	}
	return n, nil
}

func (m *member) setOption(option string) error {
	key, value, ok := strings.Cut(option, "=")
	if !ok {
		return fmt.Errorf("unknown word %q", option)
	}
	if name, ok := strings.CutPrefix(key, "xattr."); ok {
		key = "pax.SCHILY.xattr." + name
	}
	if name, ok := strings.CutPrefix(key, "pax."); ok {
		m.setPAX(name, value)
		return nil
	}
	switch key {
	case "uname":
		m.hdr.Uname = value
	case "gname":
		m.hdr.Gname = value
	case "format":
		return m.setFormat(value)
	case "mtime":
		return m.setTime(value)
	default:
		return m.setNumber(key, value)
	}
	return nil
}

func (m *member) setPAX(name, value string) {
	if m.hdr.PAXRecords == nil {
		m.hdr.PAXRecords = map[string]string{}
	}
	m.hdr.PAXRecords[name] = value
}

func (m *member) setFormat(s string) error {
	format, ok := map[string]tar.Format{"ustar": tar.FormatUSTAR, "pax": tar.FormatPAX, "gnu": tar.FormatGNU}[s]
	if !ok {
		return fmt.Errorf("unknown tar format %q", s)
	}
	m.hdr.Format = format
	return nil
}

func (m *member) setNumber(key, value string) error {
	base := 10
	if key == "mode" {
		base = 8
	}
	n, err := parseNumber(value, base)
	if err != nil {
		return err
	}
	switch key {
	case "mode":
		m.hdr.Mode = n
	case "uid":
		m.hdr.Uid = int(n)
	case "gid":
		m.hdr.Gid = int(n)
	default:
		return fmt.Errorf("unknown option %q", key)
	}
	return nil
}

// setTime reads Unix seconds. A fraction needs PAX, because the other formats
// hold whole seconds and archive/tar rounds for them.
func (m *member) setTime(s string) error {
	whole, fraction, ok := strings.Cut(s, ".")
	seconds, err := parseNumber(whole, 10)
	if err != nil {
		return err
	}
	m.hdr.ModTime = time.Unix(seconds, 0)
	if !ok {
		return nil
	}
	nanos, err := parseNumber((fraction + "000000000")[:9], 10)
	if err != nil {
		return err
	}
	if strings.HasPrefix(whole, "-") {
		nanos = -nanos
	}
	m.hdr.ModTime = time.Unix(seconds, nanos)
	m.hdr.Format = tar.FormatPAX
	return nil
}

// writeTar makes a tar of members, without its end-of-archive blocks.
func writeTar(members []member, prefix string) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, m := range members {
		if err := m.write(w, &buf, prefix); err != nil {
			return nil, fmt.Errorf("write entry %q: %w", m.hdr.Name, err)
		}
	}
	err := w.Flush()
	return buf.Bytes(), err
}

// write adds m to the tar that w writes to buf.
func (m *member) write(w *tar.Writer, buf *bytes.Buffer, prefix string) error {
	if m.raw != nil {
		if err := w.Flush(); err != nil { // pads the entry before
			return err
		}
		_, err := buf.Write(m.raw)
		return err
	}
	h := m.hdr
	h.Size = int64(len(m.body))
	h.Name = prefix + h.Name
	if h.Typeflag == tar.TypeLink {
		h.Linkname = prefix + h.Linkname
	}
	if err := w.WriteHeader(&h); err != nil {
		return err
	}
	_, err := w.Write(m.body)
	return err
}

// tarEnd is the end-of-archive marker: two blocks of zeros.
var tarEnd = make([]byte, 1024)
