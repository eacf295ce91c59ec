package packages

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The form of a hash database of Berkeley DB 4 and 5, as rpm up to 4.17 writes it
// (dbinc/db_page.h): pages of one size, the first of which tells of the others.
// Numbers have the byte order of the machine that wrote them.
const (
	berkeleyMagic  = 0x061561
	berkeleyHead   = 26 // of a page, in bytes
	berkeleyMeta   = 72 // of the first page, in bytes
	pageUnsorted   = 2  // hash pages of Berkeley DB up to 4.5
	pageOverflow   = 7
	pageHash       = 13
	itemHere       = 1 // its content follows the type
	itemOverflow   = 3 // it fills pages of its own
	overflowHeader = 12
)

// berkeley is a database that is being read.
type berkeley struct {
	db    *file
	order binary.ByteOrder
	size  int64 // of a page
	used  pageSet
}

func berkeleyOrder(head []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if len(head) >= berkeleyMeta && order.Uint32(head[12:]) == berkeleyMagic {
			return order
		}
	}
	return nil
}

func isBerkeley(head []byte) bool { return berkeleyOrder(head) != nil }

// readBerkeley calls each for the header of every package.
func readBerkeley(db *file, head []byte, each func([]byte) error) error {
	b := &berkeley{db: db, order: berkeleyOrder(head), used: pageSet{}}
	b.size = int64(b.order.Uint32(head[20:]))
	if b.size < 512 || b.size > 64<<10 || b.size&(b.size-1) != 0 {
		return fmt.Errorf("pages of %d bytes", b.size)
	}
	if head[24] != 0 {
		return errors.New("it is encrypted")
	}
	last := int64(b.order.Uint32(head[32:]))
	if (last+1)*b.size > db.size {
		return fmt.Errorf("%d pages of %d bytes in a file of %d", last+1, b.size, db.size)
	}
	for number := int64(1); number <= last; number++ {
		page, err := b.page(uint32(number))
		if err != nil {
			return err
		}
		if kind := page[25]; kind != pageHash && kind != pageUnsorted {
			continue
		}
		if err := b.items(page, each); err != nil {
			return fmt.Errorf("page %d: %w", number, err)
		}
	}
	return nil
}

func (b *berkeley) page(number uint32) ([]byte, error) {
	return b.db.bytes(int64(number)*b.size, b.size)
}

// items goes through a page: keys and values in turn. The key of a package is its
// number, of 4 bytes; the value of the key 0 counts them.
func (b *berkeley) items(page []byte, each func([]byte) error) error {
	count := int(b.order.Uint16(page[20:]))
	if count%2 != 0 || berkeleyHead+2*count > len(page) {
		return fmt.Errorf("%d items", count)
	}
	for i := 1; i < count; i += 2 {
		at := int(b.order.Uint16(page[berkeleyHead+2*i:]))
		end := int(b.order.Uint16(page[berkeleyHead+2*(i-1):])) // items fill the page from its end
		if at < berkeleyHead || at >= end || end > len(page) {
			return fmt.Errorf("item %d from %d to %d", i, at, end)
		}
		value, err := b.value(page[at:end])
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		if len(value) <= 4 {
			continue
		}
		if err := each(value); err != nil {
			return err
		}
	}
	return nil
}

func (b *berkeley) value(item []byte) ([]byte, error) {
	switch {
	case item[0] == itemHere:
		return item[1:], nil
	case item[0] == itemOverflow && len(item) >= overflowHeader:
		return b.overflow(b.order.Uint32(item[4:]), int64(b.order.Uint32(item[8:])))
	}
	return nil, fmt.Errorf("type %d", item[0])
}

// overflow puts together what fills pages of its own, total bytes.
func (b *berkeley) overflow(number uint32, total int64) ([]byte, error) {
	if total > maxHeader {
		return nil, tooLarge("a header", total, maxHeader)
	}
	var value []byte
	for number != 0 && int64(len(value)) < total {
		if err := b.used.add(number); err != nil {
			return nil, err
		}
		page, err := b.page(number)
		if err != nil {
			return nil, err
		}
		length := int(b.order.Uint16(page[22:]))
		if page[25] != pageOverflow || berkeleyHead+length > len(page) {
			return nil, fmt.Errorf("page %d is of type %d and has %d bytes", number, page[25], length)
		}
		value = append(value, page[berkeleyHead:berkeleyHead+length]...)
		number = b.order.Uint32(page[16:])
	}
	if int64(len(value)) != total {
		return nil, fmt.Errorf("%d bytes of %d", len(value), total)
	}
	return value, nil
}
