package convert_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
)

// FuzzConvertDocuments converts layouts whose documents are any text, under the
// digests that they have: a manifest or an index, the descriptor that points at it,
// and a config. HEX(config) and the like stand for the digests of blobs, as in
// [layoutOf].
func FuzzConvertDocuments(f *testing.F) {
	blobs := strangeBlobs(f)
	const (
		empty    = `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:HEX(config)","size":SIZE(config)},"layers":[]}`
		index    = `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:HEX(config)","size":SIZE(config),"x-odd":1},{"mediaType":"a/b","digest":"sha256:HEX(one)","size":SIZE(one)}],"subject":null}`
		toIndex  = `{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:HEX(manifest)","size":SIZE(manifest),"annotations":{"io.containerd.image.name":"a","x":"y"}}`
		toDocker = `{"size":SIZE(manifest),"digest":"sha256:HEX(manifest)","mediaType":"application/vnd.docker.distribution.manifest.v2+json","x-odd":{"a":null}}`
	)
	f.Add(strangeManifest, strangeDescriptor, blobs["config"], uint8(0))
	f.Add(strangeManifest, toDocker, blobs["config"], uint8(4))
	f.Add(strangeManifest, strings.Replace(strangeDescriptor, `"os":"linux"`, `"os":"linux","x-odd":[1.0],"os.features":[]`, 1), blobs["config"], uint8(1))
	f.Add(strangeManifest, strings.Replace(strangeDescriptor, `"data"`, `"digest":"sha256:HEX(one)","Digest":"sha256:HEX(manifest)","mediatype":"application/vnd.oci.image.manifest.v1+json","data"`, 1), blobs["config"], uint8(0))
	f.Add(empty, toDocker, `{}`, uint8(1))
	f.Add(index, toIndex, `{"schemaVersion":2,"layers":null,"config":{"mediaType":"x","digest":"sha256:HEX(one)","size":1}}`, uint8(2))
	f.Add(`{"blobs":[]}`, `{"mediaType":"x/y","digest":"sha256:HEX(manifest)","size":SIZE(manifest),"data":"e30="}`, ``, uint8(3))
	f.Fuzz(func(t *testing.T, manifest, descriptor, config string, how uint8) {
		stored := maps.Clone(blobs)
		stored["config"] = config
		path := layoutOf(t, manifest, descriptor, stored)
		a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
		if err != nil {
			checkTyped(t, err)
			return
		}
		defer a.Close()
		checkConverted(t, a, how)
	})
}
