package hostile

import (
	"fmt"
	"strings"
)

// listCases are manifest.json and index.json that are JSON and say odd things.
func listCases() []Case {
	var out []Case
	for _, l := range []struct{ name, about, list string }{
		{"no-image", "an empty list: an archive without an image", `[]`},
		{"null-entry", "a list of null", `[null]`},
		{"empty-entry", "an entry without fields", `[{}]`},
		{"entry-number", "an entry that is a number", `[5]`},
		{"config-number", "a Config that is a number", `[{"Config":5,"Layers":["layer.tar"]}]`},
		{"config-null", "a Config that is null", `[{"Config":null,"Layers":["layer.tar"]}]`},
		{"config-missing", "no Config", `[{"Layers":["layer.tar"]}]`},
		{"config-empty", "an empty Config", `[{"Config":"","Layers":["layer.tar"]}]`},
		{"config-absent", "a Config that is not there", `[{"Config":"gone.json","Layers":["layer.tar"]}]`},
		{"config-up", "a Config outside of the archive", `[{"Config":"../../../etc/passwd","Layers":["layer.tar"]}]`},
		{"config-absolute", "an absolute Config", `[{"Config":"/etc/passwd","Layers":["layer.tar"]}]`},
		{"config-nul", "a Config with a NUL in its name", `[{"Config":"config.json\u0000","Layers":["layer.tar"]}]`},
		{"config-is-layer", "a layer in the place of the config", `[{"Config":"layer.tar","Layers":["layer.tar"]}]`},
		{"config-is-list", "manifest.json in the place of the config", `[{"Config":"manifest.json","Layers":["layer.tar"]}]`},
		{"layers-null", "Layers that is null", `[{"Config":"config.json","Layers":null}]`},
		{"layers-missing", "no Layers", `[{"Config":"config.json"}]`},
		{"layers-text", "Layers that is a text", `[{"Config":"config.json","Layers":"layer.tar"}]`},
		{"layers-empty", "no layer where the config has one", `[{"Config":"config.json","Layers":[]}]`},
		{"layers-too-many", "two layers where the config has one", `[{"Config":"config.json","Layers":["layer.tar","layer.tar"]}]`},
		{"layer-null", "a layer that is null", `[{"Config":"config.json","Layers":[null]}]`},
		{"layer-empty", "a layer without a name", `[{"Config":"config.json","Layers":[""]}]`},
		{"layer-absent", "a layer that is not there", `[{"Config":"config.json","Layers":["gone.tar"]}]`},
		{"layer-up", "a layer outside of the archive", `[{"Config":"config.json","Layers":["../../../etc/passwd"]}]`},
		{"layer-absolute", "an absolute layer", `[{"Config":"config.json","Layers":["/etc/passwd"]}]`},
		{"layer-is-config", "the config in the place of a layer", `[{"Config":"config.json","Layers":["config.json"]}]`},
		{"layer-is-folder", "the root of the archive in the place of a layer", `[{"Config":"config.json","Layers":["."]}]`},
		{"tags-null", "no names", `[{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]}]`},
		{"tags-text", "RepoTags that is a text", `[{"Config":"config.json","RepoTags":"a:b","Layers":["layer.tar"]}]`},
		{"tags-none", "the name that Docker gives to images without one", `[{"Config":"config.json","RepoTags":["<none>:<none>"],"Layers":["layer.tar"]}]`},
		{"tags-twice", "one name twice", `[{"Config":"config.json","RepoTags":["a:b","a:b"],"Layers":["layer.tar"]}]`},
		{"tags-digest", "a name with a digest", `[{"Config":"config.json","RepoTags":["a@sha256:` + strings.Repeat("0", 64) + `"],"Layers":["layer.tar"]}]`},
		{"image-twice", "one image twice", `[{"Config":"config.json","RepoTags":["a:b"],"Layers":["layer.tar"]},{"Config":"config.json","RepoTags":["c:d"],"Layers":["layer.tar"]}]`},
		{"sources-lie", "LayerSources that lie", `[{"Config":"config.json","Layers":["layer.tar"],"LayerSources":{"` + digestOf(baseLayer) + `":{"mediaType":"` + typeLayer + `+gzip","digest":"sha256:00","size":-1}}}]`},
		{"fields-other-case", "field names in lower case, which Go's reader takes for the same", `[{"config":"config.json","layers":["layer.tar"]}]`},
		{"fields-twice", "Config twice; readers disagree on which one counts", `[{"Config":"gone.json","Config":"config.json","Layers":["layer.tar"]}]`},
	} {
		out = append(out, Case{Name: "manifest-json-says-" + l.name, About: "manifest.json has " + l.about + ".", write: bytesOf(docker(l.list))})
	}
	return append(append(out, indexListCases()...), faceCases()...)
}

// indexListCases are OCI lists that say odd things.
func indexListCases() []Case {
	var out []Case
	add := func(name, about string, m image, ids ...string) {
		out = append(out, Case{Name: "index-json-says-" + name, About: "index.json has " + about + ".", Rules: rules(ids...), write: m.write})
	}
	add("no-manifests", "no manifests field", image{index: unset("manifests")})
	add("manifests-null", "manifests that is null", image{index: set("manifests", nil)})
	add("manifests-empty", "an empty list: an archive without an image", image{index: set("manifests", []any{})}, "NO-IMAGE")
	add("manifests-object", "manifests that is an object", image{index: set("manifests", doc{})})
	add("manifest-null", "a descriptor that is null", image{index: set("manifests", []any{nil})})
	add("manifest-text", "a descriptor that is a text", image{index: set("manifests", []any{"sha256:00"})})
	add("manifest-empty", "a descriptor without fields", image{index: set("manifests", []any{doc{}})})
	add("layers-too", "layers beside manifests (CVE-2021-41190)", image{index: set("layers", []any{})})
	add("config-too", "a config beside manifests (CVE-2021-41190)", image{index: set("config", doc{})})
	add("media-type-of-manifest", "the media type of a manifest", image{index: set("mediaType", typeManifest)})
	add("media-type-number", "a media type that is a number", image{index: set("mediaType", 5)})
	add("no-media-type", "no media type, which is allowed", image{index: unset("mediaType")})
	add("schema-version-1", "schemaVersion 1", image{index: set("schemaVersion", 1)})
	add("schema-version-text", "a schemaVersion that is a text", image{index: set("schemaVersion", "2")})
	add("fields-other-case", "Manifests beside manifests, which Go's reader takes for the same", image{index: set("Manifests", []any{})})
	add("fields-twice", "manifests twice; readers disagree on which one counts", image{indexText: func(s string) string { return within(s, `"manifests":[]`) }})
	add("unknown-field", "an unknown field, which is kept", image{index: set("x-unknown", doc{"a": []any{1}})})
	for _, v := range []string{"", "0.9", "1", "1.0.0-rc", "2.0.0", "1.99.0"} {
		m := image{files: func(f Files, _ parts) { f["oci-layout"] = marshal(doc{"imageLayoutVersion": v}) }}
		out = append(out, Case{Name: strings.TrimSuffix("layout-version-"+strings.ReplaceAll(v, ".", "-"), "-"), About: fmt.Sprintf("oci-layout has version %q.", v), write: m.write})
	}
	out = append(out,
		Case{Name: "layout-version-number", About: "oci-layout has a version that is a number.", write: image{files: func(f Files, _ parts) { f["oci-layout"] = `{"imageLayoutVersion":1}` }}.write},
		Case{Name: "layout-file-missing", About: "an OCI layout in a tar without oci-layout.", Rules: rules("LOAD-NO-LAYOUT-FILE"), write: image{files: func(f Files, _ parts) { delete(f, "oci-layout") }}.write},
		Case{Name: "layout-index-missing", About: "an OCI layout in a tar without index.json.", write: image{files: func(f Files, _ parts) { delete(f, "index.json") }}.write},
	)
	return out
}

// faceCases are archives whose lists contradict each other.
func faceCases() []Case {
	return []Case{
		{Name: "faces-hybrid-25-0", About: "Docker 25.0's archive whose OCI manifests have no layers; manifest.json is right.", Rules: rules("FACES-DIFFER"), write: listed("format docker-hybrid-25.0", good)},
		{Name: "faces-hybrid-25-0-null", About: "Docker 25.0's archive whose index.json has null for manifests; manifest.json is right.", write: listed("format docker-hybrid-25.0-null", good)},
		{Name: "faces-differ", About: "manifest.json and index.json name different images; engines load one or the other.", Rules: rules("FACES-DIFFER"), write: image{files: func(f Files, p parts) {
			f["layer.tar"] = tarOf(file("evil", "x"))
			f["evil.json"] = marshal(doc{"architecture": "amd64", "os": "linux", "rootfs": doc{"type": "layers", "diff_ids": []any{digestOf(f["layer.tar"])}}})
			f["manifest.json"] = `[{"Config":"evil.json","RepoTags":["example.com/app:v1"],"Layers":["layer.tar"]}]`
		}}.write},
		{Name: "faces-artifact", About: "manifest.json loads as an image what is an artifact in index.json, whose content nobody looks into.", Rules: rules("FACES-DIFFER"), write: image{layer: set("mediaType", "application/x-unknown"), files: func(f Files, p parts) {
			f["manifest.json"] = marshal([]any{doc{"Config": blobName(p.config), "RepoTags": []any{"example.com/app:v1"}, "Layers": []any{blobName(p.layer)}}})
		}}.write},
		{Name: "faces-names-differ", About: "manifest.json and index.json give one image different names.", write: image{files: func(f Files, p parts) {
			f["manifest.json"] = marshal([]any{doc{"Config": blobName(p.config), "RepoTags": []any{"example.com/other:v2"}, "Layers": []any{blobName(p.layer)}}})
		}}.write},
		{Name: "faces-manifest-json-empty", About: "manifest.json is an empty list beside a good index.json.", write: image{files: func(f Files, _ parts) { f["manifest.json"] = "[]" }}.write},
		{Name: "faces-manifest-json-broken", About: "manifest.json is no JSON beside a good index.json.", write: image{files: func(f Files, _ parts) { f["manifest.json"] = "{" }}.write},
		{Name: "faces-index-json-broken", About: "index.json is no JSON beside a good manifest.json.", write: bytesOf(docker(dockerManifest, file("index.json", "{"), file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`)))},
		{Name: "faces-repositories-differ", About: "repositories names what manifest.json does not.", Rules: rules("REPOSITORIES-DIFFER"), write: listed("format docker-save", good, `replace repositories "{\"example.com/b\":{\"v1\":\"x\"}}"`)},
		{Name: "faces-repositories-alone", About: "docker-save 1.0: repositories and nothing else; it is read.", Rules: rules("LOAD-DOCKER-SAVE-1.0"), write: listed("format docker-save-1.0", good)},
		{Name: "faces-layout-in-a-tar", About: "an OCI layout in a tar, which Docker before 25 does not load.", Rules: rules("LOAD-NO-MANIFEST-JSON"), write: listed("format oci-archive", good)},
		{Name: "faces-repositories-nowhere", About: "repositories names a layer that is not there.", write: bytesOf(tarOf(file("repositories", `{"a":{"v1":"0000"}}`)))},
		{Name: "faces-repositories-empty", About: "repositories without a name.", write: bytesOf(tarOf(file("repositories", `{}`)))},
		{Name: "faces-repositories-circle", About: "layers of docker-save 1.0 that are each other's parents.", write: bytesOf(tarOf(
			file("repositories", `{"a":{"v1":"one"}}`), file("one/json", `{"id":"one","parent":"two"}`), file("one/layer.tar", baseLayer),
			file("two/json", `{"id":"two","parent":"one"}`), file("two/layer.tar", baseLayer)))},
		{Name: "faces-repositories-own-parent", About: "a layer of docker-save 1.0 that is its own parent.", write: bytesOf(tarOf(file("repositories", `{"a":{"v1":"one"}}`), file("one/json", `{"id":"one","parent":"one"}`), file("one/layer.tar", baseLayer)))},
		{Name: "faces-repositories-id-up", About: "a layer of docker-save 1.0 called ../one.", write: bytesOf(tarOf(file("repositories", `{"a":{"v1":"../one"}}`), file("one/json", `{"id":"one"}`), file("one/layer.tar", baseLayer)))},
		{Name: "faces-repositories-no-layer", About: "an image of docker-save 1.0 whose layer.tar is not there.", write: bytesOf(tarOf(file("repositories", `{"a":{"v1":"one"}}`), file("one/json", `{"id":"one"}`)))},
	}
}

// nameCases are names that no engine takes, and names that clash.
func nameCases() []Case {
	var out []Case
	for _, n := range []struct{ name, about, text string }{
		{"upper-case", "upper-case letters", "Example.com/App:v1"},
		{"space", "spaces", "not a name"},
		{"empty", "no letter", ""},
		{"colon", "nothing but a colon", ":"},
		{"dots", "a path upwards", "../../etc/passwd"},
		{"absolute", "an absolute path", "/etc/passwd"},
		{"backslash", "backslashes", `..\..\evil`},
		{"long", "10,000 letters", "a/" + strings.Repeat("x", 10_000)},
		{"option", "a hyphen first", "--help"},
		{"newline", "a line break", "app:v1\nimgtool: all is well"},
		{"escape", "an escape sequence of terminals", "app\x1b]0;evil\x07\x1b[31m:v1"},
		{"nul", "a NUL", "app\x00:v1"},
		{"template", "what templates and shells look for", "{{.}}$(id)`id`%s%n"},
		{"direction", "a mark that turns text around", "app\u202e1v:ppa"},
	} {
		docker := docker(strings.Replace(dockerManifest, `"example.com/app:v1"`, marshal(n.text), 1))
		var ids []string
		if n.text != "" {
			ids = rules("NAME-INVALID")
		}
		out = append(out,
			Case{Name: "name-docker-" + n.name, About: "a RepoTag of " + n.about + ".", Rules: ids, write: bytesOf(docker)},
			Case{Name: "name-oci-" + n.name, About: "a ref.name of " + n.about + ".", Rules: ids, write: image{root: set("annotations", doc{"org.opencontainers.image.ref.name": n.text})}.write},
		)
	}
	two := func(first, second doc) image {
		return image{roots: func(f Files, root doc) []any {
			other := image{layers: []string{tarOf(file("b", "b"))}}.make()
			for name, data := range other {
				if strings.HasPrefix(name, "blobs/") {
					f[name] = data
				}
			}
			var d struct{ Manifests []doc }
			unmarshal(other["index.json"], &d)
			root["annotations"], d.Manifests[0]["annotations"] = first, second
			return []any{root, d.Manifests[0]}
		}}
	}
	const ref, full = "org.opencontainers.image.ref.name", "io.containerd.image.name"
	return append(out,
		Case{Name: "name-of-two-images", About: "one ref.name for two images; readers take one or the other.", Rules: rules("NAME-AMBIGUOUS"), write: two(doc{ref: "app:v1"}, doc{ref: "app:v1"}).write},
		Case{Name: "name-of-two-images-in-full", About: "one full name for two images.", Rules: rules("NAME-AMBIGUOUS"), write: two(doc{ref: "v1", full: "example.com/app:v1"}, doc{ref: "v1", full: "example.com/app:v1"}).write},
		Case{Name: "name-tag-of-two-images", About: "one tag for two images of different full names, as Docker writes it; nothing is wrong.", write: two(doc{ref: "v1", full: "example.com/a:v1"}, doc{ref: "v1", full: "example.com/b:v1"}).write},
		Case{Name: "name-fields-differ", About: "a ref.name and a full name that have nothing in common.", write: two(doc{ref: "v9", full: "example.com/a:v1"}, doc{ref: "b"}).write},
	)
}
