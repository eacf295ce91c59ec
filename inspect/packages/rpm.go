package packages

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// parseRPM reads a database of rpm, of whichever of its three forms.
func parseRPM(db *file, add add) error {
	head, err := db.bytes(0, min(512, db.size))
	if err != nil {
		return err
	}
	each := func(header []byte) error { return addHeader(header, add) }
	switch {
	case bytes.HasPrefix(head, []byte(sqliteMagic)):
		return readSQLite(db, head, each)
	case bytes.HasPrefix(head, []byte(ndbMagic)):
		return readNDB(db, head, each)
	case isBerkeley(head):
		return readBerkeley(db, head, each)
	}
	return errors.New("it is no database of rpm")
}

// refuseLog says that a database has a log, in which its newest state may be.
func refuseLog(in *input, _ add) error {
	return fmt.Errorf("the database has a write-ahead log of %d bytes, which is not read: packages may be older than they are", in.size)
}

// Tags and types of the values of a header (rpm, "RPM V4 Package format").
const (
	tagName    = 1000
	tagVersion = 1001
	tagRelease = 1002
	tagEpoch   = 1003
	tagArch    = 1022

	typeInt32  = 4
	typeString = 6
)

// addHeader takes the package of a header as databases have it: the number of
// entries and of bytes behind them, big-endian, then entries of tag, type, offset
// and count, then the values.
func addHeader(header []byte, add add) error {
	values, err := headerValues(header)
	if err != nil {
		return fmt.Errorf("header of a package: %w", err)
	}
	version := values[tagVersion]
	if release := values[tagRelease]; release != "" {
		version += "-" + release
	}
	if epoch := values[tagEpoch]; epoch != "" && epoch != "0" {
		version = epoch + ":" + version
	}
	return add(values[tagName], version, values[tagArch])
}

// entrySize is the size of an entry of a header in bytes.
const entrySize = 16

func headerValues(header []byte) (map[uint32]string, error) {
	if len(header) < 8 {
		return nil, errors.New("it is cut")
	}
	entries := int64(binary.BigEndian.Uint32(header))
	data := int64(binary.BigEndian.Uint32(header[4:]))
	start := 8 + entries*entrySize
	if start+data > int64(len(header)) {
		return nil, fmt.Errorf("%d entries and %d bytes do not fit in %d", entries, data, len(header))
	}
	values := map[uint32]string{}
	store := header[start : start+data]
	for at := int64(8); at < start; at += entrySize {
		entry := header[at : at+entrySize]
		tag := binary.BigEndian.Uint32(entry)
		switch tag {
		case tagName, tagVersion, tagRelease, tagEpoch, tagArch:
		default:
			continue
		}
		value, err := headerValue(entry, store)
		if err != nil {
			return nil, fmt.Errorf("tag %d: %w", tag, err)
		}
		values[tag] = value
	}
	return values, nil
}

// headerValue gives the value of an entry as text.
func headerValue(entry, store []byte) (string, error) {
	kind, offset := binary.BigEndian.Uint32(entry[4:]), int64(binary.BigEndian.Uint32(entry[8:]))
	if offset >= int64(len(store)) {
		return "", fmt.Errorf("its value lies at %d of %d bytes", offset, len(store))
	}
	value := store[offset:]
	switch {
	case kind == typeString:
		text, _, ended := bytes.Cut(value, []byte{0})
		if !ended {
			return "", errors.New("its text does not end")
		}
		return string(text), nil
	case kind == typeInt32 && len(value) >= 4:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(value)), 10), nil
	}
	return "", fmt.Errorf("it has the type %d", kind)
}

// pageSet are pages of a file that were read. Each is read once: a page that comes
// again is part of a circle.
type pageSet map[uint32]bool

func (s pageSet) add(page uint32) error {
	if s[page] {
		return fmt.Errorf("page %d is used twice", page)
	}
	s[page] = true
	return nil
}
