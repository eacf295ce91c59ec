package packages

import (
	"encoding/binary"
	"fmt"
)

// The form of rpm's own database, as of rpm 4.12 to 4.20 (lib/backend/ndb): a
// head of 32 bytes, slots of 16 bytes in pages of 4096, and blobs in blocks of 16.
// Numbers are little-endian.
const (
	ndbMagic     = "RpmP"
	ndbSlotMagic = "Slot"
	ndbBlobMagic = "BlbS"
	ndbHead      = 32
	ndbPage      = 4096
	ndbUnit      = 16
)

// readNDB calls each for the header of every package. Of a file it reads no more
// than its size, however many slots lead to one blob.
func readNDB(db *file, head []byte, each func([]byte) error) error {
	if len(head) < ndbHead {
		return fmt.Errorf("a head of %d bytes", len(head))
	}
	if version := binary.LittleEndian.Uint32(head[4:]); version != 0 {
		return fmt.Errorf("version %d of the database is not known", version)
	}
	slots := int64(binary.LittleEndian.Uint32(head[12:])) * ndbPage
	if slots > db.size {
		return fmt.Errorf("slots of %d bytes in a file of %d", slots, db.size)
	}
	left := db.size
	for at := int64(ndbHead); at < slots; at += ndbUnit {
		slot, err := db.bytes(at, ndbUnit)
		if err != nil {
			return err
		}
		if string(slot[:4]) != ndbSlotMagic {
			return fmt.Errorf("no slot at %d", at)
		}
		number := binary.LittleEndian.Uint32(slot[4:])
		if number == 0 {
			continue // free
		}
		blob, err := ndbBlob(db, number, int64(binary.LittleEndian.Uint32(slot[8:]))*ndbUnit)
		if err != nil {
			return fmt.Errorf("package %d: %w", number, err)
		}
		if left -= int64(len(blob)); left < 0 {
			return fmt.Errorf("package %d: blobs overlap", number)
		}
		if err := each(blob); err != nil {
			return err
		}
	}
	return nil
}

// ndbBlob gives the header of a package, whose blob begins with a magic number,
// the package's number, a generation, and the length.
func ndbBlob(db *file, number uint32, at int64) ([]byte, error) {
	head, err := db.bytes(at, ndbUnit)
	if err != nil {
		return nil, err
	}
	if string(head[:4]) != ndbBlobMagic || binary.LittleEndian.Uint32(head[4:]) != number {
		return nil, fmt.Errorf("no blob of it at %d", at)
	}
	size := int64(binary.LittleEndian.Uint32(head[12:]))
	if size > maxHeader {
		return nil, tooLarge("a header", size, maxHeader)
	}
	return db.bytes(at+ndbUnit, size)
}
