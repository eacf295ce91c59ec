package archivetest

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, listing, want string
	}{
		{"no format", "image a", "no format line"},
		{"unknown word", "format oci\nfoo", `line 2: unknown word "foo"`},
		{"unknown format", "format zip", `line 1: unknown format "zip"`},
		{"unknown image word", "format oci\nimage\n  foo", `line 3: unknown word "foo"`},
		{"unknown entry", "format oci\nimage\n  layer\n    foo", `line 4: unknown word "foo"`},
		{"indentation", "format oci\n   image", "line 2: bad indentation of 3 spaces"},
		{"too deep", "format oci\nimage\n    layer", "line 3: bad indentation of 4 spaces"},
		{"quote", "format oci\nimage \"a", "line 2: bad quoted string"},
		{"glued quote", "format oci\nimage \"a\"b", `line 2: no space after "a"`},
		{"below leaf", "format oci\n  image", `line 2: nothing can stand below "format"`},
		{"words", "format oci\nimage\n  label k", `line 3: wrong number of words after "label": 1`},
		{"platform", "format oci\nimage\n  platform amd64", `line 3: bad platform "amd64"`},
		{"time", "format oci\nimage\n  created today", `line 3: bad time "today"`},
		{"json", "format oci\nimage\n  config-field k {", "line 3: bad JSON: unexpected EOF"},
		{"json tail", "format oci\nimage\n  config-field k 1 2", `line 3: bad JSON: "2" after the value`},
		{"index json", "format oci\nindex-field k {", "line 2: bad JSON: unexpected EOF"},
		{"history", "format oci\nimage\n  history x", "line 3: history has no layer before it"},
		{"layer word", "format oci\nimage\n  layer bzip2", `line 3: unknown word "bzip2" after layer`},
		{"raw", "format tar\nraw a mode=9", `line 2: wrong number of words after "raw": 2`},
		{"mode", "format tar\ndir a mode=9", `line 2: bad number "9"`},
		{"option", "format tar\ndir a size=9", `line 2: unknown option "size"`},
		{"size", "format tar\nrandom a 9GB", `line 2: bad size "9GB"`},
		{"attestation", "format oci\nindex\n  attestation", "line 3: attestation has no image before it"},
		{"child name", "format oci\nindex\n  image a", "line 3: image below an index takes no name"},
		{"outer of folder", "format oci\nouter gzip", `line 2: format oci writes a folder: no place for "outer"`},
		{"entry outside", "format oci\ndir a", `line 2: entry "dir" stands outside of a layer`},
		{"image in tar", "format tar\nimage a", `line 2: format tar: no place for "image"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tt.listing)
			if err == nil || err.Error() != "parse listing: "+tt.want {
				t.Errorf("Parse(%q) = %v, want %q", tt.listing, err, tt.want)
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, listing, want string
	}{
		{"replace", "format oci-archive\nreplace a b", `line 2: replace "a": no member "a"`},
		{"remove", "format oci-archive\nremove a", `line 2: remove "a": no member "a"`},
		{"blob", "format docker-save\nimage\nflip blob:manifest:0 1", `line 3: flip "blob:manifest:0": no such blob in format docker-save`},
		{"offset", "format oci-archive\nflip oci-layout 99", `line 2: flip "oci-layout": offset 99 is outside of 30 bytes`},
		{"artifact", "format docker-save\nartifact a b", "line 2: format docker-save cannot hold artifact: no image in it"},
		{"no layer", "format docker-save-1.0\nimage a", "line 2: format docker-save-1.0 cannot hold an image without layers"},
		{"two in dir", "format dir\nimage\nimage", "format dir holds one image or index, not 2"},
		{"outside", "format oci\nextra ../a b", "path escapes"},
		{"truncate", "format tar\ntruncate 5000", "truncate to 5000: the file has 1024 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := Parse(tt.listing)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Write(filepath.Join(t.TempDir(), "archive"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Write of %q = %v, want %q in it", tt.listing, err, tt.want)
			}
		})
	}
}
