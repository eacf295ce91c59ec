package diff_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/diff"
	"github.com/opencontainers/go-digest"
)

var updateHTML = flag.Bool("update-html", false, "write testdata/report.html")

// fileOf gives a file on one side.
func fileOf(t layer.Type, mode uint16, size int64) *diff.File {
	return &diff.File{Inode: &layer.Inode{Type: t, Mode: mode, Size: size, Owner: &layer.Owner{}}}
}

func linkTo(target string) *diff.File {
	f := fileOf(layer.Symlink, 0o777, 0)
	f.Link = target
	return f
}

func number(n int) *int { return &n }

func digestOf(s string) digest.Digest { return digest.FromString(s) }

// hostile is what a name must not do to a page or a terminal.
const hostile = "\x1b[31m\u202e<script>alert(1)</script>&\"'\xff"

// sampleChanges are changes of a small image, in the order of a walk.
func sampleChanges() []diff.FileChange {
	owned := fileOf(layer.Regular, 0o4755, 58_000)
	owned.Owner = &layer.Owner{UID: 1000, GID: 1000}
	capable := fileOf(layer.Regular, 0o755, 90_000)
	capable.Extra = &layer.Extra{Xattrs: map[string]string{"security.capability": "\x01\x00\x00\x02"}}
	return []diff.FileChange{
		{Path: "app", Kind: diff.Added, After: fileOf(layer.Dir, 0o755, 0)},
		{Path: "app/server", Kind: diff.Added, After: fileOf(layer.Regular, 0o755, 18_400_000)},
		{Path: "app/" + hostile, Kind: diff.Added, After: fileOf(layer.Regular, 0o644, 12)},
		{Path: "etc", Kind: diff.Changed, Aspects: diff.AspectMode, Before: fileOf(layer.Dir, 0o755, 0), After: fileOf(layer.Dir, 0o700, 0)},
		{Path: "etc/motd", Kind: diff.Changed, Aspects: diff.AspectContent, Before: fileOf(layer.Regular, 0o644, 31), After: fileOf(layer.Regular, 0o644, 46),
			Text: &diff.TextDiff{Unified: "@@ -1,2 +1,2 @@\n Welcome\n-to version 1\n+to version 2, <b>the new one</b>\n", Inserted: 1, Deleted: 1}},
		{Path: "etc/mtab", Kind: diff.Changed, Aspects: diff.AspectLink, Before: linkTo("/proc/mounts"), After: linkTo("../proc/self/mounts")},
		{Path: "usr/bin/ping", Kind: diff.Changed, Aspects: diff.AspectContent | diff.AspectXattrs, Before: fileOf(layer.Regular, 0o755, 88_000), After: capable},
		{Path: "usr/bin/sudo", Kind: diff.Changed, Aspects: diff.AspectMode | diff.AspectOwner, Before: fileOf(layer.Regular, 0o755, 58_000), After: owned},
		{Path: "usr/lib/python3/dist-packages/old/__init__.py", Kind: diff.Removed, Before: fileOf(layer.Regular, 0o644, 4_200)},
		{Path: "usr/lib/python3/dist-packages/old/data.bin", Kind: diff.Removed, Before: fileOf(layer.Regular, 0o644, 6_300_000)},
		{Path: "usr/share/doc/x", Kind: diff.Removed, Before: linkTo("../y")},
	}
}

// sampleReport has something of everything.
func sampleReport() *diff.Report {
	lay := func(n int, id string, size int64) *diff.Layer {
		return &diff.Layer{Number: n, DiffID: digestOf(id), Digest: digestOf(id + "z"), MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Compression: "gzip", Size: size}
	}
	text := func(s string) json.RawMessage { raw, _ := json.Marshal(s); return raw }
	platform := diff.Platform{
		A:        diff.Instance{Platform: "linux/amd64", Digest: digestOf("ma"), ImageID: digestOf("ca"), LayerSize: 48_200_000, Layers: 3},
		B:        diff.Instance{Platform: "linux/amd64", Digest: digestOf("mb"), ImageID: digestOf("cb"), LayerSize: 55_900_000, Layers: 3},
		Manifest: []diff.Field{{Field: "mediaType", Kind: diff.Changed, Before: text("application/vnd.docker.distribution.manifest.v2+json"), After: text("application/vnd.oci.image.manifest.v1+json")}},
		Config: []diff.Field{
			{Field: "config.Cmd", Kind: diff.Changed, Before: json.RawMessage(`["/bin/sh"]`), After: json.RawMessage(`["/app/server","--port=8080"]`)},
			{Field: "config.Env.PATH", Kind: diff.Changed, Before: text("/usr/bin:/bin"), After: text("/app:/usr/bin:/bin")},
			{Field: "config.Labels.<b>" + hostile, Kind: diff.Added, After: text(hostile)},
			{Field: "config.User", Kind: diff.Removed, Before: text("root")},
		},
		History: &diff.History{Steps: []diff.Step{
			{Kind: diff.Unchanged, A: number(0), B: number(0), CreatedBy: "ADD rootfs.tar.xz / # buildkit"},
			{Kind: diff.Unchanged, CreatedBy: "ENV LANG=C"},
			{Kind: diff.Unchanged, CreatedBy: "WORKDIR /srv"},
			{Kind: diff.Unchanged, CreatedBy: "EXPOSE 8080"},
			{Kind: diff.Removed, A: number(1), CreatedBy: "RUN pip install old # buildkit"},
			{Kind: diff.Added, B: number(1), CreatedBy: "COPY server /app/ # buildkit"},
			{Kind: diff.Changed, A: number(2), B: number(2), CreatedBy: "CMD [\"/app/server\"]", Fields: []diff.Field{{Field: "created", Kind: diff.Changed, Before: text("2026-01-01T00:00:00Z"), After: text("2026-02-01T00:00:00Z")}}},
		}},
		Layers: &diff.Layering{Layers: []diff.LayerPair{
			{Kind: diff.Unchanged, A: lay(0, "base", 30_100_000), B: lay(0, "base", 30_100_000)},
			{Kind: diff.Recompressed, A: lay(1, "same", 9_000_000), B: lay(1, "same", 8_100_000)},
			{Kind: diff.Removed, A: lay(2, "old", 9_100_000)},
			{Kind: diff.Added, B: lay(2, "new", 17_700_000)},
		}},
		Files: &diff.Files{Added: 3, Removed: 3, Changed: 5, BytesBefore: 6_450_231, BytesAfter: 18_548_058, Changes: sampleChanges()},
		Sizes: []diff.Folder{
			{Path: ".", Added: 18_402_027, Removed: 6_304_200, Files: 11},
			{Path: "app", Added: 18_400_012, Files: 2},
			{Path: "etc", Added: 15, Files: 2},
			{Path: "usr", Added: 2_000, Removed: 6_304_200, Files: 5},
			{Path: "usr/bin", Added: 2_000, Files: 2},
			{Path: "usr/lib", Removed: 6_304_200, Files: 2},
			{Path: "usr/lib/python3", Removed: 6_304_200, Files: 2},
			{Path: "usr/lib/python3/dist-packages", Removed: 6_304_200, Files: 2},
			{Path: "usr/lib/python3/dist-packages/old", Removed: 6_304_200, Files: 2},
		},
		Packages: []diff.Package{
			{Kind: diff.Changed, Type: "dpkg", Name: "libssl3", Arch: "amd64", Path: "/var/lib/dpkg/status", Before: "3.0.15-1", After: "3.0.16-1"},
			{Kind: diff.Removed, Type: "python", Name: "old", Before: "1.4"},
			{Kind: diff.Added, Type: "go", Name: "example.com/server", After: "v1.2.3"},
		},
		Notes: []string{"side B: npm: /app/node_modules/x/package.json: unexpected end of JSON input"},
	}
	arm := diff.Instance{Platform: "linux/arm64", Digest: digestOf("arm"), LayerSize: 50_000_000, Layers: 3}
	names := []string{"example.com/shop/web:v1"}
	return &diff.Report{
		SchemaVersion: diff.SchemaVersion, Mode: diff.ModeImages,
		A: diff.Side{Path: "web-v1.tar", Format: "docker-archive"}, B: diff.Side{Path: "web-v2.tar", Format: "oci-archive"},
		Ignored: []string{"times"},
		Images: []diff.Image{{
			A: diff.Root{Names: names}, B: diff.Root{Names: names},
			Annotations: []diff.Field{{Field: "descriptor.org.opencontainers.image.version", Kind: diff.Changed, Before: text("1"), After: text("2")}},
			OnlyB:       []diff.Manifest{{Kind: "attestation", Platform: "linux/amd64", Digest: digestOf("att"), MediaType: "application/vnd.oci.image.manifest.v1+json"}},
			Platforms:   []diff.Platform{platform, {A: arm, B: arm, Same: true}},
		}},
		OnlyA: []diff.Root{{Names: []string{"example.com/shop/old:v1"}, Digest: digestOf("old-root")}},
	}
}

func page(t testing.TB, r *diff.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := diff.WriteHTML(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestHTMLGolden: the page of a report, byte for byte.
func TestHTMLGolden(t *testing.T) {
	t.Parallel()
	got := page(t, sampleReport())
	golden := filepath.Join("testdata", "report.html")
	if *updateHTML {
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(golden, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("WriteHTML (-want +got); -update-html writes it:\n%s", d)
	}
}

// TestHTMLHarmless: no name of an image becomes markup, and nothing that turns
// text around or steers a terminal is left.
func TestHTMLHarmless(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	evil := hostile + "</script><img src=x onerror=alert(1)>"
	r.A.Path, r.OnlyA[0].Names, r.Images[0].A.Names = evil, []string{evil}, []string{evil}
	p := &r.Images[0].Platforms[0]
	p.Notes, p.Packages[0].Name, p.History.Steps[0].CreatedBy, p.Sizes[1].Path = []string{evil}, evil, evil, evil
	p.Files.Changes[4].Text.Unified, p.A.Platform = "+"+evil, evil
	p.Layers.Layers[0].A.Compression = evil
	got := page(t, r)
	for _, bad := range []string{"\x1b", "\u202e", "\xff", "<img", "<script>alert", "ZgotmplZ"} {
		if strings.Contains(got, bad) {
			t.Errorf("WriteHTML: the page has %q", bad)
		}
	}
	if n := strings.Count(got, "</script>"); n != 2 {
		t.Errorf("WriteHTML: %d scripts end, want the block of rows and the page's own", n)
	}
	if !strings.Contains(got, `\x1b[31m\u202e&lt;script&gt;`) {
		t.Error("WriteHTML: the name of an image is not spelled out")
	}
}

// TestHTMLSame: reports of nothing, and of times alone, say so.
func TestHTMLSame(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]*diff.Report{
		"Nothing differs":      {Same: true, Images: []diff.Image{{Same: true, Platforms: []diff.Platform{{Same: true}}}}},
		"Only times differ":    {TimesOnly: true},
		"They differ":          {Images: []diff.Image{{}}},
		"What layer 3 did":     {Mode: diff.ModeLayer, Layer: &diff.LayerEffect{Layer: diff.Layer{Number: 3}, WastedBytes: 5_000_000, WastedFiles: 7, CreatedBy: "RUN rm -rf /x"}},
		"of 7 files below":     {Mode: diff.ModeLayer, Layer: &diff.LayerEffect{WastedFiles: 7}},
		"Image without a name": {Images: []diff.Image{{}}},
	} {
		if got := page(t, r); !strings.Contains(got, want) {
			t.Errorf("WriteHTML: the page lacks %q", want)
		}
	}
}

// manyChanges are n changes, a hundred in a folder.
func manyChanges(n int) []diff.FileChange {
	var changes []diff.FileChange
	for i := range n {
		changes = append(changes, diff.FileChange{
			Path: fmt.Sprintf("usr/share/folder-%05d/file-%02d", i/100, i%100), Kind: diff.Changed, Aspects: diff.AspectContent | diff.AspectMode,
			Before: fileOf(layer.Regular, 0o644, int64(i)), After: fileOf(layer.Regular, 0o755, int64(2*i)),
		})
	}
	return changes
}

// TestHTMLBounded: a page leaves out what is too much, and says how much.
func TestHTMLBounded(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	p := &r.Images[0].Platforms[0]
	p.Files = &diff.Files{Changes: manyChanges(260_000), Changed: 260_000}
	for i := range 40 {
		p.Files.Changes[i].Text = &diff.TextDiff{Unified: strings.Repeat("+x\n", 1<<20/3)}
	}
	for i := range 3000 {
		p.Packages = append(p.Packages, diff.Package{Kind: diff.Added, Type: "npm", Name: fmt.Sprint(i), After: "1"})
	}
	got := page(t, r)
	for _, want := range []string{"10,000 further paths differ", "And 1003 more", "The text of 24 further files"} {
		if !strings.Contains(got, want) {
			t.Errorf("WriteHTML of a long report: the page lacks %q", want)
		}
	}
	if len(got) > 64<<20 {
		t.Errorf("WriteHTML of a long report: %d bytes, want less than 64 MiB", len(got))
	}
}

// TestHTMLFullDisk: what writing fails with is told.
func TestHTMLFullDisk(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 100, 20_000, 30_000} {
		if err := diff.WriteHTML(&fullDisk{room}, sampleReport()); !errors.Is(err, errFull) {
			t.Errorf("WriteHTML with room for %d bytes: %v, want %v", room, err, errFull)
		}
	}
}

var errFull = errors.New("no room")

type fullDisk struct{ room int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}
