package hostile

import (
	"strings"
	"unicode/utf16"
)

// text is something that stands where a JSON document belongs.
type text struct {
	name, about string
	make        func(good string) string
}

func constant(s string) func(string) string { return func(string) string { return s } }

var texts = []text{
	{"empty", "is empty", constant("")},
	{"null", "is null", constant("null")},
	{"number", "is a number", constant("1e999")},
	{"string", "is a string", constant(`"text"`)},
	{"other-kind", "is a list where it should be an object, or the other way round", func(good string) string {
		if strings.HasPrefix(good, "[") {
			return `{"a":` + good + "}"
		}
		return "[" + good + "]"
	}},
	{"empty-object", "is an object without fields", constant("{}")},
	{"cut", "is cut short", func(good string) string { return good[:len(good)-1] }},
	{"bytes-behind", "has text behind its end", func(good string) string { return good + "x" }},
	{"two-documents", "has a second document behind its end", func(good string) string { return good + good }},
	{"comma-behind", "has a comma before its last bracket", func(good string) string { return good[:len(good)-1] + "," + good[len(good)-1:] }},
	{"spaces", "has spaces around it, which changes nothing", func(good string) string { return "\n \t" + good + "\r\n" }},
	{"bom", "begins with a byte order mark", func(good string) string { return "\ufeff" + good }},
	{"utf16", "is UTF-16", toUTF16},
	{"no-utf8", "has a string that is no UTF-8", func(good string) string { return within(good, "\"x\":\"\xff\xfe\"") }},
	{"nul", "has a NUL between its tokens", func(good string) string { return good[:1] + "\x00" + good[1:] }},
	{"nan", "has a number that JSON does not have", func(good string) string { return within(good, `"x":NaN`) }},
	{"deep", "has 100,000 lists in each other", func(good string) string {
		return within(good, `"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000))
	}},
	{"deep-open", "ends in 100,000 lists that are not closed", func(string) string { return strings.Repeat("[", 100_000) }},
	{"binary", "is bytes that are no text", constant(strings.Repeat("\x00\xff\x1b[31m", 40))},
	{"comment", "has a comment", func(good string) string { return good[:1] + "/* text */" + good[1:] }},
}

// within puts a field into the first object of a document.
func within(good, field string) string {
	i := strings.IndexByte(good, '{') + 1
	if i < len(good) && good[i] != '}' {
		field += ","
	}
	return good[:i] + field + good[i:]
}

func toUTF16(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// documentCases put each text into each place of a document.
func documentCases() []Case {
	places := []struct {
		name, file string
		build      func(text) func(string) error
	}{
		{"manifest-json", "manifest.json", func(t text) func(string) error { return bytesOf(docker(t.make(dockerManifest))) }},
		{"index-json", "index.json", func(t text) func(string) error { return image{indexText: t.make}.write }},
		{"manifest", "the manifest", func(t text) func(string) error { return image{manifestText: t.make}.write }},
		{"config", "the config", func(t text) func(string) error { return image{configText: t.make}.write }},
		{"index", "a nested index", func(t text) func(string) error { return nestedText(t.make).write }},
		{"docker-config", "the config of a docker-save image", func(t text) func(string) error {
			return bytesOf(tarOf(file("config.json", t.make(dockerConfig)), file("layer.tar", baseLayer), file("manifest.json", dockerManifest)))
		}},
		{"oci-layout", "oci-layout", func(t text) func(string) error {
			return image{files: func(f Files, _ parts) { f["oci-layout"] = t.make(f["oci-layout"]) }}.write
		}},
		{"repositories", "repositories", func(t text) func(string) error {
			return bytesOf(docker(dockerManifest, file("repositories", t.make(`{"example.com/app":{"v1":"layer"}}`))))
		}},
	}
	var out []Case
	for i, p := range places {
		for j, t := range texts {
			if i > 4 && j%3 != i%3 {
				continue // the same reader, in a place of less weight
			}
			out = append(out, Case{Name: p.name + "-" + t.name, About: p.file + " " + t.about + ".", write: p.build(t)})
		}
	}
	return out
}

// nestedText is an image below an index that is changed.
func nestedText(change func(string) string) image {
	return image{roots: func(f Files, root doc) []any {
		delete(root, "annotations")
		return []any{f.Blob(typeIndex, change(marshal(doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []any{root}})))}
	}}
}
