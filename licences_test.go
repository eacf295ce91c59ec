package imgtool_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/scripts/licence"
)

var update = flag.Bool("update", false, "write docs/licences.md")

// allowed are the licences that code of others may be under.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

const licencesHead = `# Licences

imgtool is under the Apache License 2.0. These are the modules of others that it is built of, and their licences as
[SPDX](https://spdx.org/licenses/) names them. A test compares this page with what the build uses, and refuses licences
other than %s; ` + "`go test -run Licences . -update`" + ` writes it anew
after a change of go.mod. A release has the texts beside the binaries.

## In the binary

| module | version | licence | on |
|---|---|---|---|
`

const licencesTests = `
The Go standard library and runtime are under BSD-3-Clause.

## In tests and scripts alone

| module | version | licence |
|---|---|---|
`

// TestLicences: the page of licences tells all modules, and each is under a
// licence that is allowed.
func TestLicences(t *testing.T) {
	t.Parallel()
	linked, tests := usedModules(t)
	for _, m := range slices.Concat(linked, tests) {
		for name := range strings.SplitSeq(m.SPDX, " AND ") {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s %s is under %s, which is not allowed", m.Path, m.Version, name)
			}
		}
	}
	page := filepath.Join("docs", "licences.md")
	want := licencesPage(linked, tests)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", page, diff)
	}
	t.Logf("tried: %d modules in the binary, %d more in tests and scripts, on %d platforms",
		len(linked), len(tests), len(licence.Platforms))
}

// usedModule is a module and where it is used.
type usedModule struct {
	licence.Module
	systems []string
}

// usedModules gives the modules that the binary is built of, and those that
// something else here is built of alone.
func usedModules(t *testing.T) (linked, tests []usedModule) {
	t.Helper()
	for _, platform := range licence.Platforms {
		linked = addModules(t, linked, platform, "./cli/imgtool")
		tests = addModules(t, tests, platform, "-test", "./...")
	}
	byPath := func(a, b usedModule) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(linked, byPath)
	slices.SortFunc(tests, byPath)
	tests = slices.DeleteFunc(tests, func(m usedModule) bool {
		_, found := slices.BinarySearchFunc(linked, m, byPath)
		return found
	})
	if len(linked) == 0 || len(tests) == 0 {
		t.Fatalf("%d modules in the binary and %d in tests, which cannot be all", len(linked), len(tests))
	}
	return linked, tests
}

func addModules(t *testing.T, to []usedModule, platform string, args ...string) []usedModule {
	t.Helper()
	modules, err := licence.Modules(platform, args...)
	if err != nil {
		t.Fatal(err)
	}
	system, _, _ := strings.Cut(platform, "/")
	for _, m := range modules {
		i := slices.IndexFunc(to, func(u usedModule) bool { return u.Path == m.Path && u.SPDX == m.SPDX })
		if i < 0 {
			i, to = len(to), append(to, usedModule{Module: m})
		}
		if !slices.Contains(to[i].systems, system) {
			to[i].systems = append(to[i].systems, system)
		}
	}
	return to
}

func licencesPage(linked, tests []usedModule) string {
	var page strings.Builder
	fmt.Fprintf(&page, licencesHead, strings.Join(allowed, ", "))
	for _, m := range linked {
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", m.Path, m.Version, m.SPDX, strings.Join(m.systems, ", "))
	}
	page.WriteString(licencesTests)
	for _, m := range tests {
		fmt.Fprintf(&page, "| %s | %s | %s |\n", m.Path, m.Version, m.SPDX)
	}
	return page.String()
}
