package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		s     string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"as it is", 0, []string{"as it is"}},
		{"ten chars!", 10, []string{"ten chars!"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 6, []string{"one", "two", "three"}},
		{"two  spaces stay", 12, []string{"two  spaces", "stay"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a bcdefgh", 3, []string{"a", "bcd", "efg", "h"}},
		{"文件夹文件", 4, []string{"文件", "夹文", "件"}},
		{"文件 夹", 5, []string{"文件", "夹"}},
		{"文件", 1, []string{"文", "件"}},
		{"文", 1, []string{"文"}},
	}
	for _, test := range tests {
		got := wrap(test.s, test.width)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("wrap(%q, %d) (-want +got):\n%s", test.s, test.width, diff)
		}
		if strings.ReplaceAll(strings.Join(got, ""), " ", "") != strings.ReplaceAll(test.s, " ", "") {
			t.Errorf("wrap(%q, %d) loses something: %q", test.s, test.width, got)
		}
	}
}
