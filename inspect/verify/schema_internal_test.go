package verify

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/image-spec/schema"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	descriptorOf = `{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":1,"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}`
	goodManifest = `{"schemaVersion":2,"config":` + descriptorOf + `,"layers":[` + descriptorOf + `]}`
	goodIndex    = `{"schemaVersion":2,"manifests":[` + descriptorOf + `]}`
	goodConfig   = `{"architecture":"amd64","os":"linux","config":{"Env":["A=b"],"Labels":{"c":"d"}},"rootfs":{"type":"layers","diff_ids":["sha256:00"]}}`
)

// edits are what makes good documents bad, and some that do not.
var edits = [][2]string{
	{`"size":1`, `"size":-1`}, {`"size":1`, `"size":1e99`}, {`"size":1`, `"size":"1"`}, {`"size":1,`, ``},
	{`sha256:0123`, `sha256:`}, {`sha256:0123`, `md5:0123`}, {`application/vnd`, `application`}, {`image.layer`, `/`},
	{`"schemaVersion":2,`, ``}, {`"schemaVersion":2`, `"schemaVersion":3`}, {`"layers"`, `"layer"`}, {`"manifests":[`, `"manifests":{}, "x":[`},
	{`"config":{`, `"annotations":{"a":1},"config":{`}, {`"config":{`, `"annotations":{"a":"1"},"config":{`}, {`"schemaVersion"`, `"x":[1],"schemaVersion"`},
	{`A=b`, `A`}, {`A=b`, `=b`}, {`A=b`, `A=`}, {`["A=b"]`, `"A=b"`}, {`"d"`, `3`}, {`"os":"linux",`, ``}, {`"layers","diff`, `"x","diff`}, {`["sha256:00"]`, `null`},
	{`amd64"`, `amd64","history":[{"created":"today"}]`}, {`amd64"`, `amd64","created":"2026-11-21T05:22:38Z"`},
}

// TestSchema: a document is refused where image-spec's own validator does.
func TestSchema(t *testing.T) {
	t.Parallel()
	refused := 0
	for mediaType, document := range map[string]string{
		ocispec.MediaTypeImageManifest: goodManifest, ocispec.MediaTypeImageIndex: goodIndex, ocispec.MediaTypeImageConfig: goodConfig,
	} {
		for _, edit := range append(edits, [2]string{}) {
			raw := []byte(strings.Replace(document, edit[0], edit[1], 1))
			got, want := validate(mediaType, raw), schema.Validator(mediaType).Validate(bytes.NewReader(raw))
			if (got == nil) != (want == nil) {
				t.Errorf("validate(%s, %s) = %v, want %v", mediaType, raw, got, want)
			}
			if got != nil {
				refused++
			}
		}
	}
	if refused < len(edits)/2 {
		t.Errorf("%d documents are refused, which cannot be all", refused)
	}
}

// TestNullEnv: what docker import writes has null for Env, which the schema does
// not have, and every engine takes.
func TestNullEnv(t *testing.T) {
	t.Parallel()
	for env, wantErr := range map[string]bool{`null`: false, `[]`: false, `3`: true, `[null]`: true, `["A"]`: true} {
		raw := []byte(strings.Replace(goodConfig, `["A=b"]`, env, 1))
		if err := validate(ocispec.MediaTypeImageConfig, raw); (err != nil) != wantErr {
			t.Errorf("validate(config with Env %s) = %v, want an error: %v", env, err, wantErr)
		}
	}
}

// TestSchemaAnywhere: what a schema says does not depend on the working folder,
// neither on its name nor on what lies there.
func TestSchemaAnywhere(t *testing.T) {
	for _, name := range []string{"100%", "a#b", "planted"} {
		place := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(place, 0o777); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"image-manifest-schema.json", "defs.json"} {
			if err := os.WriteFile(filepath.Join(place, file), []byte(`{"type":"string"}`), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(place)
		var value any
		if err := json.Unmarshal([]byte(goodManifest), &value); err != nil {
			t.Fatal(err)
		}
		if err := compileSchema("image-manifest-schema.json").Validate(value); err != nil {
			t.Errorf("in the folder %q: %v", name, err)
		}
	}
}
