package verify_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/inspect/verify"
	"github.com/opencontainers/go-digest"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// FuzzReports: whatever names an archive has, each report is well-formed, and SARIF
// is what its schema says.
func FuzzReports(f *testing.F) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = true
	schema, err := compiler.Compile(filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("dist/a b.tar", "example.com/app:v1", "usr/bin/su", "mode 4755, owner 0:0", uint8(3))
	f.Add("a:b%zz\\c", "evil\x1b]0;title\a\u202e", "a\xff\x00<&\"]]>", "\ufffe\ud7ff", uint8(0))
	f.Add("/../\n", "", "..", "", uint8(200))
	f.Fuzz(func(t *testing.T, path, image, entry, message string, number uint8) {
		rules := verify.Rules()
		rule, layer, offset := rules[int(number)%len(rules)], int(number), int64(number)<<9
		finding := verify.Finding{
			Rule: rule.ID, Severity: rule.Severity, Message: message, Fix: rule.Fix,
			Where: verify.Where{Image: image, Platform: message, Digest: digest.Digest(entry), Layer: &layer, Entry: entry, EntryBase64: []byte(entry), Offset: &offset},
		}
		run := &verify.Run{Version: message, Archives: []verify.Outcome{
			{Path: path, Report: &verify.Report{Path: path, Findings: []verify.Finding{finding}}},
			{Path: path, Err: errors.New(message)},
		}}
		if err := schema.Validate(jsonReport(t, verify.WriteSARIF, run)); err != nil {
			t.Errorf("SARIF: %#v", err)
		}
		jsonReport(t, verify.WriteJSON, run)
		var out bytes.Buffer
		if err := verify.WriteJUnit(&out, run); err != nil {
			t.Fatalf("WriteJUnit: %v", err)
		}
		decoder := xml.NewDecoder(&out)
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("JUnit: %v", err)
			}
			if text, ok := token.(xml.CharData); ok && strings.ContainsRune(string(text), '\x1b') {
				t.Errorf("JUnit has an escape in %q", text)
			}
		}
	})
}

// jsonReport writes a report and reads it.
func jsonReport(t *testing.T, write func(io.Writer, *verify.Run) error, run *verify.Run) (value any) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, run); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
