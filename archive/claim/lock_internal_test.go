package claim

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

// TestHoldAgain: what another run took away before it was locked is made again,
// under another name.
func TestHoldAgain(t *testing.T) {
	if !Locks {
		t.Skip("nothing can be locked here")
	}
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var made []string
	var sweeper *os.File
	c, err := hold(root, "x", func(temp string) (err error) {
		made = append(made, temp)
		if err := root.WriteFile(temp, nil, 0o600); err != nil {
			return err
		}
		switch len(made) {
		case 1: // it is gone already
			return root.Remove(temp)
		case 2: // it is about to go
			sweeper, err = take(root, temp)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sweeper.Close()
	if len(made) != 3 || c.Name != made[2] || made[0] == made[1] || made[1] == made[2] {
		t.Errorf("hold gives %q of %q, want the third", c.Name, made)
	}
	if _, err := root.Lstat(made[1]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what another run holds: %v, want it gone", err)
	}
	if err := c.Discard(); err != nil {
		t.Error(err)
	}
}

// TestIsStill: a name that was given to another file is not that of the first.
func TestIsStill(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	file, err := root.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := isStill(root, "a", file); err != nil {
		t.Errorf("isStill(a) = %v", err)
	}
	if err := errors.Join(root.Rename("a", "b"), root.WriteFile("a", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := isStill(root, "a", file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("isStill(a) = %v for another file, want %v", err, fs.ErrNotExist)
	}
	if err := root.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if err := isStill(root, "a", file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("isStill(a) = %v for none, want %v", err, fs.ErrNotExist)
	}
}
