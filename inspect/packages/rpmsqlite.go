package packages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The form of SQLite (sqlite.org, "Database File Format"): pages of one size,
// counted from 1, that make trees of tables. Numbers are big-endian.
const (
	sqliteMagic    = "SQLite format 3\x00"
	sqliteHead     = 100 // of the file, in its first page
	tableInterior  = 5
	tableLeaf      = 13
	indexInterior  = 2
	indexLeaf      = 10
	sqliteMaxDepth = 20 // trees of 2^32 pages are lower
)

// sqlite is a database that is being read. It is not locked, and its log is not
// looked at.
type sqlite struct {
	db     *file
	size   int64 // of a page
	usable int64 // of a page, without what is reserved at its end
	used   pageSet
}

// readSQLite calls each for the header of every package: the blobs of the table
// Packages.
func readSQLite(db *file, head []byte, each func([]byte) error) error {
	if len(head) < sqliteHead {
		return fmt.Errorf("a head of %d bytes", len(head))
	}
	s := &sqlite{db: db, size: int64(binary.BigEndian.Uint16(head[16:])), used: pageSet{}}
	if s.size == 1 {
		s.size = 64 << 10
	}
	s.usable = s.size - int64(head[20])
	if s.size < 512 || s.size&(s.size-1) != 0 || s.usable < 480 {
		return fmt.Errorf("pages of %d bytes", s.size)
	}
	root, err := s.packages()
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return s.table(root, 0, func(record []byte) error {
		values, err := columns(record, 2)
		if err != nil {
			return err
		}
		return each(values[1])
	})
}

// packages finds the table in the schema, which has the columns type, name,
// tbl_name, rootpage and sql.
func (s *sqlite) packages() (root uint32, err error) {
	err = s.table(1, 0, func(record []byte) error {
		values, err := columns(record, 4)
		if err != nil {
			return err
		}
		if string(values[0]) == "table" && strings.EqualFold(string(values[1]), "Packages") && len(values[3]) <= 4 {
			root = 0
			for _, b := range values[3] {
				root = root<<8 | uint32(b)
			}
		}
		return nil
	})
	if err == nil && root < 2 {
		err = errors.New("no table Packages")
	}
	return root, err
}

// table calls each for the records of a table in their order.
func (s *sqlite) table(number uint32, depth int, each func([]byte) error) error {
	page, err := s.page(number)
	if err != nil {
		return err
	}
	head := page
	if number == 1 {
		head = page[sqliteHead:]
	}
	if depth > sqliteMaxDepth {
		return errors.New("the tree is too deep")
	}
	switch head[0] {
	case tableLeaf:
		return s.cells(number, page, head[8:], head, func(cell []byte) error { return s.record(cell, each) })
	case tableInterior:
		err := s.cells(number, page, head[12:], head, func(cell []byte) error {
			return s.child(cell, depth, each)
		})
		if err != nil {
			return err
		}
		return s.child(head[8:], depth, each)
	case indexInterior, indexLeaf:
		return fmt.Errorf("page %d is one of an index", number)
	}
	return fmt.Errorf("page %d is of type %d", number, head[0])
}

// page reads a page, each one once.
func (s *sqlite) page(number uint32) ([]byte, error) {
	if number == 0 {
		return nil, errors.New("page 0 is used")
	}
	if err := s.used.add(number); err != nil {
		return nil, err
	}
	return s.db.bytes(int64(number-1)*s.size, s.size)
}

// cells calls each for what lies where the pointers of a page point to.
func (s *sqlite) cells(number uint32, page, pointers, head []byte, each func([]byte) error) error {
	count := int(binary.BigEndian.Uint16(head[3:]))
	if 2*count > len(pointers) {
		return fmt.Errorf("page %d: %d cells", number, count)
	}
	for i := range count {
		at := int64(binary.BigEndian.Uint16(pointers[2*i:]))
		if at+4 > s.usable {
			return fmt.Errorf("page %d: a cell at %d", number, at)
		}
		if err := each(page[at:s.usable]); err != nil {
			return err
		}
	}
	return nil
}

func (s *sqlite) child(cell []byte, depth int, each func([]byte) error) error {
	return s.table(binary.BigEndian.Uint32(cell), depth+1, each)
}

// record gives the content of a cell: its length, the number of the row, and as
// much as the page has room for; the rest fills pages of its own.
func (s *sqlite) record(cell []byte, each func([]byte) error) error {
	length, cell, err := varint(cell)
	if err != nil {
		return err
	}
	if _, cell, err = varint(cell); err != nil {
		return err
	}
	if length > maxHeader+1024 {
		return tooLarge("a row", int64(min(length, 1<<62)), maxHeader)
	}
	local := s.local(int64(length))
	if local > int64(len(cell)) {
		return fmt.Errorf("a row of %d bytes is cut", length)
	}
	if local == int64(length) {
		return each(cell[:local])
	}
	if local+4 > int64(len(cell)) {
		return fmt.Errorf("a row of %d bytes is cut", length)
	}
	record, err := s.overflow(cell[:local], binary.BigEndian.Uint32(cell[local:]), int64(length))
	if err != nil {
		return err
	}
	return each(record)
}

// local is how many bytes of a row stand in the page of a table ("Cell Payload
// Overflow Pages").
func (s *sqlite) local(length int64) int64 {
	most, least := s.usable-35, (s.usable-12)*32/255-23
	if length <= most {
		return length
	}
	if k := least + (length-least)%(s.usable-4); k <= most {
		return k
	}
	return least
}

// overflow puts a row together.
func (s *sqlite) overflow(start []byte, next uint32, length int64) ([]byte, error) {
	record := append([]byte(nil), start...)
	for int64(len(record)) < length {
		page, err := s.page(next)
		if err != nil {
			return nil, fmt.Errorf("a row of %d bytes: %w", length, err)
		}
		record = append(record, page[4:4+min(s.usable-4, length-int64(len(record)))]...)
		next = binary.BigEndian.Uint32(page)
	}
	return record, nil
}

// columns gives the first n values of a record as they are stored ("Record
// Format").
func columns(record []byte, n int) ([][]byte, error) {
	size, types, err := varint(record)
	if err != nil {
		return nil, err
	}
	headed := len(record) - len(types)
	if size < uint64(headed) || size > uint64(len(record)) {
		return nil, fmt.Errorf("a record whose head has %d bytes", size)
	}
	types, body := types[:size-uint64(headed)], record[size:]
	var values [][]byte
	for len(values) < n {
		var kind uint64
		if kind, types, err = varint(types); err != nil {
			return nil, fmt.Errorf("column %d: %w", len(values), err)
		}
		length := columnSize(kind)
		if length > uint64(len(body)) {
			return nil, fmt.Errorf("column %d has %d bytes of %d", len(values), length, len(body))
		}
		values, body = append(values, body[:length]), body[length:]
	}
	return values, nil
}

// columnSize is the length of a value of a type: numbers of fixed length, and from
// 12 on blobs and texts in turn.
func columnSize(kind uint64) uint64 {
	if kind >= 12 {
		return (kind - 12) / 2
	}
	return [...]uint64{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0}[kind]
}

// varint reads a number of up to nine bytes, seven bits in each but eight in the
// ninth, and gives what follows.
func varint(p []byte) (uint64, []byte, error) {
	var n uint64
	for i, b := range p {
		if i == 8 {
			return n<<8 | uint64(b), p[9:], nil
		}
		n = n<<7 | uint64(b&0x7f)
		if b < 0x80 {
			return n, p[i+1:], nil
		}
	}
	return 0, nil, errors.New("a number is cut")
}
