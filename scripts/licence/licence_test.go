package licence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

const isc = `Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND
FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS
OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER
TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
`

// TestRead: what a module is under, by the files that it has. Its one package is
// in the folder p.
func TestRead(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("You may look at it on Sundays, and pay for each look. ", 40)
	tests := []struct {
		name  string
		files map[string]string
		want  string // SPDX, or what the error says
		texts int
	}{
		{"one file", map[string]string{"LICENSE": mit}, "MIT", 1},
		{"two files", map[string]string{"LICENSE-MIT": mit, "LICENCE.isc": isc}, "ISC AND MIT", 2},
		{"two in one file", map[string]string{"COPYING": mit + isc}, "ISC AND MIT", 1},
		{"a package of its own", map[string]string{"LICENSE": mit, "p/LICENSE.txt": isc}, "ISC AND MIT", 2},
		{"a package that is not used", map[string]string{"LICENSE": mit, "q/LICENSE.txt": isc}, "MIT", 1},
		{"with a notice", map[string]string{"LICENSE": mit, "NOTICE": "thanks"}, "MIT", 2},
		{"of the documentation", map[string]string{"LICENSE": mit, "LICENSE.docs": other}, "MIT", 1},
		{"in the sources", map[string]string{"p/p.go": "/*\n" + isc + "*/\n\npackage p\n"}, "ISC", 1},
		{"none", map[string]string{"README": mit}, "a@v1: no licence", 0},
		{"not in all sources", map[string]string{"p/p.go": "//" + isc + "\npackage p\n", "p/q.go": "package p\n"}, "a@v1: q.go: no licence that is known", 0},
		{"not known", map[string]string{"LICENSE": other}, "a@v1: LICENSE: no licence that is known", 0},
		{"known and more", map[string]string{"LICENSE": mit + other}, "a@v1: LICENSE: only ", 0},
		{"of a package, not known", map[string]string{"LICENSE": mit, "p/LICENSE": other}, "a@v1: p/LICENSE: no licence that is known", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(root, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(filepath.Join(root, "p"), 0o777); err != nil {
				t.Fatal(err)
			}
			m := Module{Path: "a", Version: "v1"}
			err := m.read(root, []string{filepath.Join(root, "p")})
			if err != nil && (test.texts > 0 || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("read: error %q, want %q", err, test.want)
			}
			if err == nil && (m.SPDX != test.want || len(m.Texts) != test.texts) {
				t.Errorf("read: %q and %d texts, want %q and %d", m.SPDX, len(m.Texts), test.want, test.texts)
			}
		})
	}
}

// TestGo: the licence of Go itself is found where Go is.
func TestGo(t *testing.T) {
	t.Parallel()
	m, err := Go()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(m.Version, "go1.") || m.SPDX != "BSD-3-Clause" || len(m.Texts) == 0 {
		t.Errorf("Go: %q under %q with %d texts", m.Version, m.SPDX, len(m.Texts))
	}
}
