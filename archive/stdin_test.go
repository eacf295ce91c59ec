package archive_test

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
)

// TestStdinFile: a file on standard input is read in place, from where it stands,
// plain or compressed; nothing but what is compressed is spooled.
func TestStdinFile(t *testing.T) {
	t.Parallel()
	for _, outer := range []string{"", "outer gzip\n"} {
		whole, err := os.ReadFile(build(t, "format docker-save\n"+outer+"image example.com/a:v1\n  layer\n    file one 1\n"))
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteString("before" + string(whole)); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Seek(int64(len("before")), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		var told []string
		a, err := archive.Open(t.Context(), ref.Ref{Path: ref.Stdio}, archive.OpenOptions{Stdin: file, Warn: func(s string) { told = append(told, s) }})
		if err != nil {
			t.Fatal(err)
		}
		checkWhole(t, a)
		if spooled := strings.Contains(strings.Join(told, "\n"), "spooled"); spooled != (outer != "") {
			t.Errorf("outer %q: told %q", outer, told)
		}
		if a.Size != int64(len(whole)) {
			t.Errorf("size %d, want %d", a.Size, len(whole))
		}
		if !a.Holds(file.Name()) {
			t.Error("the file that is read could be written over")
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		if _, err := file.Stat(); err != nil {
			t.Errorf("standard input after Close: %v", err)
		}
	}
}
