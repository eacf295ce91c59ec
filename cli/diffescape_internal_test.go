package cli

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestJSONEscaper: what comes in pieces is escaped as a whole.
func TestJSONEscaper(t *testing.T) {
	t.Parallel()
	const text = "\"\x7fplain a\u009b b\u202e c漢 \U0001F600\u200d \"\n"
	want := escapeJSON(text)
	if want == text {
		t.Fatal("nothing to escape")
	}
	for size := 1; size <= len(text); size++ {
		var out strings.Builder
		e := &jsonEscaper{w: &out}
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if written, err := e.Write([]byte(rest[:n])); written != n || err != nil {
				t.Fatalf("write %q: %d, %v", rest[:n], written, err)
			}
			rest = rest[n:]
		}
		if out.String() != want {
			t.Errorf("in pieces of %d bytes: %q, want %q", size, out.String(), want)
		}
	}
	broken := &jsonEscaper{w: brokenWriter{}}
	if _, err := broken.Write([]byte("a")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write to a closed pipe: %v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
