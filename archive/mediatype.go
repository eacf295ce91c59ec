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

// IsForeign reports a layer that archives may leave out on purpose (image-spec
// v1.1 layer.md, "Non-Distributable Layers").
func IsForeign(mediaType string) bool { return isForeign(mediaType) }

// StatedCompression is what a layer's media type says of its compression; it is
// not known for types of others.
func StatedCompression(mediaType string) (_ codec.Compression, known bool) {
	if !isLayer(mediaType) {
		return "", false
	}
	switch {
	case strings.HasSuffix(mediaType, ".tar"):
		return codec.None, true
	case strings.HasSuffix(mediaType, "gzip"):
		return codec.Gzip, true
	case strings.HasSuffix(mediaType, "zstd"):
		return codec.Zstd, true
	case strings.HasSuffix(mediaType, "+xz"), strings.HasSuffix(mediaType, "+bzip2"):
		return codec.Compression(mediaType[strings.LastIndexByte(mediaType, '+')+1:]), true
	}
	return "", false
}

// isForeign reports a layer that archives may leave out on purpose (image-spec
// v1.1 layer.md, "Non-Distributable Layers").
func isForeign(mediaType string) bool {
	return strings.HasPrefix(mediaType, prefixOCIForeign) || strings.HasPrefix(mediaType, prefixDockerForeign)
}

// IsEncrypted reports a layer that cannot be read without a key, as ocicrypt names
// it: any media type of a layer with +encrypted behind it.
func IsEncrypted(mediaType string) bool {
	return isLayer(mediaType) && strings.HasSuffix(mediaType, "+encrypted")
}

// LayerMediaType is the OCI media type of a layer tar that is compressed so.
func LayerMediaType(c codec.Compression) string { return layerMediaType(c) }

// IsIndex reports the media type of an index or of Docker's manifest list.
func IsIndex(mediaType string) bool { return isIndex(mediaType) }

// IsManifest reports the media type of a manifest, OCI's or Docker's.
func IsManifest(mediaType string) bool { return isManifest(mediaType) }

// IsImageConfig reports the media type of an image config, OCI's or Docker's.
func IsImageConfig(mediaType string) bool { return isImageConfig(mediaType) }

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

// IsDocker reports a media type of Docker's image manifest version 2.
func IsDocker(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.docker.")
}

// DockerLayerMediaType is Docker's media type of a layer tar that is compressed
// so, where it has one: for plain and gzip layers.
func DockerLayerMediaType(c codec.Compression) (mediaType string, ok bool) {
	switch c {
	case codec.None:
		return prefixDockerLayer + "diff.tar", true
	case codec.Gzip:
		return prefixDockerLayer + "diff.tar.gzip", true
	}
	return "", false
}

// OCIMediaType is what image-spec v1.1 calls a media type of Docker
// (media-types.md, "Compatibility Matrix"); any other is itself.
func OCIMediaType(mediaType string) string {
	switch mediaType {
	case typeDockerManifest:
		return ocispec.MediaTypeImageManifest
	case typeDockerManifestList:
		return ocispec.MediaTypeImageIndex
	case typeDockerConfig:
		return ocispec.MediaTypeImageConfig
	}
	for _, docker := range []string{prefixDockerForeign + "diff.tar", prefixDockerLayer + "diff.tar"} {
		suffix, ok := strings.CutPrefix(mediaType, docker)
		if !ok {
			continue
		}
		base := ocispec.MediaTypeImageLayer
		if docker != prefixDockerLayer+"diff.tar" {
			base = prefixOCIForeign + "v1.tar" // what is there stays what it is
		}
		return base + strings.Replace(suffix, ".", "+", 1)
	}
	return mediaType
}
