package layer_test

import (
	"context"
	"testing"

	"github.com/imgtool/imgtool/archive/layer"
)

// TestMarks: clones of a marked tree are equal, until an entry takes the place of
// another; and a clone changes without its origin.
func TestMarks(t *testing.T) {
	t.Parallel()
	s := stackOf(t, "layer\n  file a x mtime=1\n  file b x mtime=1\n")
	base, err := s.Merge(context.Background(), layer.MergeOptions{Marks: true})
	if err != nil {
		t.Fatal(err)
	}
	other := base.Clone()
	if err := layer.CheckEqual(base, other); err != nil {
		t.Errorf("a clone: %v", err)
	}
	a, err := base.Lstat("a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := base.Lstat("b")
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Differs(b.Inode); got != layer.ContentChanged {
		t.Errorf("two entries with the same content differ in %q, want content", got)
	}
	var c layer.Changeset
	c.Add(layer.Entry{Path: "a", Inode: layer.Inode{Type: layer.Whiteout}})
	if err := other.Apply(1, &c, layer.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Lstat("a"); err == nil {
		t.Error("a is in the clone, which removed it")
	}
	if _, err := base.Lstat("a"); err != nil {
		t.Errorf("a is gone from the tree that was cloned: %v", err)
	}
}
