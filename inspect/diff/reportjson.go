package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/imgtool/imgtool/inspect"
)

// WriteJSON writes a report as one JSON object, with everything in it. Lists of
// files are written one by one, for they may be long.
func WriteJSON(w io.Writer, r *Report) error {
	e := &jsonStream{w: w}
	report := *r
	report.Images = nil
	e.object("", &report, "images", func(indent string) {
		e.list(indent, len(r.Images), func(i int, indent string) { e.image(indent, r.Images[i]) })
	})
	e.write("\n")
	return e.err
}

func (e *jsonStream) image(indent string, image Image) {
	platforms := image.Platforms
	image.Platforms = nil
	e.object(indent, &image, "platforms", func(indent string) {
		e.list(indent, len(platforms), func(i int, indent string) { e.platform(indent, platforms[i]) })
	})
}

func (e *jsonStream) platform(indent string, p Platform) {
	if p.Files == nil {
		e.write(string(e.encode(indent, &p)))
		return
	}
	files := *p.Files
	p.Files = &Files{}
	e.object(indent, &p, "files", func(indent string) {
		changes := files.Changes
		files.Changes = nil
		e.object(indent, &files, "changes", func(indent string) {
			e.list(indent, len(changes), func(i int, indent string) { e.write(string(e.encode(indent, &changes[i]))) })
		})
	})
}

// jsonStream writes JSON piece by piece. It keeps the first error and writes
// nothing behind it.
type jsonStream struct {
	w   io.Writer
	err error
}

const jsonIndent = "  "

func (e *jsonStream) write(s string) {
	if e.err == nil {
		_, e.err = io.WriteString(e.w, s)
	}
}

// encode gives a value as it stands at an indent.
func (e *jsonStream) encode(indent string, v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent(indent, jsonIndent)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil && e.err == nil {
		e.err = err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// list writes n elements.
func (e *jsonStream) list(indent string, n int, element func(i int, indent string)) {
	if n == 0 {
		e.write("[]")
		return
	}
	e.write("[")
	for i := range n {
		if i > 0 {
			e.write(",")
		}
		if e.err != nil {
			return
		}
		e.write("\n" + indent + jsonIndent)
		element(i, indent+jsonIndent)
	}
	e.write("\n" + indent + "]")
}

// object writes an object, with what fill writes in place of the value of a key.
func (e *jsonStream) object(indent string, v any, key string, fill func(indent string)) {
	raw := e.encode(indent, v)
	if e.err != nil {
		return
	}
	from, to, err := valueAt(raw, key)
	if err != nil {
		e.err = err
		return
	}
	e.write(string(raw[:from]))
	fill(indent + jsonIndent)
	e.write(string(raw[to:]))
}

// valueAt finds the value of a key of an object.
func valueAt(raw []byte, key string) (from, to int64, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return 0, 0, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0, 0, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, 0, err
		}
		if name == key {
			to = d.InputOffset()
			return to - int64(len(value)), to, nil
		}
	}
	return 0, 0, fmt.Errorf("no field %q to fill in", key)
}

type jsonChange struct {
	// Path is absolute. Where it is no UTF-8, it has U+FFFD in it, and all its
	// bytes are in PathBase64.
	Path       string    `json:"path"`
	PathBase64 []byte    `json:"pathBase64,omitempty"`
	Kind       Kind      `json:"change"`
	Aspects    []string  `json:"aspects,omitempty"`
	Before     *jsonFile `json:"before,omitempty"`
	After      *jsonFile `json:"after,omitempty"`
	Text       *TextDiff `json:"text,omitempty"`
}

type jsonFile struct {
	Type string `json:"type"`
	*inspect.Attributes
	Layer int `json:"layer"`
}

// MarshalJSON gives the path from the root on and all of both sides.
func (c FileChange) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonChange{
		Path:       c.Name(),
		PathBase64: rawBytes(c.Name()),
		Kind:       c.Kind,
		Aspects:    c.Aspects.Words(),
		Before:     c.Before.json(c.Path),
		After:      c.After.json(c.Path),
		Text:       c.Text,
	})
}

func (f *File) json(p string) *jsonFile {
	if f == nil {
		return nil
	}
	e := f.Entry(p)
	return &jsonFile{e.Type, e.Attributes, e.Layer}
}

type jsonFolder struct {
	Path       string `json:"path"`
	PathBase64 []byte `json:"pathBase64,omitempty"`
	Added      int64  `json:"added"`
	Removed    int64  `json:"removed"`
	Net        int64  `json:"net"`
	Files      int    `json:"files"`
}

// MarshalJSON gives the path from the root on, and the net growth.
func (f Folder) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonFolder{f.Name(), rawBytes(f.Name()), f.Added, f.Removed, f.Net(), f.Files})
}

// rawBytes gives the bytes of what JSON cannot hold as text.
func rawBytes(s string) []byte {
	if utf8.ValidString(s) {
		return nil
	}
	return []byte(s)
}
