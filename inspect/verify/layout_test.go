package verify_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
)

// layout is an OCI layout of one image with one layer that is damaged on purpose.
// Each hook changes one part before the digest of it is taken, but for files.
type layout struct {
	entries      []tar.Header // a file without a size holds its name
	tar          func([]byte) []byte
	compress     func([]byte) []byte // in place of gzip
	config       func(map[string]any)
	layer        func(map[string]any) // descriptor
	manifest     func(map[string]any)
	manifestText func([]byte) []byte
	index        func(descriptor map[string]any)
	files        func(t *testing.T, dir string)
}

// build writes the layout to dir.
func (l layout) build(t *testing.T, dir string) {
	t.Helper()
	plain := l.plain(t)
	stored := l.stored(t, plain)
	layer := describe("application/vnd.oci.image.layer.v1.tar+gzip", stored)
	call(l.layer, layer)
	config := map[string]any{
		"architecture": "amd64", "os": "linux",
		"rootfs": map[string]any{"type": "layers", "diff_ids": []any{digest.FromBytes(plain).String()}},
	}
	call(l.config, config)
	configText := text(t, config)
	manifest := map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": describe("application/vnd.oci.image.config.v1+json", configText), "layers": []any{layer},
	}
	call(l.manifest, manifest)
	manifestText := text(t, manifest)
	if l.manifestText != nil {
		manifestText = l.manifestText(manifestText)
	}
	root := describe("application/vnd.oci.image.manifest.v1+json", manifestText)
	call(l.index, root)
	write(t, dir, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	write(t, dir, "index.json", text(t, map[string]any{"schemaVersion": 2, "manifests": []any{root}}))
	for _, blob := range [][]byte{stored, configText, manifestText} {
		write(t, dir, blobName(blob), blob)
	}
	if l.files != nil {
		l.files(t, dir)
	}
}

func (l layout) plain(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	entries := l.entries
	if entries == nil {
		entries = []tar.Header{{Name: "etc/motd", Mode: 0o644}}
	}
	for _, h := range entries {
		body := ""
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			body = h.Name + h.Uname // two entries of one name can differ
			h.Size = int64(len(body))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if l.tar != nil {
		return l.tar(out.Bytes())
	}
	return out.Bytes()
}

func (l layout) stored(t *testing.T, plain []byte) []byte {
	t.Helper()
	if l.compress != nil {
		return l.compress(plain)
	}
	return gzipped(t, plain)
}

func gzipped(t *testing.T, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func call(hook func(map[string]any), m map[string]any) {
	if hook != nil {
		hook(m)
	}
}

func describe(mediaType string, data []byte) map[string]any {
	return map[string]any{"mediaType": mediaType, "digest": digest.FromBytes(data).String(), "size": len(data)}
}

func text(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func blobName(data []byte) string { return "blobs/sha256/" + digest.FromBytes(data).Encoded() }

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
