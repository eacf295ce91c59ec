package diff

import (
	"strings"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/layer"
)

// TestDeepFolders: a way of 4,000 folders, each of them a change, is added up in
// a moment: going up from each took a minute.
func TestDeepFolders(t *testing.T) {
	t.Parallel()
	const depth = 4000
	var changes []FileChange
	for n := 1; n < depth; n++ {
		changes = append(changes, FileChange{Path: strings.Repeat("a/", n) + "a", After: &File{Inode: &layer.Inode{Type: layer.Regular, Size: 1}}})
	}
	begun := time.Now()
	all := folders(changes)
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("folders took %s", took)
	}
	if len(all) != depth {
		t.Fatalf("%d folders, want %d", len(all), depth)
	}
	for i, f := range all { // sorted by path, so that each is one deeper
		want := int64(depth - max(i, 1))
		if f.Added != want || f.Files != int(want) {
			t.Errorf("folder %d: %d files, %d bytes; want %d of both", i, f.Files, f.Added, want)
		}
	}
}
