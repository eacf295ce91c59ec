package packages_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/inspect/packages"
)

// TestMemory: what Find takes does not grow with the size of a file. It runs
// alone, so that what it counts is its own.
func TestMemory(t *testing.T) {
	stack, tree := stackOf(t, codec.Gzip, files{
		"bin/large*":           "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 64<<20),
		"var/lib/rpm/Packages": strings.Repeat("\x00", 64<<20),
		"var/lib/dpkg/status":  strings.Repeat("Description: x\n\n", 1<<20),
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, problems, err := packages.Find(t.Context(), stack, tree, packages.Options{})
	runtime.ReadMemStats(&after)
	// Lines become strings for a moment, which the collector takes back.
	if all := after.TotalAlloc - before.TotalAlloc; err != nil || len(problems) != 1 || all > 80<<20 {
		t.Errorf("Find takes %d bytes all in all, %v, %v; want less than 80 MiB of 144", all, problems, err)
	}
}
