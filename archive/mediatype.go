package archive

import (
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Media types of Docker's image manifest version 2, schema 2, and of the older
// schema 1, which is recognised and refused.
const (
	typeDockerManifest     = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerManifestList = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeDockerConfig       = "application/vnd.docker.container.image.v1+json"
	prefixDockerLayer      = "application/vnd.docker.image.rootfs."
	prefixDockerForeign    = "application/vnd.docker.image.rootfs.foreign."
	prefixDockerSchema1    = "application/vnd.docker.distribution.manifest.v1+"
	prefixOCILayer         = "application/vnd.oci.image.layer."
	prefixOCIForeign       = "application/vnd.oci.image.layer.nondistributable."
)

func isIndex(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageIndex || mediaType == typeDockerManifestList
}

func isManifest(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageManifest || mediaType == typeDockerManifest
}

func isImageConfig(mediaType string) bool {
	return mediaType == ocispec.MediaTypeImageConfig || mediaType == typeDockerConfig
}

func isLayer(mediaType string) bool {
	return strings.HasPrefix(mediaType, prefixOCILayer) || strings.HasPrefix(mediaType, prefixDockerLayer)
}

// isForeign reports a layer that archives may leave out on purpose (image-spec
// v1.1 layer.md, "Non-Distributable Layers").
func isForeign(mediaType string) bool {
	return strings.HasPrefix(mediaType, prefixOCIForeign) || strings.HasPrefix(mediaType, prefixDockerForeign)
}

// layerMediaType is the OCI media type of a layer tar that is compressed so.
func layerMediaType(c codec.Compression) string {
	switch c {
	case codec.Gzip:
		return ocispec.MediaTypeImageLayerGzip
	case codec.Zstd:
		return ocispec.MediaTypeImageLayerZstd
	case codec.None:
		return ocispec.MediaTypeImageLayer
	}
	return ocispec.MediaTypeImageLayer + "+" + string(c)
}
