//go:build linux

package cli_test

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

// pastLimits are archives just past a limit of docs/threat-model.md, by its
// constant: a listing or what builds one, and what is done with it besides verify.
var pastLimits = map[string]struct {
	listing string
	build   func(t *testing.T, path string)
	args    string
}{
	"archive.MaxDocument":    {build: hostileCase("limit-manifest-passed"), args: "inspect SRC"},
	"archive.MaxConfig":      {listing: imageOf("config-field x \"" + strings.Repeat("x", 8<<20) + "\""), args: "inspect SRC"},
	"archive.MaxMetadata":    {build: nineLarge, args: "inspect SRC"},
	"archive.MaxDepth":       {build: hostileCase("limit-nesting-passed"), args: "inspect SRC"},
	"archive.MaxDescriptors": {build: hostileCase("limit-layers-passed"), args: "inspect SRC"},
	"archive.MaxNodes":       {build: manyTimes, args: "inspect SRC"},
	"archive.MaxPath":        {build: memberCalled(strings.Repeat("m", 4097)), args: "inspect SRC"},
	"archive.maxLinks":       {build: memberLinks(41), args: "inspect SRC"},
	"codec.maxWindow":        {build: layerOf(zstdLayer, "\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"), args: "export SRC -o " + os.DevNull},
	"gunzip.maxString":       {build: layerOf(gzipLayer, "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"+strings.Repeat("n", 600)), args: "export SRC -o " + os.DevNull},
	"layer.MaxPath":          {listing: imageOf("layer", "  file "+strings.Repeat("d/", 2049)+"f \"\""), args: "export SRC -o " + os.DevNull},
	"layer.maxLinks":         {listing: imageOf("layer", symlinks(41), "  file l0/f \"\""), args: "export SRC -o " + os.DevNull},
	"layer.maxDevice":        {listing: imageOf("layer", "  char c 3000000 0 format=gnu"), args: "export SRC -o " + os.DevNull},
	"convert.maxName":        {listing: imageOf("layer", "  file "+strings.Repeat("n", 256)+" \"\""), args: "unpack SRC OUT --rootless"},
	"convert.maxFolders":     {listing: imageOf("layer", "  file "+strings.Repeat("d/", 256)+"f \"\""), args: "unpack SRC OUT --rootless"},
	"verify.maxAlike":        {listing: imageOf("layer", setuids(11)), args: "verify SRC --severity note"},
}

// TestPastLimits: past a limit commands say what docs/threat-model.md says that
// they say, and verify finds what it says that it finds.
func TestPastLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("writes documents of some 10 MiB")
	}
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	for constant, past := range pastLimits {
		t.Run(constant, func(t *testing.T) {
			t.Parallel()
			source := filepath.Join(t.TempDir(), "source")
			if past.build != nil {
				past.build(t, source)
			} else {
				archivetest.Build(t, source, "format oci\n"+past.listing)
			}
			text, rule := saidPast(t, string(page), constant)
			args := strings.NewReplacer("SRC", source, "OUT", filepath.Join(t.TempDir(), "out")).Replace(past.args)
			_, out, messages := run(cli.Env{}, strings.Fields(args)...)
			if !text.MatchString(out + messages) {
				t.Errorf("imgtool %s: want %q in\n%.1500s", args, text, out+messages)
			}
			if rule == "" {
				return
			}
			code, out, messages := run(cli.Env{}, "verify", source)
			if code != 1 || !strings.Contains(out, rule) {
				t.Errorf("imgtool verify: exit code %d, want 1, and %s in\n%.1500s", code, rule, out+messages)
			}
		})
	}
	t.Logf("tried: %d limits, each with an archive that passes it", len(pastLimits))
}

var marked = regexp.MustCompile("`([^`]+)`")

// saidPast gives what the row of a limit says that is said past it, `…` and N
// standing for anything, and the rule of verify. Documents have theirs from the
// text above their table.
func saidPast(t *testing.T, page, constant string) (text *regexp.Regexp, rule string) {
	t.Helper()
	at := strings.Index(page, "| `"+constant+"` |\n")
	if at < 0 {
		t.Fatalf("docs/threat-model.md has no row for %s", constant)
	}
	cells := strings.Split(page[strings.LastIndex(page[:at], "\n"):at], " | ")
	last := cells[len(cells)-1]
	if last == "the same " { // as in the row above
		last = "`document of … bytes: over the limit`"
	}
	if section := page[strings.LastIndex(page[:at], "\n### "):at]; strings.HasPrefix(section, "\n### Documents\n") {
		last += " `IMG-OVER-LIMIT`"
	}
	said := ""
	for _, m := range marked.FindAllStringSubmatch(last, -1) {
		switch {
		case strings.HasPrefix(m[1], "IMG-"):
			rule = m[1]
		case said == "":
			said = regexp.QuoteMeta(m[1])
		}
	}
	if said == "" {
		said = regexp.QuoteMeta(map[string]string{
			"archive.MaxPath": "are passed over: 1", "codec.maxWindow": "window size exceeded",
		}[constant])
	}
	said = strings.NewReplacer("…", ".*", ` N `, ` \d+ `).Replace(said)
	return regexp.MustCompile(said), rule
}

// imageOf is a listing of one image with such lines.
func imageOf(lines ...string) string { return "image\n  " + strings.Join(lines, "\n  ") + "\n" }

func symlinks(n int) string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("  symlink l%d l%d", i, i+1))
	}
	return strings.Join(lines, "\n  ")
}

func setuids(n int) string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("  file f%d \"\" mode=4755", i))
	}
	return strings.Join(lines, "\n  ")
}

// manyTimes is an index of 10,000 descriptors, 21 times.
func manyTimes(t *testing.T, path string) {
	const mediaType = "application/vnd.oci.image.index.v1+json"
	l := newHandLayout(t, path)
	leaf := string(mustJSON(t, l.put(t, mediaType, []byte(`{"schemaVersion":2,"manifests":[]}`))))
	wide := l.put(t, mediaType, []byte(`{"schemaVersion":2,"manifests":[`+strings.Repeat(leaf+",", 9_999)+leaf+`]}`))
	l.finish(t, l.put(t, mediaType, mustJSON(t, map[string]any{"schemaVersion": 2, "manifests": repeat(wide, 21)})))
}

// nineLarge are nine documents of 4 MiB together with what belongs to them.
func nineLarge(t *testing.T, path string) {
	l := newHandLayout(t, path)
	var roots []any
	for i := range 9 {
		text := fmt.Sprintf(`{"schemaVersion":2,"manifests":[],"annotations":{"n":"%d%s"}}`, i, strings.Repeat("x", 4<<20-1000))
		roots = append(roots, l.put(t, "application/vnd.oci.image.index.v1+json", []byte(text)))
	}
	l.finish(t, roots...)
}

func repeat(v any, n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = v
	}
	return all
}

// layerOf is an image of one layer with such bytes.
func layerOf(mediaType, stored string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		l := newHandLayout(t, path)
		config := l.put(t, "application/vnd.oci.image.config.v1+json", []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:`+strings.Repeat("0", 64)+`"]}}`))
		l.finish(t, l.put(t, "application/vnd.oci.image.manifest.v1+json", mustJSON(t, map[string]any{
			"schemaVersion": 2, "config": config, "layers": []any{l.put(t, mediaType, []byte(stored))},
		})))
	}
}

// memberCalled is a docker-save archive with one more member.
func memberCalled(name string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		writeMembers(t, path, &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644})
	}
}

// memberLinks is a docker-save archive whose config lies behind n links.
func memberLinks(n int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		var links []*tar.Header
		for i := range n {
			links = append(links, &tar.Header{Name: fmt.Sprintf("l%d", i), Linkname: fmt.Sprintf("l%d", i+1), Typeflag: tar.TypeSymlink})
		}
		writeMembers(t, path, links...)
	}
}

// writeMembers writes a docker-save archive whose config is l0, and more members.
func writeMembers(t *testing.T, path string, more ...*tar.Header) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := tar.NewWriter(file)
	manifest := []byte(`[{"Config":"l0","RepoTags":null,"Layers":[]}]`)
	for _, h := range append(more, &tar.Header{Name: "manifest.json", Mode: 0o644, Size: int64(len(manifest))}) {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(manifest); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
