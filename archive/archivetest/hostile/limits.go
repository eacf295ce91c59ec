package hostile

import (
	"fmt"
	"slices"
	"strings"
)

// limit is a limit on input: docs/threat-model.md, "Limits". Its archive can be made
// with exactly what is allowed, and with one more.
type limit struct {
	name, about string
	allowed     int
	slack       int      // what is left below the limit, for what commands write beside
	over        []string // rules
	make        func(n int) func(string) error
}

const mebibyte = 1 << 20

var limits = []limit{
	{"manifest", "a manifest of %d bytes", 4 * mebibyte, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return image{manifestText: func(s string) string { return spaced(s, n) }}.write
	}},
	{"index", "an index of %d bytes", 4 * mebibyte, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return nestedText(func(s string) string { return spaced(s, n) }).write
	}},
	{"index-json", "an index.json of %d bytes", 4 * mebibyte, 0, nil, func(n int) func(string) error {
		return image{indexText: func(s string) string { return spaced(s, n) }}.write
	}},
	{"manifest-json", "a manifest.json of %d bytes", 4 * mebibyte, 0, nil, func(n int) func(string) error { return bytesOf(docker(spaced(dockerManifest, n))) }},
	{"repositories", "a repositories of %d bytes", 4 * mebibyte, 0, nil, func(n int) func(string) error {
		return bytesOf(docker(dockerManifest, file("repositories", spaced("{}", n))))
	}},
	{"layout-file", "an oci-layout of %d bytes", 4 * mebibyte, 0, nil, func(n int) func(string) error {
		return image{files: func(f Files, _ parts) { f["oci-layout"] = spaced(f["oci-layout"], n) }}.write
	}},
	{"config", "a config of %d bytes", 8 * mebibyte, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return image{configText: func(s string) string { return spaced(s, n) }}.write
	}},
	{"docker-config", "a docker-save config of %d bytes", 8 * mebibyte, 0, nil, func(n int) func(string) error {
		return bytesOf(tarOf(file("config.json", spaced(dockerConfig, n)), file("layer.tar", baseLayer), file("manifest.json", dockerManifest)))
	}},
	{"documents", "documents of %d bytes together", 32 * mebibyte, 64 << 10, []string{"OVER-LIMIT"}, documentsOf},
	{"nesting", "%d documents in each other", 16, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return image{roots: func(f Files, root doc) []any {
			for range n - 1 {
				delete(root, "annotations")
				root = f.index(root)
			}
			return []any{root}
		}}.write
	}},
	{"children", "an index of %d manifests", 10_000, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return indexOf(func(_ Files, root doc) []any { return repeated(root, n) }).write
	}},
	{"roots", "an index.json of %d manifests", 10_000, 0, nil, func(n int) func(string) error {
		return image{roots: func(_ Files, root doc) []any { return repeated(root, n) }}.write
	}},
	{"layers", "a manifest of %d layers", 10_000, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return image{
			manifest: func(m doc) { m["layers"] = repeated(m["layers"].([]any)[0].(doc), n) },
			config:   set("rootfs", doc{"type": "layers", "diff_ids": repeatedText(digestOf(baseLayer), n)}),
		}.write
	}},
	{"docker-images", "a manifest.json of %d images", 10_000, 0, nil, func(n int) func(string) error {
		return bytesOf(docker("[" + strings.TrimSuffix(strings.Repeat(dockerManifest[1:len(dockerManifest)-1]+",", n), ",") + "]"))
	}},
	{"reachable", "an index of %d indexes of 1,000 manifests, of which 200,000 can be reached", 66, 0, []string{"OVER-LIMIT"}, func(n int) func(string) error {
		return indexOf(func(f Files, root doc) []any { return repeated(f.index(repeated(root, 1000)...), n) }).write
	}},
	{"member-name", "a config.json that is a member called by %d bytes", 4096, 0, nil, func(n int) func(string) error {
		name := pathOf(n)
		return bytesOf(tarOf(file("manifest.json", marshal([]any{doc{"Config": name, "Layers": []any{"layer.tar"}}})), file("layer.tar", baseLayer), long(name, dockerConfig)))
	}},
	{"path", "a path of %d bytes in a layer", 4096, 0, []string{"ENTRY-INVALID"}, func(n int) func(string) error { return over(long(pathOf(n), "x")).write }},
	{"path-through-link", "a path of %d bytes behind a symlink in a layer", 4096, 0, []string{"ENTRY-INVALID"}, func(n int) func(string) error {
		return over(symlink("l", pathOf(4000)), long("l/"+pathOf(n-4001), "x")).write
	}},
	{"link-target", "a symlink to a target of %d bytes", 4095, 0, nil, func(n int) func(string) error { return over(symlink("l", pathOf(n))).write }},
	{"link-target-in-layer", "a symlink to a target of %d bytes, which layers may hold and Linux does not", 4096, 0, []string{"ENTRY-INVALID"}, func(n int) func(string) error { return over(symlink("l", pathOf(n))).write }},
	{"component", "a file name of %d bytes", 255, 0, nil, func(n int) func(string) error { return over(file("d/"+strings.Repeat("n", n), "x")).write }},
	{"folders", "a file below %d folders", 255, 0, nil, func(n int) func(string) error { return over(long(strings.Repeat("d/", n)+"f", "x")).write }},
	{"links", "a file behind %d symlinks in a layer", 40, 0, []string{"ENTRY-INVALID"}, func(n int) func(string) error {
		parts := []string{dir("l0")}
		for i := range n {
			parts = append(parts, symlink(fmt.Sprintf("l%d", i+1), fmt.Sprintf("l%d", i)))
		}
		return over(append(parts, file(fmt.Sprintf("l%d/f", n), "x"))...).write
	}},
	{"pax-header", "a PAX header of %d bytes in a layer", mebibyte, 0, []string{"TAR-BROKEN"}, func(n int) func(string) error {
		return over(paxText('x', commentOf(n)), file("a", "x")).write
	}},
	{"pax-header-of-member", "a PAX header of %d bytes of a member", mebibyte, 0, nil, func(n int) func(string) error {
		return bytesOf(docker(dockerManifest, paxText('x', commentOf(n)), file("a", "x")))
	}},
	{"gnu-name", "a GNU long name header of %d bytes in a layer", mebibyte, 0, []string{"TAR-BROKEN"}, func(n int) func(string) error {
		return over(entry('L', "././@LongLink", "name\x00"+strings.Repeat("n", n-5), put{atMagic, gnuMagic}), file("a", "x")).write
	}},
}

// limitCases are just under and just over each limit.
func limitCases() []Case {
	var out []Case
	for _, l := range limits {
		heavy := slices.Contains([]string{"documents", "children", "roots", "layers", "docker-images", "reachable"}, l.name)
		out = append(out,
			Case{Name: "limit-" + l.name + "-reached", About: fmt.Sprintf(l.about, l.allowed-l.slack) + ", as many as are allowed.", Memory: 256, Heavy: heavy, write: l.make(l.allowed - l.slack)},
			Case{Name: "limit-" + l.name + "-passed", About: fmt.Sprintf(l.about, l.allowed+1) + ", one more than allowed.", Memory: 256, Heavy: heavy, Rules: rules(l.over...), write: l.make(l.allowed + 1)},
		)
	}
	return out
}

// spaced makes a document of n bytes.
func spaced(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

// pathOf is a path of n bytes.
func pathOf(n int) string {
	p := strings.Repeat("component/", n/10+1)[:n]
	if strings.HasSuffix(p, "/") {
		p = p[:n-1] + "x"
	}
	return p
}

// commentOf is a PAX record of n bytes.
func commentOf(n int) string {
	value := strings.Repeat("c", n-len(paxRecord("comment", strings.Repeat("c", n)))+n)
	return paxRecord("comment", value)
}

func repeated(d doc, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = d
	}
	return out
}

func repeatedText(s string, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// documentsOf is an archive whose manifests and config have n bytes together. The
// last manifest is an image; the others are nothing but large.
func documentsOf(n int) func(string) error {
	return image{roots: func(f Files, root doc) []any {
		left := n - root["size"].(int) - len(dockerConfig)
		roots := []any{root}
		for i := 0; left > 0; i++ {
			size := min(left, 4*mebibyte)
			if rest := left - size; rest > 0 && rest < 4096 {
				size -= 4096 // leaves room for the last one
			}
			text := marshal(doc{"schemaVersion": 2, "mediaType": typeManifest, "config": f.Blob(typeConfig, dockerConfig), "layers": []any{f.Blob(typeLayer, baseLayer)}, "annotations": doc{"n": fmt.Sprint(i)}})
			roots = append(roots, f.Blob(typeManifest, spaced(text, size)))
			left -= size
		}
		return roots
	}}.write
}
