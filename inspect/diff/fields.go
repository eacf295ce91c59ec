package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object, value by value.
type object map[string]any

// parseObject reads a JSON document. Numbers stay as they are spelled. Nothing but
// an object gives an error; of a key that stands twice the last value counts, as
// for everybody who reads it with Go.
func parseObject(raw []byte) (object, error) {
	var o object
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		return nil, fmt.Errorf("read JSON: %w", err)
	}
	return o, nil
}

// take removes a key and gives its value.
func (o object) take(key string) any {
	v := o[key]
	delete(o, key)
	return v
}

// fields compares JSON values and collects what differs.
type fields struct {
	// skip leaves out a field by its path; nil leaves out none.
	skip func(path string) bool
	// empty counts a value that says nothing as an absent one.
	empty bool
	// order leaves out lists that have the same elements in another order, where
	// isSet says that their order means nothing.
	order bool
	found []Field
}

// isSet reports a list of the config or manifest whose order means nothing.
func isSet(path string) bool {
	switch path {
	case "config.Env", "os.features", "platform.os.features":
		return true
	}
	return false
}

// absent stands for a value that is not there, which null is not.
type absent struct{}

// objects compares two objects below a path, keys sorted.
func (f *fields) objects(path string, a, b object) {
	keys := maps.Clone(a)
	if keys == nil {
		keys = object{}
	}
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		f.values(joinField(path, key), valueOf(a, key), valueOf(b, key))
	}
}

func valueOf(o object, key string) any {
	if v, ok := o[key]; ok {
		return v
	}
	return absent{}
}

// joinField puts a key behind a path. One that could be taken for two, or for
// none, is quoted.
func joinField(path, key string) string {
	if path == "" {
		return key
	}
	if key == "" || strings.ContainsAny(key, `."`) {
		key = strconv.Quote(key)
	}
	return path + "." + key
}

// values compares two values. Objects are told key by key, lists as a whole.
func (f *fields) values(path string, a, b any) {
	if f.skip != nil && f.skip(path) {
		return
	}
	left, leftOK := a.(map[string]any)
	right, rightOK := b.(map[string]any)
	switch {
	case f.empty && isEmpty(a) && isEmpty(b):
	case leftOK && rightOK, leftOK && isAbsent(b) && len(left) > 0, rightOK && isAbsent(a) && len(right) > 0:
		f.objects(path, left, right)
	default:
		f.leaf(path, a, b)
	}
}

func (f *fields) leaf(path string, a, b any) {
	before, after := encode(a), encode(b)
	kind := Changed
	switch {
	case bytes.Equal(before, after):
		return
	case before == nil:
		kind = Added
	case after == nil:
		kind = Removed
	case sameElements(a, b):
		if f.order && isSet(path) {
			return
		}
		kind = Moved
	}
	f.found = append(f.found, Field{Field: path, Kind: kind, Before: before, After: after})
}

// encode gives a value as JSON, keys sorted, or nil for none.
func encode(v any) json.RawMessage {
	if isAbsent(v) {
		return nil
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // what was decoded from JSON can be encoded
	}
	return bytes.TrimSpace(out.Bytes())
}

func isAbsent(v any) bool { return v == absent{} }

// isEmpty reports a value that says no more than an absent one.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil, absent:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		return v == "0"
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// sameElements reports two lists with the same elements, in whatever order.
func sameElements(a, b any) bool {
	left, ok := a.([]any)
	right, also := b.([]any)
	return ok && also && slices.Equal(sortedElements(left), sortedElements(right))
}

func sortedElements(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, string(encode(v)))
	}
	slices.Sort(out)
	return out
}
