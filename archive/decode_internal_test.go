package archive

import (
	"errors"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestDecode: what is wrong with a document is told in words of JSON.
func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ raw, want string }{
		{`[]`, "malformed: array in place of object"},
		{`{"layers":{}}`, `malformed: field "layers": object in place of array`},
		{`{"config":{"size":1.5}}`, `malformed: field "config.size": number 1.5 in place of integer`},
		{`{"config":{"digest":5}}`, `malformed: field "config.digest": number in place of string`},
		{`{"config":{"data":5}}`, `malformed: field "config.data": number in place of string`},
		{`{"annotations":[]}`, `malformed: field "annotations": array in place of object`},
		{`{`, "malformed: unexpected end of JSON input"},
	} {
		err := decode([]byte(tt.raw), new(ocispec.Manifest))
		if !errors.Is(err, ErrMalformed) || err.Error() != tt.want {
			t.Errorf("decode %s: %v, want %s", tt.raw, err, tt.want)
		}
	}
	err := decode([]byte(`[{"Config":{}}]`), new(capped[dockerImage]))
	if want := `malformed: field "Config": object in place of string`; err == nil || err.Error() != want {
		t.Errorf("decode a list: %v, want %s", err, want)
	}
}
