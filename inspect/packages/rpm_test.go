package packages_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/inspect/packages"
)

// database gives a database of testdata, which scripts/rpmtestdata made.
func database(t testing.TB, name string) []byte {
	t.Helper()
	stored, err := os.ReadFile(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// rpmSays is what rpm tells of the databases of testdata.
func rpmSays(t testing.TB, path string) []string {
	t.Helper()
	raw, err := os.ReadFile("testdata/rpm.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(raw)) {
		want = append(want, "rpm "+strings.TrimSpace(line)+" "+path)
	}
	return want
}

// header is that of a package as databases of rpm have it.
func header(name, version, release string) []byte {
	var entries, data []byte
	for tag, value := range map[uint32]string{1000: name, 1001: version, 1002: release} {
		for _, n := range []uint32{tag, 6, uint32(len(data)), 1} {
			entries = binary.BigEndian.AppendUint32(entries, n)
		}
		data = append(append(data, value...), 0)
	}
	out := binary.BigEndian.AppendUint32(nil, 3)
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return slices.Concat(out, entries, data)
}

// ndb makes a database of rpm's own form, of which no tool at hand writes one:
// one page of slots, and the blobs behind it.
func ndb(headers ...[]byte) []byte {
	words := func(magic string, numbers ...uint32) []byte {
		out := []byte(magic)
		for _, n := range numbers {
			out = binary.LittleEndian.AppendUint32(out, n)
		}
		return out
	}
	slots := words("RpmP", 0, 1, 1, uint32(len(headers)+1), 0, 0, 0)
	var blobs []byte
	for i, h := range headers {
		number, at := uint32(i+1), uint32(4096+len(blobs))/16
		blob := slices.Concat(words("BlbS", number, 1, uint32(len(h))), h)
		blob = append(blob, make([]byte, (16-(len(blob)+12)%16)%16)...)
		blob = append(blob, words("", 0, uint32(len(h)))...)
		blob = append(blob, "BlbE"...)
		slots = append(slots, words("Slot", number, at, uint32(len(blob)/16))...)
		blobs = append(blobs, blob...)
	}
	for len(slots) < 4096 {
		slots = append(slots, words("Slot", 0, 0, 0)...)
	}
	return append(slots, blobs...)
}

func ndbOfThree() []byte {
	return ndb(header("small", "1.0", "1"), header("other", "2", "3"), header("third", "4", "5"))
}

// TestRPM: databases of all three forms, the real ones as rpm itself reads them.
func TestRPM(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path    string
		content []byte
		want    []string
	}{
		{"var/lib/rpm/rpmdb.sqlite", database(t, "rpmdb.sqlite"), rpmSays(t, "var/lib/rpm/rpmdb.sqlite")},
		{"usr/lib/sysimage/rpm/Packages", database(t, "Packages"), rpmSays(t, "usr/lib/sysimage/rpm/Packages")},
		{"usr/lib/sysimage/rpm/Packages.db", ndbOfThree(), []string{
			"rpm other 2-3  usr/lib/sysimage/rpm/Packages.db",
			"rpm small 1.0-1  usr/lib/sysimage/rpm/Packages.db",
			"rpm third 4-5  usr/lib/sysimage/rpm/Packages.db",
		}},
	} {
		got := found(t, packages.Options{}, files{c.path: string(c.content), filepath.Dir(c.path) + "/rpmdb.sqlite-wal": ""})
		if len(c.want) == 0 || !slices.Equal(got, c.want) {
			t.Errorf("Find of %s: %q, want %q", c.path, got, c.want)
		}
	}
}

// TestRPMBroken: databases that are cut, or changed anywhere, give packages or
// problems, never more than there are.
func TestRPMBroken(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string][]byte{
		"rpmdb.sqlite": database(t, "rpmdb.sqlite"), "Packages": database(t, "Packages"), "Packages.db": ndbOfThree(),
	} {
		path := "var/lib/rpm/" + name
		seen := 0
		changes := 300
		if testing.Short() {
			changes = 60
		}
		for i := range changes {
			stack, tree := stackOf(t, codec.None, files{path: string(broken(whole, i))})
			list, problems, err := packages.Find(t.Context(), stack, tree, packages.Options{})
			if err != nil || len(list) > 20 || len(problems) > 1 {
				t.Errorf("Find of %s, change %d: %q, %v, %v", name, i, list, problems, err)
			}
			seen += len(problems)
		}
		if seen < changes/10 {
			t.Errorf("Find of %s finds %d problems in %d changes, which are too few", name, seen, changes)
		}
	}
}

// broken changes a database in one of many ways.
func broken(whole []byte, i int) []byte {
	raw := slices.Clone(whole)
	at := i * 7919 % len(raw)
	switch i % 5 {
	case 0:
		raw = raw[:at]
	case 1:
		raw[at%4096] ^= 0xff
	case 2: // numbers of the head
		binary.BigEndian.PutUint32(raw[i%128:], 0xffffffff)
	case 3:
		clear(raw[at:min(at+4096, len(raw))])
	case 4: // a page in place of another one, so that it comes again
		copy(raw[at/4096*4096:], whole[(at/2)/4096*4096:][:4096])
	}
	return raw
}

// TestRPMHostile: numbers that are made to harm.
func TestRPMHostile(t *testing.T) {
	t.Parallel()
	put := func(raw []byte, order binary.ByteOrder, at int, n uint32) []byte {
		raw = slices.Clone(raw)
		order.PutUint32(raw[at:], n)
		return raw
	}
	le, be := binary.LittleEndian, binary.BigEndian
	three, bdb, sql := ndbOfThree(), database(t, "Packages"), database(t, "rpmdb.sqlite")
	huge := header("a", "1", "1")
	be.PutUint32(huge, 0x0fffffff)
	aside := header("a", "1", "1")
	be.PutUint32(aside[8+8:], 1<<30)
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"ndb version", put(three, le, 4, 9), "version 9 of the database is not known"},
		{"ndb slots", put(three, le, 12, 1<<31), "slots of 8796093022208 bytes"},
		{"ndb slot magic", put(three, le, 32, 7), "no slot at 32"},
		{"ndb blob elsewhere", put(three, le, 40, 1<<31), "unexpected EOF"},
		{"ndb blob of another", put(three, le, 40, 0), "no blob of it at 0"},
		{"ndb blob of 4 GiB", put(three, le, 4096+12, 0xffffffff), "over the limit of"},
		{"ndb blob past the end", put(three, le, 4096+12, 1<<20), "unexpected EOF"},
		{"header of many entries", ndb(huge), "do not fit in"},
		{"header with a value elsewhere", ndb(aside), "its value lies at"},
		{"header without a name", ndb(header("", "1", "1")), "a package has no name"},
		{"header cut", ndb([]byte("abc")), "it is cut"},
		{"Berkeley page size", put(bdb, le, 20, 1<<31), "pages of 2147483648 bytes"},
		{"Berkeley page size 0", put(bdb, le, 20, 0), "pages of 0 bytes"},
		{"Berkeley pages", put(bdb, le, 32, 1<<30), "1073741825 pages of 4096 bytes"},
		{"Berkeley encrypted", put(bdb, le, 24, 8<<24|1), "it is encrypted"},
		{"SQLite page size", put(sql, be, 16, 3<<16), "pages of 3 bytes"},
		{"SQLite without a schema", put(sql, be, 100, 0), "page 1 is of type 0"},
		{"SQLite cut", sql[:99], "a head of 99 bytes"},
		{"SQLite empty schema", put(sql, be, 103, 0), "no table Packages"},
	} {
		got := found(t, packages.Options{}, files{"var/lib/rpm/Packages": string(c.raw)})
		if len(got) == 0 || !strings.Contains(got[len(got)-1], c.want) {
			t.Errorf("Find, %s: %q, want a problem with %q", c.name, got, c.want)
		}
	}
}

// TestRPMCircle: pages that lead back to themselves end.
func TestRPMCircle(t *testing.T) {
	t.Parallel()
	bdb := database(t, "Packages")
	changed := 0
	for at := 4096; at < len(bdb); at += 4096 {
		if bdb[at+25] == 7 { // an overflow page
			binary.LittleEndian.PutUint32(bdb[at+16:], uint32(at/4096))
			changed++
		}
	}
	got := found(t, packages.Options{}, files{"var/lib/rpm/Packages": string(bdb)})
	if changed < 2 || len(got) == 0 || !strings.Contains(got[len(got)-1], "is used twice") {
		t.Errorf("Find of pages in a circle: %q", got)
	}
}
