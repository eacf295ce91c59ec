//go:build !windows

package convert_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/opencontainers/go-digest"
)

// oddValues stand in the place of each value of each document; gone takes the
// field away.
var oddValues = []any{gone{}, nil, 7.0, "", "odd", []any{}, map[string]any{}, []any{nil}, []any{map[string]any{}}}

type gone struct{}

// places gives the way to each value in and below v.
func places(v any, at ...any) [][]any {
	all := [][]any{at}
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			all = append(all, places(v[key], append(slices.Clone(at), key)...)...)
		}
	case []any:
		for i := range v {
			all = append(all, places(v[i], append(slices.Clone(at), i)...)...)
		}
	}
	return all
}

// put gives v with odd at a place of it.
func put(v any, place []any, odd any) any {
	if len(place) == 0 {
		return odd
	}
	switch v := v.(type) {
	case map[string]any:
		key := place[0].(string)
		if v[key] = put(v[key], place[1:], odd); v[key] == (gone{}) {
			delete(v, key)
		}
	case []any:
		i := place[0].(int)
		if v[i] = put(v[i], place[1:], odd); v[i] == (gone{}) {
			return slices.Delete(v, i, i+1)
		}
	}
	return v
}

// oddLayout writes an OCI layout of an index of one image of two layers. Documents
// go through change, by kind, before their digest is taken.
func oddLayout(t testing.TB, layers []string, change func(kind string, document any) any) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(mediaType string, content []byte) map[string]any {
		d := digest.FromBytes(content)
		write("blobs/sha256/"+d.Encoded(), content)
		return map[string]any{"mediaType": mediaType, "digest": d.String(), "size": float64(len(content))}
	}
	document := func(kind, mediaType string, v any) map[string]any {
		return blob(mediaType, []byte(jsonOf(t, change(kind, v))))
	}
	var descriptors, diffIDs []any
	for _, l := range layers {
		d := blob("application/vnd.oci.image.layer.v1.tar", []byte(l))
		descriptors, diffIDs = append(descriptors, d), append(diffIDs, d["digest"])
	}
	config := document("config", "application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
		"config":  map[string]any{"Cmd": []any{"a"}, "Labels": map[string]any{"k": "v"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": diffIDs},
		"history": []any{map[string]any{"created_by": "one"}, map[string]any{"empty_layer": true}, map[string]any{"created": "2026-01-01T00:00:00Z"}},
	})
	manifest := document("manifest", "application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2.0, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": descriptors,
		"annotations": map[string]any{"k": "v"},
	})
	manifest["platform"] = map[string]any{"os": "linux", "architecture": "amd64"}
	root := document("index", "application/vnd.oci.image.index.v1+json", map[string]any{
		"schemaVersion": 2.0, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []any{manifest},
	})
	root["annotations"] = map[string]any{"org.opencontainers.image.ref.name": "fx:v1"}
	write("index.json", []byte(jsonOf(t, change("index.json", map[string]any{"schemaVersion": 2.0, "manifests": []any{root}}))))
	write("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return dir
}

// TestOddShapes: a document may be any JSON. Nothing panics, and what is written
// of it opens again and says what was meant to be written.
func TestOddShapes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("some thousand conversions")
	}
	layers := []string{
		rawHeader('0', "a", "", "one") + strings.Repeat("\x00", 1024),
		rawHeader('0', "b", "", "two") + strings.Repeat("\x00", 1024),
	}
	documents := map[string]string{} // by kind
	oddLayout(t, layers, func(kind string, document any) any {
		documents[kind] = jsonOf(t, document)
		return document
	})
	var tried, written atomic.Int64
	t.Cleanup(func() {
		t.Logf("tried: %d conversions of odd documents, %d of them written and read again", tried.Load(), written.Load())
	})
	for kind, text := range documents {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, place := range places(parsed(t, text)) {
				for _, odd := range oddValues {
					layout := oddLayout(t, layers, func(k string, document any) any {
						if k == kind {
							return put(document, place, odd)
						}
						return document
					})
					o := oddCase{fmt.Sprintf("%s%v = %s", kind, place, jsonOf(t, odd)), layout}
					o.tryForms(t)
					for command, rewrite := range rewriting {
						tried.Add(1)
						if o.try(t, command, rewrite) {
							written.Add(1)
						}
					}
				}
			}
		})
	}
}

// gone as JSON is for messages alone.
func (gone) MarshalText() ([]byte, error) { return []byte("gone"), nil }

func parsed(t testing.TB, text string) (v any) {
	t.Helper()
	mustParse(t, []byte(text), &v)
	return v
}

// oddCase is a layout with one odd value in it.
type oddCase struct{ name, layout string }

// try rewrites it, reads what was written, and reports that something was.
func (o oddCase) try(t *testing.T, command string, rewrite func(*archive.Archive, job) error) bool {
	t.Helper()
	defer func() {
		if fault := recover(); fault != nil {
			t.Errorf("%s: %s: panic: %v\n%s", o.name, command, fault, debug.Stack())
		}
	}()
	a, err := archive.Open(t.Context(), ref.Ref{Path: o.layout}, archive.OpenOptions{Mend: command == "repair"})
	if err != nil {
		return false
	}
	defer a.Close()
	if len(a.Images) == 0 || len(archive.Instances(a.Images[0].Node)) == 0 {
		return false
	}
	if command == "unpack" {
		return rewrite(a, job{to: ref.Ref{Path: filepath.Join(t.TempDir(), "out")}, temp: t.TempDir()}) == nil
	}
	var out bytes.Buffer
	err = rewrite(a, job{ref.Ref{Transport: ref.DockerArchive, Path: ref.Stdio}, &out, t.TempDir()})
	if err != nil || command == "export" {
		return err == nil
	}
	made, err := archive.Open(t.Context(), ref.Ref{Path: ref.Stdio}, archive.OpenOptions{Stdin: &out})
	if err != nil {
		t.Errorf("%s: %s: what was written does not open: %v", o.name, command, err)
		return false
	}
	defer made.Close()
	for _, n := range nodes(made) {
		if n.Err != nil && !n.Absent() || n.Damage != nil {
			t.Errorf("%s: %s: what was written: %v, damage %v", o.name, command, n.Err, n.Damage)
		}
	}
	return true
}

// tryForms converts it to each form; what is written is what was read.
func (o oddCase) tryForms(t *testing.T) {
	t.Helper()
	a, err := archive.Open(t.Context(), ref.Ref{Path: o.layout}, archive.OpenOptions{})
	if err != nil {
		return
	}
	defer a.Close()
	for _, form := range targets {
		out := filepath.Join(t.TempDir(), "out")
		if planAndRun(convert.NewPlan, a, job{to: ref.Ref{Transport: form, Path: out}}, convert.Options{}) != nil {
			continue
		}
		made, err := archive.Open(t.Context(), ref.Ref{Transport: form, Path: out}, archive.OpenOptions{})
		if err != nil {
			t.Errorf("%s: %s: what was written does not open: %v", o.name, form, err)
			continue
		}
		if diff := cmp.Diff(identity(a, form != ref.Dir), identity(made, form != ref.Dir)); diff != "" {
			t.Errorf("%s: %s: written and read again (-first +now):\n%s", o.name, form, diff)
		}
		made.Close()
	}
}
