//go:build linux

package cli_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/cli"
)

// resourceRow is a row of the table in docs/resources.md for one command, with the
// memory in MiB that it takes for a small image.
var resourceRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (\\d+) \\|")

// TestResources: docs/resources.md has a row for each command, and no command takes
// more for a small image than it says.
func TestResources(t *testing.T) {
	if testing.Short() {
		t.Skip("what a 32 bit program takes is not on the page")
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "resources.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]int64{}
	for _, row := range resourceRow.FindAllStringSubmatch(string(page), -1) {
		shown[row[1]], _ = strconv.ParseInt(row[2], 10, 64)
	}
	seen := map[string]bool{}
	imgtool, place := buildImgtool(t), t.TempDir()
	source := filepath.Join("..", "testdata", "archives", "buildkit-oci-attest.tar")
	other := filepath.Join("..", "testdata", "archives", "skopeo-dir")
	for _, command := range slices.Sorted(maps.Keys(shown)) {
		name, _, _ := strings.Cut(command, " ")
		seen[name] = true
		line := strings.NewReplacer("SRC", source, "OTHER", other, "OUT", filepath.Join(place, "out"), "PATH", "/etc/motd").Replace(command)
		code, out, peak := measure(t, imgtool, strings.Fields(line)...)
		if code > 1 || strings.HasPrefix(command, "diff") != (code == 1) {
			t.Errorf("imgtool %s: exit code %d\n%s", line, code, out)
		}
		if peak > shown[command]<<20 {
			t.Errorf("imgtool %s: %d KiB, docs/resources.md says %d MiB", command, peak>>10, shown[command])
		}
		if err := os.RemoveAll(filepath.Join(place, "out")); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("tried: %d command lines against what docs/resources.md says of their memory", len(shown))
	for _, name := range commandNames(t) {
		if !seen[name] {
			t.Errorf("docs/resources.md has no row for imgtool %s", name)
		}
	}
}

// commandNames gives the commands that the help lists.
func commandNames(t *testing.T) []string {
	t.Helper()
	_, help, _ := run(cli.Env{}, "--help")
	_, list, _ := strings.Cut(help, "COMMANDS\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for line := range strings.Lines(list) {
		names = append(names, strings.Fields(line)[0])
	}
	if len(names) < 10 {
		t.Fatalf("the help lists the commands %q, which cannot be all", names)
	}
	return names
}
