package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// decode parses a document of the archive into v. It fails with [ErrMalformed],
// or with [ErrTooLarge] where a [capped] list is too long.
func decode(raw []byte, v any) error {
	err := json.Unmarshal(raw, v)
	if err == nil || errors.Is(err, ErrTooLarge) {
		return err
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%w: %s", ErrMalformed, mistyped(wrong))
	}
	return fmt.Errorf("%w: %v", ErrMalformed, err)
}

// mistyped says in words of JSON, and none of Go, what stands in the wrong place.
func mistyped(e *json.UnmarshalTypeError) string {
	want := "another type"
	switch kind := e.Type.Kind(); {
	case kind == reflect.String, e.Type == reflect.TypeFor[[]byte]():
		want = "string"
	case kind == reflect.Slice:
		want = "array"
	case kind == reflect.Struct, kind == reflect.Map:
		want = "object"
	case kind == reflect.Bool:
		want = "bool"
	case kind >= reflect.Int && kind <= reflect.Uint64:
		want = "integer"
	}
	if e.Field == "" {
		return e.Value + " in place of " + want
	}
	return fmt.Sprintf("field %q: %s in place of %s", e.Field, e.Value, want)
}

// documentFields are the fields that tell what a document is and what it names.
var documentFields = []string{"schemaVersion", "mediaType", "artifactType", "manifests", "layers", "config", "subject", "annotations"}

// checkCase refuses a document that spells one of its fields in another case. Go
// reads Manifests as manifests and others do not, so that tools would see
// different images.
func checkCase(raw []byte) error {
	var fields map[string]RawJSON
	if err := decode(raw, &fields); err != nil {
		return err
	}
	for key := range fields {
		for _, field := range documentFields {
			if key != field && strings.EqualFold(key, field) {
				return fmt.Errorf("field %q is not %q: %w", key, field, ErrMalformed)
			}
		}
	}
	return nil
}

// SameJSON reports that two values differ in white space at most.
func SameJSON(a, b RawJSON) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// capped is a list of at most [MaxDescriptors] values. They are counted before
// they are parsed, since three bytes of JSON can make hundreds of bytes of a
// slice.
type capped[T any] []T

func (c *capped[T]) UnmarshalJSON(raw []byte) error {
	if elements(raw) > MaxDescriptors {
		return fmt.Errorf("entries of one list: %w of %d", ErrTooLarge, MaxDescriptors)
	}
	return json.Unmarshal(raw, (*[]T)(c))
}

// elements counts the values in a list, or fields in an object, of valid JSON;
// an empty one counts as one.
func elements(raw []byte) int {
	n, depth, quoted := 1, 0, false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '[' || b == '{':
			depth++
		case b == ']' || b == '}':
			depth--
		case b == ',' && depth == 1:
			n++
		}
	}
	return n
}
