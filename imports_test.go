package imgtool_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/imgtool/imgtool"

// edges are the imports between our own packages that are allowed, from folder
// to folders. Tests may import more, but never upwards.
var edges = map[string][]string{
	"archive":             {"archive/claim", "archive/codec", "archive/layer", "archive/ref"},
	"archive/archivetest": {},
	"archive/claim":       {},
	"archive/codec":       {"archive/gunzip"},
	"archive/enginetest":  {},
	"archive/faultfs":     {},
	"archive/gunzip":      {},
	"archive/layer":       {"archive/codec"},
	"archive/ref":         {},
	"convert":             {"archive", "archive/claim", "archive/codec", "archive/layer", "archive/ref"},
	"inspect":             {"archive", "archive/codec", "archive/layer"},
	"cli":                 {"archive", "archive/codec", "archive/layer", "archive/ref", "convert", "inspect", "inspect/diff", "inspect/printable", "inspect/verify"},
	"cli/imgtool":         {"cli"},
	"inspect/diff":        {"archive", "archive/layer", "inspect", "inspect/packages", "inspect/printable"},
	"inspect/packages":    {"archive/layer"},
	"inspect/printable":   {},
	"inspect/verify":      {"archive", "archive/codec", "archive/layer", "inspect/printable"},
	"scripts/benchimage":  {},
	"scripts/licence":     {},
	"scripts/sbom":        {"scripts/licence"},
	".":                   {},

	"archive/archivetest/hostile": {"archive/archivetest"},
	"scripts/hostile":             {"archive/archivetest/hostile"},
}

// testEdges are what every test may import.
var testEdges = []string{"archive/archivetest", "archive/archivetest/hostile", "archive/enginetest", "archive/faultfs", "archive/codec", "archive/layer", "archive/ref"}

// testEdgesOf are what the tests of one folder may import besides.
var testEdgesOf = map[string][]string{
	".":              {"scripts/licence"},
	"inspect/verify": {"convert"},        // what repair mends, verify no longer finds
	"convert":        {"inspect/verify"}, // what flatten writes, verify finds nothing new in
}

// entries are the places through which each third-party module comes in: files
// or folders, of code that is no test.
var entries = map[string][]string{
	"github.com/opencontainers/go-digest":      {"archive", "convert", "inspect", "cli", "scripts/benchimage"}, // our exported signatures have it
	"github.com/opencontainers/image-spec":     {"archive", "convert", "inspect", "cli", "scripts/benchimage"}, // and these types
	"github.com/opencontainers/umoci":          {"convert/unpack_unix.go"},
	"github.com/apex/log":                      {"convert/unpack_unix.go"}, // umoci's logger, to catch what it says
	"github.com/containerd/platforms":          {"archive/selection.go", "cli"},
	"github.com/distribution/reference":        {"archive/name.go"},
	"github.com/gofrs/flock":                   {"archive/waitlock.go"},
	"github.com/klauspost/compress":            {"archive/codec", "archive/archivetest/layer.go", "archive/archivetest/hostile", "scripts/benchimage"},
	"github.com/ulikunitz/xz":                  {"archive/codec", "archive/archivetest/layer.go", "archive/archivetest/hostile"},
	"golang.org/x/sync":                        {"archive/folderwrite.go", "archive/layer/stack.go", "convert", "inspect/diff", "inspect/verify", "scripts/benchimage"},
	"golang.org/x/sys":                         {"archive/enginetest", "archive/tempfile_linux.go", "archive/writeback_linux.go"},
	"golang.org/x/term":                        {"cli"},
	"github.com/dustin/go-humanize":            {"cli"},
	"github.com/jedib0t/go-pretty/v6":          {"cli"},
	"github.com/aymanbagabas/go-udiff":         {"inspect/diff/textdiff.go"},
	"github.com/schollz/progressbar/v3":        {"cli"},
	"github.com/urfave/cli/v2":                 {"cli"},
	"github.com/CycloneDX/cyclonedx-go":        {"scripts/sbom"},
	"github.com/google/licensecheck":           {"scripts/licence"},
	"github.com/chromedp/chromedp":             {}, // tests alone
	"github.com/chromedp/cdproto":              {}, // tests alone
	"github.com/hanwen/go-fuse/v2":             {"archive/faultfs"},
	"github.com/google/go-cmp":                 {}, // tests alone
	"github.com/rogpeppe/go-internal":          {}, // tests alone
	"github.com/santhosh-tekuri/jsonschema/v5": {"inspect/verify/schema.go"},
}

// testOnly are third-party modules that tests may import from anywhere.
var testOnly = []string{
	"github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "github.com/opencontainers/umoci",
	"github.com/klauspost/compress", "github.com/ulikunitz/xz",
	"github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec",
	"github.com/distribution/reference", "github.com/containerd/platforms", "github.com/santhosh-tekuri/jsonschema/v5",
	"golang.org/x/sync", "golang.org/x/sys", "github.com/chromedp/chromedp", "github.com/chromedp/cdproto",
}

// TestImports holds the house rules of imports: cli → convert, inspect →
// archive, and every third-party module behind few files of ours.
func TestImports(t *testing.T) {
	t.Parallel()
	files := goFiles(t)
	if len(files) < 40 {
		t.Fatalf("found %d Go files, which cannot be all", len(files))
	}
	for _, file := range files {
		for _, imported := range importsOf(t, file) {
			test := strings.HasSuffix(file, "_test.go")
			own, ours := strings.CutPrefix(imported, module+"/")
			switch {
			case ours:
				checkEdge(t, file, own, test)
			case strings.Contains(strings.Split(imported, "/")[0], "."):
				checkEntry(t, file, imported, test)
			}
		}
	}
}

func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".go") {
			files = append(files, filepath.ToSlash(p))
		}
		if err == nil && d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != ".") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imports = append(imports, name)
	}
	return imports
}

// checkEdge: a package imports what its place in the house allows. Its tests may
// import it, what it may import, and the helpers of tests.
func checkEdge(t *testing.T, file, imported string, test bool) {
	t.Helper()
	folder := path.Dir(file)
	allowed, known := edges[folder]
	if !known {
		t.Errorf("%s: folder %s is not listed in edges", file, folder)
		return
	}
	if test {
		allowed = slices.Concat(allowed, testEdges, testEdgesOf[folder], []string{folder})
	}
	if !slices.Contains(allowed, imported) {
		t.Errorf("%s imports %s, which %s may not", file, imported, folder)
	}
}

// checkEntry: a third-party module enters where it is listed.
func checkEntry(t *testing.T, file, imported string, test bool) {
	t.Helper()
	for name, places := range entries {
		if imported != name && !strings.HasPrefix(imported, name+"/") {
			continue
		}
		for _, place := range places {
			if file == place || strings.HasPrefix(file, place+"/") {
				return
			}
		}
		if test && slices.Contains(testOnly, name) {
			return
		}
		t.Errorf("%s imports %s, which may enter through %q alone", file, imported, places)
		return
	}
	t.Errorf("%s imports %s, which is not listed in entries", file, imported)
}

// TestImportRules: the rules hold what the house promises, whatever is added.
func TestImportRules(t *testing.T) {
	t.Parallel()
	above := map[string][]string{
		"archive": {"convert", "inspect", "cli"},
		"convert": {"inspect", "cli"},
		"inspect": {"convert", "cli"},
	}
	for from, tos := range edges {
		for _, to := range tos {
			top, _, _ := strings.Cut(from, "/")
			target, _, _ := strings.Cut(to, "/")
			if slices.Contains(above[top], target) {
				t.Errorf("edges allow %s to import %s", from, to)
			}
		}
	}
	if places := entries["github.com/urfave/cli/v2"]; !slices.Equal(places, []string{"cli"}) {
		t.Errorf("urfave/cli enters through %q, want cli alone", places)
	}
}
