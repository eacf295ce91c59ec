//go:build linux

package cli_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// listArchive lists the members of a tar in the order in which they lie there, as
// `tar -tv` does, or the files of a folder with their sizes. Of names of 64 digits
// the first 12 are shown.
func listArchive(path string) (string, error) {
	var out strings.Builder
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case info.IsDir():
		err = eachFile(path, func(name string, r io.Reader) error {
			size, err := io.Copy(io.Discard, r)
			fmt.Fprintf(&out, "%8d %s\n", size, shortHex(name))
			return err
		})
	default:
		err = eachMember(path, func(h *tar.Header, _ io.Reader) error {
			mode := strings.Replace(h.FileInfo().Mode().String(), "L", "l", 1) // Go's letter for links
			fmt.Fprintf(&out, "%s %8d %s %s", mode, h.Size, h.ModTime.UTC().Format("2006-01-02 15:04"), shortHex(h.Name))
			if h.Linkname != "" {
				out.WriteString(" -> " + shortHex(h.Linkname))
			}
			out.WriteByte('\n')
			return nil
		})
	}
	return out.String(), err
}

var longHex = regexp.MustCompile(`([0-9a-f]{12})[0-9a-f]{52}`)

func shortHex(s string) string { return longHex.ReplaceAllString(s, "$1…") }

// memberOf reads one member, whose name may be cut as in a listing.
func memberOf(path, name string) (content []byte, err error) {
	found := 0
	err = eachFile(path, func(at string, r io.Reader) (err error) {
		if at == name || shortHex(at) == name {
			found++
			content, err = io.ReadAll(r)
		}
		return err
	})
	if err == nil && found != 1 {
		err = fmt.Errorf("%q has %d members %q, want one", filepath.Base(path), found, name)
	}
	return content, err
}

// omitted stands in a shown document for a value, for values of a list or, as a
// field, for the other fields of an object.
const omitted = "…"

// shownDocument gives what to show of a stored document: shown itself where it is
// true, which may be indented and leave out parts, else the document.
func shownDocument(shown string, stored []byte) (string, error) {
	var all bytes.Buffer
	if err := json.Indent(&all, bytes.TrimSpace(stored), "", "  "); err != nil {
		return "", err
	}
	all.WriteByte('\n')
	if strings.TrimSpace(shown) == "" {
		return all.String(), nil
	}
	var some bytes.Buffer
	if err := json.Compact(&some, []byte(shown)); err != nil {
		return "", err
	}
	var want bytes.Buffer
	if err := json.Compact(&want, stored); err != nil {
		return "", err
	}
	if bytes.Equal(some.Bytes(), want.Bytes()) {
		return shown, nil
	}
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(shown), &a), json.Unmarshal(stored, &b)); err != nil {
		return "", err
	}
	if strings.Contains(shown, omitted) && isPart(a, b) {
		return shown, nil
	}
	return all.String(), nil
}

// isPart reports that a shown value is the stored one but for what is left out.
func isPart(shown, stored any) bool {
	if shown == omitted {
		return true
	}
	switch shown := shown.(type) {
	case map[string]any:
		stored, ok := stored.(map[string]any)
		_, some := shown[omitted]
		for key, value := range shown {
			part, there := stored[key]
			ok = ok && (key == omitted || there && isPart(value, part))
		}
		return ok && (some || len(shown) == len(stored))
	case []any:
		stored, ok := stored.([]any)
		return ok && isPartOfList(shown, stored)
	}
	return reflect.DeepEqual(shown, stored)
}

// isPartOfList is isPart for lists, where what is left out may be many values.
func isPartOfList(shown, stored []any) bool {
	switch {
	case len(shown) == 0:
		return len(stored) == 0
	case shown[0] == omitted && isPartOfList(shown[1:], stored):
		return true
	case len(stored) == 0:
		return false
	case shown[0] == omitted:
		return isPartOfList(shown, stored[1:])
	}
	return isPart(shown[0], stored[0]) && isPartOfList(shown[1:], stored[1:])
}

// TestPageBlocks: what is not so does not pass for it.
func TestPageBlocks(t *testing.T) {
	t.Parallel()
	const stored = `{"a":[1,2,3],"b":{"c":"d"}}`
	for shown, want := range map[string]bool{
		stored:                                true,
		`{ "a": [1, 2, 3], "b": {"c": "d"} }`: true,
		`{"b":{"c":"d"},"a":[1,2,3]}`:         false, // another order
		`{"a":[1,2,3]}`:                       false,
		`{"a":[1,2,3],"…":"…"}`:               true,
		`{"a":[1,"…"],"b":"…"}`:               true,
		`{"a":[2,"…"],"b":"…"}`:               false,
		`{"a":[1,2],"b":"…"}`:                 false,
		`{"a":[1,2,3,4,"…"],"b":"…"}`:         false,
		`{"a":"…","x":"…","b":"…"}`:           false,
		`{"a":"…","b":{"c":"e"}}`:             false,
		`{"a":"…","b":{"…":"…"}}`:             true,
		`{"a":"…","b":{"c":["…"]}}`:           false,
	} {
		got, err := shownDocument(shown, []byte(stored))
		if err != nil || (got == shown) != want {
			t.Errorf("shownDocument(%s, %s) = %s, %v; want it to be true: %v", shown, stored, got, err, want)
		}
	}
	if _, err := memberOf(filepath.Join("..", "testdata", "archives", "docker20-legacy-multi.tar"), "nothing"); err == nil {
		t.Error("a member that is not there is found")
	}
}
