package hostile

import "strings"

// layerCases are layers whose content or media type is odd.
func layerCases() []Case {
	var out []Case
	add := func(name, about string, m image, ids ...string) {
		out = append(out, Case{Name: "layer-" + name, About: about, Rules: rules(ids...), write: m.write})
	}
	add("of-no-bytes", "a layer of no bytes.", image{layers: []string{baseLayer, ""}})
	add("of-no-bytes-gzip", "a gzip layer of no bytes.", image{layers: []string{baseLayer, ""}, compress: gzipped, layer: set("mediaType", typeLayer+"+gzip")})
	add("of-end-alone", "an empty layer, as Docker writes it; nothing is wrong.", image{layers: []string{baseLayer, tarEnd}})
	add("without-end", "a layer without end blocks; nothing is missing.", uncut(file("a", "x")))
	add("one-end-block", "a layer with one end block of two; nothing is missing.", uncut(file("a", "x")+tarEnd[:512]))
	add("entries-behind-end", "a layer with a file behind its end; nobody sees it, and it counts in the diffID.", uncut(tarOf(file("a", "x"))+tarOf(file("b", "x"))), "TAR-TRAILING-DATA")
	add("text-behind-end", "a layer with text behind its end.", uncut(tarOf(file("a", "x"))+"hidden"), "TAR-TRAILING-DATA")
	add("no-tar", "a layer that is no tar.", uncut(strings.Repeat("no tar ", 1000)), "TAR-BROKEN")
	add("short-text", "a layer of three bytes.", uncut("abc"), "TAR-BROKEN")
	add("html", "a layer that is the page that a download ended at.", uncut("<!DOCTYPE html><html></html>"), "TAR-BROKEN")
	add("json", "a layer that is a JSON document.", uncut(`{"schemaVersion":2}`), "TAR-BROKEN")
	add("squashfs", "a layer that is a squashfs file system.", uncut("hsqs"+strings.Repeat("\x07\x00", 600)), "TAR-BROKEN")
	add("archive", "a layer that is an image archive: a tar like others.", uncut(docker(dockerManifest)))
	add("sum-wrong", "a layer with a wrong check sum in a header.", uncut(file("a", "x")+flipped(header('0', "b", 0), 0)+tarEnd), "TAR-BROKEN")
	add("zero-block-within", "a zero block between two files, which ends the tar for some and not for others.", uncut(file("a", "x")+tarEnd[:512]+file("b", "x")+tarEnd))
	add("size-beyond-end", "a file that claims to be longer than its layer.", uncut(header('0', "a", 1<<30)), "TAR-BROKEN")
	add("twice", "one layer twice; it is applied twice and read once.", image{layers: []string{baseLayer, baseLayer}})
	return append(append(out, layerTypeCases()...), damageCases()...)
}

// layerTypeCases are layers that are called what they are not, or are no layers.
func layerTypeCases() []Case {
	var out []Case
	add := func(name, about string, m image, ids ...string) {
		out = append(out, Case{Name: "layer-" + name, About: about, Rules: rules(ids...), write: m.write})
	}
	for _, t := range []struct {
		name, about, mediaType string
		rules                  []string
	}{
		{"type-gzip", "a plain layer that is called gzip", typeLayer + "+gzip", []string{"COMPRESSION-MISMATCH"}},
		{"type-zstd", "a plain layer that is called zstd", typeLayer + "+zstd", []string{"COMPRESSION-MISMATCH"}},
		{"type-docker", "Docker's media type of a gzip layer over a plain one", "application/vnd.docker.image.rootfs.diff.tar.gzip", []string{"COMPRESSION-MISMATCH"}},
		{"type-encrypted", "a layer that is called encrypted", typeLayer + "+encrypted", []string{"LOAD-ENCRYPTED-LAYER", "COMPRESSION-MISMATCH"}},
		{"type-gzip-encrypted", "a gzip layer that is called encrypted", typeLayer + "+gzip+encrypted", []string{"LOAD-ENCRYPTED-LAYER", "COMPRESSION-MISMATCH"}},
		{"type-wasm", "a WebAssembly module in the place of a layer", "application/vnd.wasm.content.layer.v1+wasm", nil},
		{"type-in-toto", "an attestation in the place of a layer", "application/vnd.in-toto+json", nil},
		{"type-unknown", "a layer of a media type that nobody knows", "application/x-unknown", nil},
		{"type-foreign", "a layer that may not be distributed, and is here", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", nil},
		{"type-parameters", "a media type with parameters", typeLayer + "; charset=utf-8", nil},
		{"type-upper-case", "a media type in upper case", strings.ToUpper(typeLayer), nil},
		{"type-nothing-behind-plus", "a media type that ends in a plus", typeLayer + "+", nil},
	} {
		add(t.name, t.about+".", image{layer: set("mediaType", t.mediaType)}, t.rules...)
	}
	encrypted := func(m doc) {
		m["mediaType"] = typeLayer + "+gzip+encrypted"
		m["annotations"] = doc{"org.opencontainers.image.enc.keys.jwe": "e30=", "org.opencontainers.image.enc.pubopts": "e30="}
	}
	add("encrypted", "an encrypted layer: bytes that nobody can read without its key.", image{layers: []string{baseLayer, baseLayer + "x"}, compress: scrambled, layer: encrypted}, "LOAD-ENCRYPTED-LAYER")
	foreign := func(m doc) {
		m["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
		m["urls"] = []any{"https://192.0.2.1/layer"}
	}
	add("foreign-absent", "a layer that is not here and has a URL; nothing is fetched.", image{layer: foreign, files: remove}, "LOAD-FOREIGN-LAYER")
	add("foreign-here", "a layer that has a URL and is here.", image{layer: foreign, compress: gzipped})
	return out
}

// remove takes the layer away.
func remove(f Files, p parts) { delete(f, blobName(p.layer)) }

// damageCases are blobs that are not what their digest says, or not there.
func damageCases() []Case {
	var out []Case
	add := func(name, about string, m image, ids ...string) {
		out = append(out, Case{Name: "layer-" + name, About: about, Rules: rules(ids...), write: m.write})
	}
	add("absent", "a layer that is not here.", image{files: remove}, "BLOB-MISSING")
	add("damaged", "a layer with one wrong bit.", image{files: func(f Files, p parts) { f[blobName(p.layer)] = flipped(f[blobName(p.layer)], 600) }}, "DIGEST-MISMATCH")
	add("cut", "a layer without its last byte.", image{files: func(f Files, p parts) {
		f[blobName(p.layer)] = strings.TrimSuffix(f[blobName(p.layer)], "\x00")
	}}, "DIGEST-MISMATCH")
	add("longer", "a layer with a byte more.", image{files: func(f Files, p parts) { f[blobName(p.layer)] += "\x00" }}, "DIGEST-MISMATCH")
	add("emptied", "a layer that was cut to nothing, as a full disk leaves it.", image{files: func(f Files, p parts) { f[blobName(p.layer)] = "" }}, "DIGEST-MISMATCH")
	add("config-damaged", "a config with one letter changed, which is JSON still.", image{files: func(f Files, p parts) {
		f[blobName(p.config)] = strings.Replace(f[blobName(p.config)], "amd64", "arm64", 1)
	}}, "DIGEST-MISMATCH")
	add("manifest-damaged", "a manifest with one letter changed, which is JSON still.", image{files: func(f Files, p parts) {
		f[blobName(p.manifest)] = strings.Replace(f[blobName(p.manifest)], `"schemaVersion":2`, `"schemaVersion":3`, 1)
	}}, "DIGEST-MISMATCH")
	add("manifest-exchanged", "a manifest that was exchanged for that of another image.", image{files: func(f Files, p parts) {
		other := image{layers: []string{tarOf(file("evil", "x"))}, files: func(o Files, q parts) {
			f[blobName(p.manifest)] = o[blobName(q.manifest)]
			f[blobName(q.config)], f[blobName(q.layer)] = o[blobName(q.config)], o[blobName(q.layer)]
		}}
		other.make()
	}}, "DIGEST-MISMATCH")
	add("config-exchanged", "a config that was exchanged for that of another image.", image{files: func(f Files, p parts) {
		f[blobName(p.config)] = marshal(doc{"architecture": "amd64", "os": "linux", "config": doc{"Cmd": []any{"/evil"}}, "rootfs": doc{"type": "layers", "diff_ids": []any{digestOf(baseLayer)}}})
	}}, "DIGEST-MISMATCH")
	add("none", "an image without layers.", image{manifest: set("layers", []any{}), config: set("rootfs", doc{"type": "layers", "diff_ids": []any{}})})
	return out
}

// scrambled looks as what a cipher gives.
func scrambled(s string) string {
	out := []byte(s)
	state := uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] ^= byte(state>>24) | 0x80
	}
	return string(out)
}
