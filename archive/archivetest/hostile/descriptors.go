package hostile

import (
	"encoding/json"
	"strings"
)

func unmarshal(text string, v any) {
	if err := json.Unmarshal([]byte(text), v); err != nil {
		panic(err) // of what this package made
	}
}

// lie is a descriptor that does not tell the truth.
type lie struct {
	name, about string
	change      func(doc)
}

func rawJSON(s string) json.RawMessage { return json.RawMessage(s) }

var zeros = strings.Repeat("0", 64)

var lies = []lie{
	{"digest-wrong", "another digest", set("digest", "sha256:"+zeros)},
	{"digest-missing", "no digest", unset("digest")},
	{"digest-null", "a digest that is null", set("digest", nil)},
	{"digest-number", "a digest that is a number", set("digest", 5)},
	{"digest-empty", "an empty digest", set("digest", "")},
	{"digest-no-colon", "a digest without an algorithm", set("digest", zeros)},
	{"digest-short", "a digest that is too short", set("digest", "sha256:0123")},
	{"digest-upper-case", "a digest in upper case", func(m doc) { m["digest"] = strings.ToUpper(m["digest"].(string)) }},
	{"digest-up", "a digest that is a path upwards", set("digest", "sha256:../../../../etc/passwd")},
	{"digest-algorithm-up", "a digest whose algorithm is a path upwards", set("digest", "../../..:etc/passwd")},
	{"digest-nul", "a digest with a NUL", set("digest", "sha256:"+zeros[1:]+"\x00")},
	{"digest-escape", "a digest with an escape sequence of terminals", set("digest", "sha256:\x1b[31mevil\x07")},
	{"digest-md5", "a digest of MD5", set("digest", "md5:d41d8cd98f00b204e9800998ecf8427e")},
	{"digest-sha512-absent", "a digest of SHA-512 that is not there", set("digest", "sha512:"+zeros+zeros)},
	{"size-zero", "size 0", set("size", 0)},
	{"size-one-less", "a size that is one byte too small", add("size", -1)},
	{"size-one-more", "a size that is one byte too large", add("size", 1)},
	{"size-negative", "a size below zero", set("size", -1)},
	{"size-missing", "no size", unset("size")},
	{"size-largest", "the largest size of 64 bits", set("size", rawJSON("9223372036854775807"))},
	{"size-overflow", "a size beyond 64 bits", set("size", rawJSON("9223372036854775808"))},
	{"size-fraction", "a size with a fraction", set("size", rawJSON("1.5"))},
	{"size-exponent", "a size with an exponent", set("size", rawJSON("1e3"))},
	{"size-text", "a size that is a text", set("size", "100")},
	{"size-null", "a size that is null", set("size", nil)},
	{"media-type-missing", "no media type", unset("mediaType")},
	{"media-type-empty", "an empty media type", set("mediaType", "")},
	{"media-type-number", "a media type that is a number", set("mediaType", 5)},
	{"media-type-unknown", "a media type that nobody knows", set("mediaType", "application/x-unknown")},
	{"media-type-of-index", "the media type of an index", set("mediaType", typeIndex)},
	{"media-type-of-manifest", "the media type of a manifest", set("mediaType", typeManifest)},
	{"media-type-of-config", "the media type of a config", set("mediaType", typeConfig)},
	{"media-type-of-layer", "the media type of a layer", set("mediaType", typeLayer)},
	{"media-type-gzip", "the media type of a gzip layer", set("mediaType", typeLayer+"+gzip")},
	{"media-type-schema-1", "the media type of Docker's schema 1", set("mediaType", "application/vnd.docker.distribution.manifest.v1+prettyjws")},
	{"media-type-docker", "Docker's media type of another kind", set("mediaType", "application/vnd.docker.distribution.manifest.list.v2+json")},
	{"media-type-escape", "a media type with an escape sequence of terminals", set("mediaType", "a/\x1b[31mb\x07")},
	{"data-wrong", "embedded content that is other content", set("data", "e30=")},
	{"data-no-base64", "embedded content that is no base 64", set("data", "***")},
	{"urls", "URLs, which nothing fetches", set("urls", []any{"http://192.0.2.1/layer", "file:///etc/passwd"})},
	{"annotations-list", "annotations that are a list", set("annotations", []any{})},
	{"annotation-number", "an annotation that is a number", set("annotations", doc{"a": 5})},
	{"platform-empty", "a platform without fields", set("platform", doc{})},
	{"platform-text", "a platform that is a text", set("platform", "linux/amd64")},
	{"platform-other", "another platform than the config's", set("platform", doc{"os": "plan9", "architecture": "mips"})},
	{"platform-odd", "a platform of odd texts", set("platform", doc{"os": "../\x1b[31m", "architecture": "a/b/c", "variant": "\n"})},
	{"field-twice", "a size twice; readers disagree on which one counts", func(m doc) {
		m["x"] = nil // takes the place of a field that marshal writes but once
	}},
}

// add makes a hook that changes a number.
func add(key string, n int) func(doc) { return func(m doc) { m[key] = m[key].(int) + n } }

// descriptorCases put each lie into the descriptor of a layer, of a config and of
// a manifest.
func descriptorCases() []Case {
	twice := func(s string) string { return strings.Replace(s, `"x":null`, `"size":1`, 1) }
	var out []Case
	for _, l := range lies {
		for _, at := range []struct {
			name string
			make image
		}{
			{"layer", image{layer: l.change, manifestText: twice}},
			{"config", image{configDesc: l.change, manifestText: twice}},
			{"root", image{root: l.change, indexText: twice}},
		} {
			if at.name != "root" && (strings.HasPrefix(l.name, "platform") || strings.HasPrefix(l.name, "annotation")) {
				continue // only an index has them
			}
			out = append(out, Case{
				Name: "descriptor-" + at.name + "-" + l.name, About: "the descriptor of the " + map[string]string{"layer": "layer", "config": "config", "root": "manifest"}[at.name] + " has " + l.about + ".",
				Rules: descriptorRules(at.name, l.name), write: at.make.write,
			})
		}
	}
	return append(out, manifestCases()...)
}

// descriptorRules are what must be found of some lies.
func descriptorRules(place, lie string) []string {
	switch {
	case lie == "digest-wrong":
		return rules("BLOB-MISSING")
	case strings.HasPrefix(lie, "size-one"):
		return rules("SIZE-MISMATCH")
	case lie == "data-wrong":
		return rules("DATA-MISMATCH")
	case lie == "platform-other" && place == "root":
		return rules("PLATFORM-MISMATCH")
	case lie == "media-type-gzip" && place == "layer":
		return rules("COMPRESSION-MISMATCH")
	case lie == "media-type-of-index" && place == "root":
		return rules("MEDIATYPE-MISMATCH")
	}
	return nil
}

// manifestCases are manifests whose own fields are odd, and configs.
func manifestCases() []Case {
	var out []Case
	manifest := func(name, about string, change func(doc), ids ...string) {
		out = append(out, Case{Name: "manifest-says-" + name, About: "the manifest has " + about + ".", Rules: rules(ids...), write: image{manifest: change}.write})
	}
	manifest("no-layers", "no layers field", unset("layers"))
	manifest("layers-null", "layers that is null", set("layers", nil))
	manifest("layers-empty", "no layer where the config has one", set("layers", []any{}), "DIFFID-COUNT")
	manifest("layers-object", "layers that is an object", set("layers", doc{}))
	manifest("layer-null", "a layer that is null", set("layers", []any{nil}))
	manifest("no-config", "no config", unset("config"))
	manifest("config-null", "a config that is null", set("config", nil))
	manifest("config-text", "a config that is a text", set("config", "sha256:00"))
	manifest("manifests-too", "manifests beside layers (CVE-2021-41190)", set("manifests", []any{}), "DOCUMENT-CONFUSED")
	manifest("fs-layers-too", "the fsLayers of Docker's schema 1", set("fsLayers", []any{doc{"blobSum": "sha256:" + zeros}}))
	manifest("media-type-of-index", "the media type of an index (CVE-2021-41190)", set("mediaType", typeIndex), "MEDIATYPE-MISMATCH")
	manifest("no-media-type", "no media type, which is allowed", unset("mediaType"))
	manifest("media-type-docker", "Docker's media type under OCI's descriptor", set("mediaType", "application/vnd.docker.distribution.manifest.v2+json"), "MEDIATYPE-MISMATCH")
	manifest("schema-version-1", "schemaVersion 1", set("schemaVersion", 1), "SCHEMA")
	manifest("schema-version-missing", "no schemaVersion", unset("schemaVersion"), "SCHEMA")
	manifest("subject-itself", "a subject that is not there", set("subject", doc{"mediaType": typeManifest, "digest": "sha256:" + zeros, "size": 2}))
	manifest("artifact-type", "an artifactType: it is an image all the same", set("artifactType", "application/x"))
	manifest("fields-other-case", "Layers beside layers, which Go's reader takes for the same", set("Layers", []any{}))
	out = append(out, Case{Name: "manifest-says-fields-twice", About: "the manifest has layers twice; readers disagree on which one counts.", Rules: rules("JSON-DUPLICATE-KEY"), write: image{manifestText: func(s string) string { return within(s, `"layers":[]`) }}.write})
	manifest("annotation-null", "an annotation that is null", set("annotations", doc{"a": nil}))
	return append(out, configCases()...)
}

// configCases are configs whose own fields are odd.
func configCases() []Case {
	var out []Case
	config := func(name, about string, change func(doc), ids ...string) {
		out = append(out, Case{Name: "config-says-" + name, About: "the config has " + about + ".", Rules: rules(ids...), write: image{config: change}.write})
	}
	config("diff-id-wrong", "another diffID than the layer's", set("rootfs", doc{"type": "layers", "diff_ids": []any{"sha256:" + zeros}}), "DIFFID-MISMATCH")
	config("diff-id-malformed", "a diffID that is none", set("rootfs", doc{"type": "layers", "diff_ids": []any{"sha256:../x"}}))
	config("diff-id-number", "a diffID that is a number", set("rootfs", doc{"type": "layers", "diff_ids": []any{5}}))
	config("diff-ids-too-many", "two diffIDs for one layer", set("rootfs", doc{"type": "layers", "diff_ids": []any{digestOf(baseLayer), digestOf(baseLayer)}}), "DIFFID-COUNT")
	config("diff-ids-none", "no diffID", set("rootfs", doc{"type": "layers", "diff_ids": []any{}}), "DIFFID-COUNT")
	config("no-rootfs", "no rootfs", unset("rootfs"), "DIFFID-COUNT")
	config("rootfs-type", "a rootfs of another type", set("rootfs", doc{"type": "other", "diff_ids": []any{digestOf(baseLayer)}}))
	config("history-short", "a history of no layer", set("history", []any{doc{"empty_layer": true}}), "HISTORY-COUNT")
	config("history-long", "a history of two layers for one", set("history", []any{doc{"created_by": "a"}, doc{"created_by": "b"}}), "HISTORY-COUNT")
	config("history-object", "a history that is an object", set("history", doc{}))
	config("history-null-entry", "a history of null", set("history", []any{nil}))
	config("created-text", "a time that is none", set("created", "yesterday"))
	config("created-far", "a time in the year 99999", set("created", "99999-01-01T00:00:00Z"))
	config("created-zero", "the year 1", set("created", "0001-01-01T00:00:00Z"))
	config("no-platform", "neither os nor architecture", func(m doc) { delete(m, "os"); delete(m, "architecture") })
	config("os-empty", "an empty os", set("os", ""))
	config("os-windows", "another os, which changes nothing here", set("os", "windows"))
	config("fields-other-case", "rootFS beside rootfs, which Go's reader takes for the same", set("rootFS", doc{}))
	config("env-number", "an environment of numbers", set("config", doc{"Env": []any{1}}))
	config("env-text", "an environment that is a text", set("config", doc{"Env": "A=b"}))
	config("cmd-text", "a command that is a text", set("config", doc{"Cmd": "sh"}))
	config("labels-list", "labels that are a list", set("config", doc{"Labels": []any{}}))
	config("config-null", "a config field that is null, which is allowed", set("config", nil))
	config("unknown-field", "an unknown field, which is kept", set("x-unknown", doc{"a": 1}))
	return out
}
