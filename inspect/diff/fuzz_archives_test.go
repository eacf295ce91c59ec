package diff_test

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/diff"
)

// FuzzArchives compares archives that are legal and odd. One is the same as
// itself; of two, what differs there and back has as many things in it, and every
// report can be written.
func FuzzArchives(f *testing.F) {
	f.Add([]byte(nil), []byte(nil), false)
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\x00\x00"), []byte("\x09\x01\x01\x03\x00\x02\x01\x02\x00\x01\x02\x03"), true)
	f.Add([]byte(strings.Repeat("\x01", 200)), []byte(strings.Repeat("\x01", 190)), true)
	f.Add([]byte(strings.Repeat("\x01\x02\x03\x04\x05", 40)), []byte(strings.Repeat("\x01\x02\x03\x04\x05", 30)), false)
	f.Fuzz(func(t *testing.T, left, right []byte, content bool) {
		a, ok := openStrange(t, left)
		b, ok2 := openStrange(t, right)
		if !ok || !ok2 {
			return
		}
		opts := diff.Options{Content: content, Jobs: 1, MaxExpansion: 1}
		if self := compared(t, a, a, opts); self != nil && !self.Same {
			t.Error("an archive differs from itself")
		}
		there, back := compared(t, a, b, opts), compared(t, b, a, opts)
		if (there == nil) != (back == nil) {
			t.Fatalf("there: %v, back: %v", there, back)
		}
		if there == nil {
			return
		}
		if there.Same != back.Same || there.TimesOnly != back.TimesOnly || len(there.Images) != len(back.Images) ||
			len(there.OnlyA) != len(back.OnlyB) || len(there.OnlyB) != len(back.OnlyA) {
			t.Errorf("there: %+v\nback: %+v", there, back)
		}
		writeReports(t, there)
	})
}

// compared compares two archives; what cannot be read gives nothing.
func compared(t *testing.T, a, b *archive.Archive, opts diff.Options) *diff.Report {
	t.Helper()
	r, err := diff.Archives(t.Context(), diff.Input{Archive: a, Images: a.Images}, diff.Input{Archive: b, Images: b.Images}, opts)
	if err != nil {
		return nil
	}
	return r
}

// writeReports writes r in every form.
func writeReports(t *testing.T, r *diff.Report) {
	t.Helper()
	var out bytes.Buffer
	if err := diff.WriteJSON(&out, r); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("WriteJSON: %v of %s", err, out.Bytes())
	}
	if err := diff.WriteHTML(io.Discard, r); err != nil {
		t.Errorf("WriteHTML: %v", err)
	}
	if err := diff.WriteMarkdown(io.Discard, r, diff.MarkdownOptions{}); err != nil {
		t.Errorf("WriteMarkdown: %v", err)
	}
}

// openStrange builds what [archivetest.Strange] makes of data, and opens it.
func openStrange(t *testing.T, data []byte) (*archive.Archive, bool) {
	t.Helper()
	listing := archivetest.Strange(data)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(listing)
		}
	})
	path := filepath.Join(t.TempDir(), "strange")
	archivetest.Build(t, path, listing)
	a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		return nil, false
	}
	t.Cleanup(func() { a.Close() })
	return a, true
}
