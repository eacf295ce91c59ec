package packages_test

import (
	"slices"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/inspect/packages"
)

// fuzzPaths are a place for each kind of source.
var fuzzPaths = []string{
	"var/lib/dpkg/status", "lib/apk/db/installed", "var/lib/rpm/Packages", "a/site-packages/b.egg-info",
	"node_modules/a/package.json", "bin/program*",
}

// FuzzFind: whatever stands in a file, Find ends without a panic, gives the same
// of compressed and plain layers, and packages that have names.
func FuzzFind(f *testing.F) {
	for kind, seeds := range [][]string{
		{dpkgStatus, "Package: a\nStatus: a b c\n"}, {apkInstalled, ":"},
		{string(database(f, "Packages")[:8192]), string(ndbOfThree()), string(database(f, "rpmdb.sqlite")[:8192])},
		{"Name: a\nVersion: 1\n"}, {`{"name":"a","version":"1"}`},
		{"\x7fELF\x02\x01\x01", "MZ", "\xca\xfe\xba\xbe\x00\x00\x00\x01", "\xcf\xfa\xed\xfe"},
	} {
		for _, seed := range seeds {
			f.Add(uint8(kind), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		var all [2][]packages.Package
		for i, compression := range []codec.Compression{codec.Gzip, codec.None} {
			stack, tree := stackOf(t, compression, files{fuzzPaths[int(kind)%len(fuzzPaths)]: string(raw)})
			list, problems, err := packages.Find(t.Context(), stack, tree, packages.Options{})
			if err != nil || len(problems) > 1 {
				t.Fatalf("Find: %v, %v", problems, err)
			}
			all[i] = list
		}
		if !slices.Equal(all[0], all[1]) {
			t.Errorf("Find of gzip: %q, of plain: %q", all[0], all[1])
		}
		if slices.ContainsFunc(all[0], func(p packages.Package) bool { return p.Name == "" }) {
			t.Errorf("Find: %q, one of which has no name", all[0])
		}
	})
}
