package verify_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/inspect/verify"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// cases have one thing wrong each: a layout that is damaged, or a listing.
var cases = []struct {
	rule    string
	layout  layout
	listing string
}{
	{rule: verify.BlobMissing, layout: layout{files: removeLayer}},
	{rule: verify.SizeMismatch, layout: layout{layer: set("size", 7)}},
	{rule: verify.DigestMismatch, layout: layout{files: damageLayer}},
	{rule: verify.StreamBroken, layout: layout{compress: func(plain []byte) []byte { z := zip(plain); return z[:len(z)-8] }}},
	{rule: verify.TarBroken, layout: layout{tar: func(b []byte) []byte { b[0] ^= 1; return b }}},
	{rule: verify.TarTrailing, layout: layout{tar: func(b []byte) []byte { return append(b, "hidden"...) }}},
	{rule: verify.JSONInvalid, layout: layout{manifestText: func(b []byte) []byte { return b[:len(b)-1] }}},
	{rule: verify.JSONDuplicate, layout: layout{manifestText: func(b []byte) []byte {
		return bytes.Replace(b, []byte("{"), []byte(`{"schemaVersion":2,`), 1)
	}}},
	{rule: verify.SchemaViolation, layout: layout{manifest: set("schemaVersion", 3)}},
	{rule: verify.DocumentConfused, layout: layout{manifest: set("manifests", []any{})}},
	{rule: verify.MediaTypeMismatch, layout: layout{manifest: set("mediaType", "application/vnd.oci.image.index.v1+json")}},
	{rule: verify.CompressionMismatch, layout: layout{layer: set("mediaType", "application/vnd.oci.image.layer.v1.tar")}},
	{rule: verify.DiffIDMismatch, layout: layout{config: diffIDs(1)}},
	{rule: verify.DiffIDCount, layout: layout{config: diffIDs(2)}},
	{rule: verify.HistoryCount, layout: layout{config: set("history", []any{map[string]any{"created_by": "a"}, map[string]any{"created_by": "b"}})}},
	{rule: verify.PlatformMismatch, layout: layout{index: set("platform", map[string]any{"os": "linux", "architecture": "arm64"})}},
	{rule: verify.DataMismatch, layout: layout{index: set("data", "e30=")}},
	{rule: verify.DataMismatch, layout: layout{layer: set("data", "e30=")}},
	{rule: verify.MediaTypeMismatch, layout: layout{index: set("mediaType", "application/vnd.oci.image.index.v1+json")}},
	{rule: verify.FacesDiffer, listing: "format docker-hybrid-25.0\nimage example.com/a:v1\n  layer\n    dir etc"},
	{rule: verify.RepositoriesDiffer, listing: "format docker-save\nimage example.com/a:v1\n  layer\n    dir etc\nreplace repositories \"{\\\"example.com/b\\\":{\\\"v1\\\":\\\"x\\\"}}\""},
	{rule: verify.NameInvalid, layout: layout{index: set("annotations", map[string]any{"org.opencontainers.image.ref.name": "Not A Name"})}},
	{rule: verify.NameAmbiguous, listing: "format docker-containerd\nimage example.com/a:v1\n  layer\n    dir etc\nimage example.com/a:v1\n  layer\n    dir usr"},
	{rule: verify.NoImage, listing: "format oci"},
	{rule: verify.LoadNoLayoutFile, listing: "format oci\nimage example.com/a:v1\n  layer\n    dir etc\nremove oci-layout"},
	{rule: verify.OverLimit, layout: layout{manifestText: func(b []byte) []byte { return append(b, bytes.Repeat([]byte(" "), 4<<20)...) }}},
	{rule: verify.PathEscape, layout: layout{entries: []tar.Header{{Name: "../evil", Mode: 0o644}}}},
	{rule: verify.EntryInvalid, layout: layout{entries: []tar.Header{{Name: "a", Typeflag: tar.TypeLink, Linkname: "b", Mode: 0o644}}}},
	{rule: verify.SymlinkEscape, layout: layout{entries: []tar.Header{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "../../etc", Mode: 0o777}}}},
	{rule: verify.WriteThroughLink, layout: layout{entries: []tar.Header{
		{Name: "lib", Typeflag: tar.TypeSymlink, Linkname: "usr", Mode: 0o777}, {Name: "lib/a", Mode: 0o644},
	}}},
	{rule: verify.DuplicateEntry, layout: layout{entries: []tar.Header{{Name: "a", Mode: 0o644}, {Name: "a", Uname: "b", Mode: 0o644}}}},
	{rule: verify.DeviceNode, layout: layout{entries: []tar.Header{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o600}}}},
	{rule: verify.SetUID, layout: layout{entries: []tar.Header{{Name: "su", Mode: 0o4755}}}},
	{rule: verify.WorldWritable, layout: layout{entries: []tar.Header{{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o777}}}},
	{rule: verify.CaseCollision, layout: layout{entries: []tar.Header{{Name: "Readme", Mode: 0o644}, {Name: "README", Mode: 0o644}}}},
	{rule: verify.NameUnportable, layout: layout{entries: []tar.Header{{Name: "a:b", Mode: 0o644}}}},
	{rule: verify.Expansion, layout: layout{compress: bomb, layer: set("mediaType", "application/vnd.oci.image.layer.v1.tar+zstd")}},
	{rule: verify.PlatformAbsent, listing: "format oci\nindex example.com/a:v1\n  image\n    layer\n      dir etc\n  image absent\n    platform linux/arm64"},
	{rule: verify.LoadZstd, layout: layout{compress: zstandard, layer: set("mediaType", "application/vnd.oci.image.layer.v1.tar+zstd")}},
	{rule: verify.LoadCompression, layout: layout{compress: xzip, layer: set("mediaType", "application/vnd.oci.image.layer.v1.tar+xz")}},
	{rule: verify.LoadAttestation, listing: "format oci\nindex example.com/a:v1\n  image\n    layer\n      dir etc\n  attestation"},
	{rule: verify.LoadNoManifestJSON, listing: "format oci-archive\nimage example.com/a:v1\n  layer\n    dir etc"},
	{rule: verify.LoadLegacy, listing: "format docker-save-1.0\nimage example.com/a:v1\n  layer\n    dir etc"},
	{rule: verify.LoadEncrypted, layout: layout{
		compress: func(plain []byte) []byte { return bytes.Repeat([]byte("secret"), 1000) },
		layer:    set("mediaType", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"),
	}},
	{rule: verify.LoadForeign, layout: layout{layer: set("mediaType", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"), files: removeLayer}},
}

// TestCases: each archive gives its rule and no other.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, tt := range cases {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			// zstd, which a bomb has to be, is told as well.
			severities := map[string]verify.Severity{}
			if tt.rule == verify.Expansion {
				severities[verify.LoadZstd] = verify.Off
			}
			path := filepath.Join(t.TempDir(), "image")
			if tt.listing != "" {
				archivetest.Build(t, path, tt.listing)
			} else {
				tt.layout.build(t, path)
			}
			report := verifyFile(t, path, verify.Options{Severities: severities})
			if diff := cmp.Diff([]string{tt.rule}, ruleIDs(report)); diff != "" {
				t.Errorf("verify (-want +got):\n%s\n%+v", diff, report.Findings)
			}
			for _, f := range report.Findings {
				if rule, ok := verify.RuleByID(f.Rule); !ok || f.Severity != rule.Severity || f.Fix == "" || f.Message == "" {
					t.Errorf("finding %+v is not of its rule %+v", f, rule)
				}
			}
		})
	}
}

// TestCasesAreAll: no rule is without a case, and none is switched on by all.
func TestCasesAreAll(t *testing.T) {
	t.Parallel()
	var have, want []string
	for _, tt := range cases {
		have = append(have, tt.rule)
	}
	for _, rule := range verify.Rules() {
		want = append(want, rule.ID)
	}
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(have)); diff != "" {
		t.Errorf("rules and cases (-rules +cases):\n%s", diff)
	}
	path := filepath.Join(t.TempDir(), "image")
	layout{}.build(t, path)
	if report := verifyFile(t, path, verify.Options{}); len(report.Findings) > 0 {
		t.Errorf("a whole image gives %+v", report.Findings)
	}
}

func ruleIDs(report *verify.Report) []string {
	var ids []string
	for _, f := range report.Findings {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func set(key string, value any) func(map[string]any) {
	return func(m map[string]any) { m[key] = value }
}

// diffIDs puts n diffIDs that are no layer's into a config.
func diffIDs(n int) func(map[string]any) {
	const wrong = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	var ids []any
	for range n {
		ids = append(ids, wrong)
	}
	return set("rootfs", map[string]any{"type": "layers", "diff_ids": ids})
}

// layerFile finds the one gzip blob.
func layerFile(t *testing.T, dir string) (string, []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
			return file, raw
		}
	}
	t.Fatal("no gzip blob")
	return "", nil
}

func removeLayer(t *testing.T, dir string) {
	t.Helper()
	file, _ := layerFile(t, dir)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func damageLayer(t *testing.T, dir string) {
	t.Helper()
	file, raw := layerFile(t, dir)
	raw[len(raw)/2] ^= 4
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

// bomb compresses a tar and 1.1 GiB of zeros behind it.
func bomb(plain []byte) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	if err == nil {
		_, err = w.Write(plain)
	}
	for range 1100 {
		if err == nil {
			_, err = w.Write(make([]byte, 1<<20))
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

func zip(plain []byte) []byte { return gzipped(new(testing.T), plain) }

func zstandard(plain []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(plain, nil)
}

func xzip(plain []byte) []byte {
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}
