package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/scripts/licence"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// build builds imgtool and gives what Go wrote into it, as if at a commit.
func build(t *testing.T) *program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "imgtool")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../../cli/imgtool")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	p, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.describe("1.2.3", nil); err == nil || !strings.Contains(err.Error(), "no commit") {
		t.Errorf("describe without a commit: %v, want that it names none", err)
	}
	p.info.Settings = append(p.info.Settings, debug.BuildSetting{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"})
	return p
}

// TestBOM: the bill names every module with its version and licence, is what the
// CycloneDX schema wants, and the same each time.
func TestBOM(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	t.Parallel()
	p := build(t)
	modules, err := p.modules()
	if err != nil {
		t.Fatal(err)
	}
	std, err := licence.Go()
	if err != nil {
		t.Fatal(err)
	}
	first, second := encode(t, p, append(modules, std)), encode(t, p, append(modules, std))
	if !bytes.Equal(first, second) {
		t.Errorf("two bills of one binary (-first +second):\n%s", cmp.Diff(string(first), string(second)))
	}
	checkSchema(t, first)

	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(first), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	want := []string{"std@" + std.Version}
	for _, m := range p.info.Deps {
		want = append(want, m.Path+"@"+m.Version)
	}
	var got []string
	for _, c := range *bom.Components {
		got = append(got, c.Name+"@"+c.Version)
		if l := (*c.Licenses)[0]; l.Expression == "" && (l.License == nil || l.License.ID == "") {
			t.Errorf("%s has no licence", c.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("components (-binary +bill):\n%s", diff)
	}
}

func encode(t *testing.T, p *program, modules []licence.Module) []byte {
	t.Helper()
	bom, err := p.describe("1.2.3", modules)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// checkSchema holds a bill against the schema that comes with the library.
func checkSchema(t *testing.T, bill []byte) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	const base = "http://cyclonedx.org/schema/"
	for name, file := range map[string]string{
		"bom-1.6.schema.json": "bom-1.6.schema.json", "spdx.schema.json": "spdx.schema.json", "jsf-0.82.schema.json": "jsf-0.82.schemax.json",
	} {
		content, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(base+name, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile(base + "bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(bill, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("the bill is not what the schema wants: %#v", err)
	}
}

// TestLicenceTexts: each text stands there once, with the module that it is of.
func TestLicenceTexts(t *testing.T) {
	t.Parallel()
	a := licence.Module{Path: "a", Version: "v1", Texts: []licence.Text{{Name: "LICENSE", Content: []byte("\nterms of a\n")}, {Name: "NOTICE", Content: []byte("thanks")}}}
	b := licence.Module{Path: "b", Version: "v2", Texts: []licence.Text{{Name: "p/COPYING", Content: []byte("terms of b")}}}
	got := string(licenceTexts([]byte("our terms\n"), []licence.Module{b, a, a}))
	want := "imgtool: Apache-2.0\n" + rule + "\n\nour terms\n\n" +
		"a v1: LICENSE\n" + rule + "\n\nterms of a\n\n" +
		"a v1: NOTICE\n" + rule + "\n\nthanks\n\n" +
		"b v2: p/COPYING\n" + rule + "\n\nterms of b\n\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("licences (-want +got):\n%s", diff)
	}
}
