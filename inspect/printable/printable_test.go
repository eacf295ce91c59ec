package printable_test

import (
	"testing"

	"github.com/imgtool/imgtool/inspect/printable"
)

func TestString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, line, text string }{
		{"", "", ""},
		{"naïve 漢字", "naïve 漢字", "naïve 漢字"},
		{"a\x1b[31mb", `a\x1b[31mb`, `a\x1b[31mb`},
		{"a\nb\tc", `a\nb\tc`, "a\nb\tc"},
		{"a\u202eb\u2066", `a\u202eb\u2066`, `a\u202eb\u2066`},
		{"\xff\x9b\u009b", `\xff\x9b\u009b`, `\xff\x9b\u009b`},
		{"\ufffd", "\ufffd", "\ufffd"},
	} {
		if got := printable.String(tt.in); got != tt.line {
			t.Errorf("String(%q) = %q, want %q", tt.in, got, tt.line)
		}
		if got := printable.Text(tt.in); got != tt.text {
			t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.text)
		}
	}
}
