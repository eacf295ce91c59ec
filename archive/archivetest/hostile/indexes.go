package hostile

import "fmt"

// indexOf is an index below index.json of what children gives.
func indexOf(children func(f Files, root doc) []any) image {
	return image{roots: func(f Files, root doc) []any {
		delete(root, "annotations")
		return []any{f.index(children(f, root)...)}
	}}
}

// index adds an index.
func (f Files) index(children ...any) doc {
	return f.Blob(typeIndex, marshal(doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": children}))
}

func with(d doc, key string, value any) doc {
	out := doc{key: value}
	for k, v := range d {
		if k != key {
			out[k] = v
		}
	}
	return out
}

func absent(mediaType string) doc {
	return doc{"mediaType": mediaType, "digest": "sha256:" + zeros, "size": 100}
}

// indexCases are indexes of indexes, of nothing, and of what is no image.
func indexCases() []Case {
	var out []Case
	add := func(name, about string, m image, ids ...string) {
		out = append(out, Case{Name: "index-" + name, About: about, Rules: rules(ids...), write: m.write})
	}
	amd64, arm64 := doc{"os": "linux", "architecture": "amd64"}, doc{"os": "linux", "architecture": "arm64"}
	add("of-nothing", "an index without a manifest.", indexOf(func(Files, doc) []any { return []any{} }))
	add("of-absent", "an index that names a platform that is not there, as Docker saves it.", indexOf(func(_ Files, root doc) []any {
		return []any{with(root, "platform", amd64), with(absent(typeManifest), "platform", arm64)}
	}), "LOAD-PLATFORM-ABSENT")
	add("of-absent-alone", "an index none of whose platforms is there.", indexOf(func(Files, doc) []any { return []any{with(absent(typeManifest), "platform", arm64)} }), "LOAD-PLATFORM-ABSENT")
	add("absent", "index.json names a manifest that is not there.", image{roots: func(Files, doc) []any { return []any{absent(typeManifest)} }}, "BLOB-MISSING")
	add("absent-index", "index.json names an index that is not there.", image{roots: func(Files, doc) []any { return []any{absent(typeIndex)} }}, "BLOB-MISSING")
	add("of-config", "an index that names a config as if it were a manifest.", indexOf(func(f Files, root doc) []any { return []any{root, f.Blob(typeConfig, "{}")} }))
	add("of-layer", "an index that names a layer as if it were a manifest.", indexOf(func(f Files, root doc) []any { return []any{root, f.Blob(typeLayer, baseLayer)} }))
	add("of-unknown", "an index that names a blob that nobody knows, as BuildKit's cache does.", indexOf(func(f Files, root doc) []any {
		return []any{root, f.Blob("application/vnd.buildkit.cacheconfig.v0", "{}")}
	}))
	add("of-schema-1", "an index that names a manifest of Docker's schema 1.", indexOf(func(f Files, root doc) []any {
		return []any{root, f.Blob("application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"fsLayers":[]}`)}
	}))
	add("schema-1-alone", "an archive of nothing but a manifest of Docker's schema 1.", image{roots: func(f Files, _ doc) []any {
		return []any{f.Blob("application/vnd.docker.distribution.manifest.v1+json", `{"schemaVersion":1,"fsLayers":[{"blobSum":"sha256:00"}]}`)}
	}})
	add("same-platform-twice", "an index with two images for one platform; the first one counts.", indexOf(func(f Files, root doc) []any {
		other := f.Blob(typeManifest, string(f[blobName(root["digest"].(string))])+" ")
		return []any{with(root, "platform", amd64), with(other, "platform", amd64)}
	}))
	add("same-manifest-twice", "an index that names one manifest for two platforms.", indexOf(func(_ Files, root doc) []any {
		return []any{with(root, "platform", amd64), with(root, "platform", arm64)}
	}))
	add("sizes-differ", "an index that names one manifest twice, with two sizes.", indexOf(func(_ Files, root doc) []any {
		return []any{root, with(root, "size", 5)}
	}), "SIZE-MISMATCH")
	add("media-types-differ", "index.json that names one document as a manifest and as an index.", image{roots: func(_ Files, root doc) []any { return []any{root, with(root, "mediaType", typeIndex)} }})
	add("attestation", "BuildKit's attestation beside an image; nothing is wrong.", image{}, "")
	out[len(out)-1].Rules, out[len(out)-1].write = rules("LOAD-ATTESTATION"), listed("format oci-archive", "index app:v1", "  image", "    layer", "      file etc/motd hello", "  attestation")
	add("attestation-of-nothing", "an attestation for an image that is not there.", indexOf(func(f Files, root doc) []any {
		a := with(f.Blob(typeManifest, marshal(doc{"schemaVersion": 2, "mediaType": typeManifest, "config": f.Blob("application/vnd.oci.empty.v1+json", "{}"), "layers": []any{}})), "platform", doc{"os": "unknown", "architecture": "unknown"})
		return []any{root, with(a, "annotations", doc{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:" + zeros})}
	}))
	add("itself", "an index that names itself, under a digest that is not its own; it is no index of that digest.", image{roots: func(f Files, root doc) []any {
		self := doc{"mediaType": typeIndex, "digest": "sha256:" + zeros, "size": 100}
		f[blobName("sha256:"+zeros)] = marshal(doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []any{self, root}})
		return []any{self}
	}}, "DIGEST-MISMATCH")
	add("circle", "two indexes that name each other, under digests that are not their own.", image{roots: func(f Files, root doc) []any {
		one, two := "sha256:"+zeros[1:]+"1", "sha256:"+zeros[1:]+"2"
		f[blobName(one)] = marshal(doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []any{doc{"mediaType": typeIndex, "digest": two, "size": 9}, root}})
		f[blobName(two)] = marshal(doc{"schemaVersion": 2, "mediaType": typeIndex, "manifests": []any{doc{"mediaType": typeIndex, "digest": one, "size": 9}, root}})
		return []any{doc{"mediaType": typeIndex, "digest": one, "size": 9}}
	}}, "DIGEST-MISMATCH")
	add("itself-json", "index.json that names itself as a blob by its name.", image{roots: func(_ Files, root doc) []any {
		return []any{root, doc{"mediaType": typeIndex, "digest": "sha256:../../index.json", "size": 9}}
	}})
	return append(out, nestedCases()...)
}

// nestedCases are indexes in each other that multiply.
func nestedCases() []Case {
	var out []Case
	for _, n := range []struct{ wide, deep int }{{2, 14}, {10, 5}, {10, 15}, {1000, 3}} {
		m := image{roots: func(f Files, root doc) []any {
			delete(root, "annotations")
			at := root
			for range n.deep {
				children := make([]any, n.wide)
				for i := range children {
					children[i] = at
				}
				at = f.index(children...)
			}
			return []any{at}
		}}
		out = append(out, Case{
			Name: fmt.Sprintf("index-tree-%d-of-%d", n.deep, n.wide), write: m.write,
			About: fmt.Sprintf("%d indexes in each other, each of which names the next one %d times: walking all of it never ends.", n.deep, n.wide),
		})
	}
	return out
}
