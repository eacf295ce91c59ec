package diff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"
)

// hostile has names that would steer a terminal, end a fence or a cell, or run as
// HTML, and bytes that are no UTF-8.
var hostile = []string{"<script>alert(1)</script>", "```", "`code` | cell", "\x1b[31mred", "\u202egnp.exe", "line\nline", "\xff\xfe", "</details>", "@someone", "&amp;"}

func hostileListing() string {
	var out strings.Builder
	out.WriteString("format oci\nimage fx:v1\n")
	for i, s := range hostile {
		fmt.Fprintf(&out, "  label %q x\n  env %q\n", fmt.Sprint(i)+strings.ToValidUTF8(s, "?"), fmt.Sprintf("V%d=%s", i, strings.ToValidUTF8(s, "?")))
	}
	out.WriteString("  layer\n    file text \"```\\n<b>\\n\\x1b[31m\\n\"\n")
	for _, s := range hostile {
		fmt.Fprintf(&out, "    file %q x\n    symlink %q %q\n", s+"/f", s+"/l", s)
	}
	for _, s := range hostile {
		fmt.Fprintf(&out, "  history %q\n", strings.ToValidUTF8(s, "?")) // the last one stays
	}
	return out.String()
}

func hostileReport(t *testing.T) *Report {
	t.Helper()
	a := openListing(t, "format oci\nimage fx:v1\n  layer\n    file text a\n  history one\n")
	return compareAll(t, a, openListing(t, hostileListing()), Options{Content: true})
}

// TestMarkdownHostile: nothing of an archive acts as HTML or Markdown, or steers.
func TestMarkdownHostile(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := WriteMarkdown(&out, hostileReport(t), MarkdownOptions{}); err != nil {
		t.Fatal(err)
	}
	fence, details := "", 0
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSuffix(line, "\n")
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("a line has %q in it: %q", line[i:], line)
		}
		switch trimmed := strings.TrimLeft(line, " "); {
		case fence != "" && trimmed == fence:
			fence = ""
		case fence != "": // what stands here is text
		case strings.HasPrefix(line, "```"):
			fence = strings.TrimSuffix(line, "diff")
		default:
			details += strings.Count(line, "<details>") - strings.Count(line, "</details>")
			rest := strings.NewReplacer("<details>", "", "</details>", "", "<summary>", "", "</summary>", "").Replace(line)
			if strings.Contains(rest, "<") || strings.Contains(rest, "@someone") {
				t.Errorf("outside of a fence: %q", line)
			}
		}
	}
	if fence != "" || details != 0 {
		t.Errorf("a fence %q and %d details are open at the end", fence, details)
	}
	if !strings.Contains(out.String(), "\n````diff\n") {
		t.Errorf("no fence is longer than what a name has:\n%s", out.String())
	}
}

// TestMarkdownBounded: a comment has room for it, whatever differs.
func TestMarkdownBounded(t *testing.T) {
	t.Parallel()
	var listing strings.Builder
	listing.WriteString("format oci\nimage fx:v1\n  layer\n")
	for i := range 3000 {
		fmt.Fprintf(&listing, "    file %s%d x\n", strings.Repeat("long", 50), i)
	}
	a := openListing(t, "format oci\nimage fx:v1\n  layer\n    file text a\n  history one\n")
	r := compareAll(t, a, openListing(t, listing.String()), Options{})
	for _, tt := range []struct {
		limit int
		want  string
	}{{0, "1 more parts have no room here."}, {40, "# and 2961 more"}} {
		var out strings.Builder
		if err := WriteMarkdown(&out, r, MarkdownOptions{Limit: tt.limit}); err != nil {
			t.Fatal(err)
		}
		if out.Len() > maxMarkdown+1000 || !strings.Contains(out.String(), tt.want) {
			t.Errorf("limit %d: %d bytes, with %q: %t", tt.limit, out.Len(), tt.want, strings.Contains(out.String(), tt.want))
		}
	}
}

// TestJSONPieces: what is written piece by piece is what the encoder writes.
func TestJSONPieces(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Report{
		"hostile": hostileReport(t),
		"same":    compareAll(t, openListing(t, base), openListing(t, base), Options{}),
		"pairs":   compareAll(t, openListing(t, twoPlatforms), openListing(t, strings.ReplaceAll(twoPlatforms, "file a", "file b")), Options{}),
		"none":    {Images: []Image{}, Ignored: []string{}},
	} {
		var want, got bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := errors.Join(encoder.Encode(r), WriteJSON(&got, r)); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%s: WriteJSON gives\n%s\nwant\n%s", name, got.String(), want.String())
		}
		var value map[string]any
		if err := json.Unmarshal(got.Bytes(), &value); err != nil || value["schemaVersion"] == nil {
			t.Errorf("%s: %v: %v", name, value["schemaVersion"], err)
		}
	}
}

// fullAt is a disk that is full behind so many bytes.
type fullAt int

func (f *fullAt) Write(p []byte) (int, error) {
	if *f -= fullAt(len(p)); *f < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	r := hostileReport(t)
	for _, room := range []fullAt{0, 10, 500, 3000} {
		left := room
		if err := WriteJSON(&left, r); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("WriteJSON to %d bytes: %v", room, err)
		}
		if left = 0; WriteMarkdown(&left, r, MarkdownOptions{}) == nil {
			t.Error("WriteMarkdown to no room: no error")
		}
	}
}

func TestFormatSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB", 2_180_608: "2.2 MB", 1 << 62: "4.6 EB",
	} {
		if got := FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
}
