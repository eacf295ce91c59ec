package inspect

import (
	"slices"
	"time"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// SchemaVersion is the version of the JSON forms of [Summary], [History] and of
// listings. It grows when a field changes its meaning or goes.
const SchemaVersion = 1

// Summary is what an archive says of itself. Sizes are stored bytes.
type Summary struct {
	SchemaVersion int    `json:"schemaVersion"`
	Path          string `json:"path"`
	Format        string `json:"format"`
	// Compression is that of the whole file.
	Compression string `json:"compression"`
	// Size is the size of the file, or nil for a folder or a pipe.
	Size   *int64  `json:"size,omitempty"`
	Images []Image `json:"images"`
	Totals Totals  `json:"totals"`
	// Faults are documents that could not be read, one line each.
	Faults []string `json:"faults,omitempty"`
}

// Totals counts over the images of a summary.
type Totals struct {
	Images int `json:"images"`
	// Manifests counts the images for one platform, each digest once.
	Manifests int `json:"manifests"`
	// Layers counts distinct layers; SharedLayers those that more than one
	// manifest has.
	Layers       int `json:"layers"`
	SharedLayers int `json:"sharedLayers"`
	// LayerSize is the stored size of the distinct layers, SavedSize what they
	// would take more if each manifest had its own.
	LayerSize int64 `json:"layerSize"`
	SavedSize int64 `json:"savedSize"`
}

// Image is one root of an archive.
type Image struct {
	// Number counts from zero; `@N` selects the image.
	Number      int               `json:"number"`
	Names       []string          `json:"names"`
	Kind        archive.Kind      `json:"kind"`
	MediaType   string            `json:"mediaType"`
	Digest      digest.Digest     `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Manifests are what the image is made of: itself, or what its index names.
	Manifests []Manifest `json:"manifests"`
}

// Manifest is one manifest of an image: one platform, an attestation or another
// artifact. Of an absent one only what its descriptor says is known.
type Manifest struct {
	Kind         archive.Kind      `json:"kind"`
	MediaType    string            `json:"mediaType"`
	Digest       digest.Digest     `json:"digest"`
	Size         int64             `json:"size"`
	Platform     *ocispec.Platform `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	// Subject is the manifest that this one refers to.
	Subject     digest.Digest     `json:"subject,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// ImageID is the digest of the config.
	ImageID digest.Digest        `json:"imageID,omitempty"`
	Created *time.Time           `json:"created,omitempty"`
	Author  string               `json:"author,omitempty"`
	Config  *ocispec.ImageConfig `json:"config,omitempty"`
	// LayerSize is the stored size of all layers.
	LayerSize int64   `json:"layerSize"`
	Layers    []Layer `json:"layers"`
	History   []Step  `json:"history,omitempty"`
	// Absent says that the archive does not hold the manifest.
	Absent bool   `json:"absent,omitempty"`
	Fault  string `json:"fault,omitempty"`
}

// Layer is one layer, or one blob of an artifact.
type Layer struct {
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	// DiffID is what the config claims.
	DiffID digest.Digest `json:"diffID,omitempty"`
	// Compression is what the stored bytes begin with.
	Compression codec.Compression `json:"compression,omitempty"`
	Size        int64             `json:"size"`
	// TarSize is the uncompressed size, known without reading where the layer
	// is not compressed.
	TarSize *int64 `json:"tarSize,omitempty"`
	// UsedBy counts the manifests of the summary that have the layer.
	UsedBy int    `json:"usedBy"`
	Absent bool   `json:"absent,omitempty"`
	Fault  string `json:"fault,omitempty"`
}

// Step is one entry of the history.
type Step struct {
	Created   *time.Time `json:"created,omitempty"`
	CreatedBy string     `json:"createdBy,omitempty"`
	Author    string     `json:"author,omitempty"`
	Comment   string     `json:"comment,omitempty"`
	// Layer is the number of the layer that the step made, or nil for none.
	Layer *int `json:"layer,omitempty"`
}

// Summarize tells what a says of images, of all platforms or of those that one
// of platforms matches. It reads nothing more than [archive.Open] did.
func Summarize(a *archive.Archive, images []*archive.Image, platforms ...archive.PlatformMatcher) *Summary {
	s := &Summary{
		SchemaVersion: SchemaVersion,
		Path:          a.Path,
		Format:        string(a.Format),
		Compression:   string(a.Outer),
		Images:        []Image{},
	}
	if a.Size >= 0 {
		s.Size = &a.Size
	}
	numbers := map[*archive.Image]int{}
	for i, image := range a.Images {
		numbers[image] = i
	}
	for _, image := range images {
		s.Images = append(s.Images, summarizeImage(image, numbers[image], platforms))
	}
	s.count()
	return s
}

func summarizeImage(image *archive.Image, number int, platforms []archive.PlatformMatcher) Image {
	out := Image{
		Number:      number,
		Names:       []string{},
		Kind:        image.Kind(),
		MediaType:   image.Descriptor.MediaType,
		Digest:      image.Descriptor.Digest,
		Size:        image.Descriptor.Size,
		Annotations: image.Descriptor.Annotations,
		Manifests:   []Manifest{},
	}
	for _, name := range image.Names {
		out.Names = append(out.Names, string(name))
	}
	var all []*archive.Node
	kept := map[digest.Digest]bool{}
	_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
		if n.Index == nil {
			all = append(all, n)
			kept[n.Descriptor.Digest] = matches(n.Platform(), platforms)
		}
		return nil
	})
	for _, n := range all {
		if kept[n.Descriptor.Digest] || kept[n.Subject()] {
			out.Manifests = append(out.Manifests, summarizeManifest(n))
		}
	}
	return out
}

// matches reports that p is one of platforms, of which none means any.
func matches(p *ocispec.Platform, platforms []archive.PlatformMatcher) bool {
	return len(platforms) == 0 || slices.ContainsFunc(platforms, func(m archive.PlatformMatcher) bool { return m.Match(p) })
}

func summarizeManifest(n *archive.Node) Manifest {
	m := Manifest{
		Kind:         n.Kind(),
		MediaType:    n.Descriptor.MediaType,
		Digest:       n.Descriptor.Digest,
		Size:         n.Descriptor.Size,
		Platform:     n.Platform(),
		ArtifactType: n.ArtifactType(),
		Subject:      n.Subject(),
		Layers:       []Layer{},
	}
	m.Absent, m.Fault = fault(n.Err)
	if n.Manifest == nil {
		return m
	}
	m.Annotations = n.Manifest.Annotations
	for _, layer := range n.Layers {
		m.Layers = append(m.Layers, summarizeLayer(layer))
		m.LayerSize += layer.Descriptor.Size
	}
	if n.Kind() == archive.KindImage {
		m.addConfig(n)
	}
	return m
}

func (m *Manifest) addConfig(n *archive.Node) {
	m.ImageID = n.Manifest.Config.Digest
	if n.Config.Err != nil {
		m.Fault = n.Config.Err.Error()
		return
	}
	m.Created, m.Author, m.Config = n.Config.Created, n.Config.Author, &n.Config.Config
	m.History = steps(n.Config.History, len(n.Layers))
}

func summarizeLayer(layer archive.Layer) Layer {
	out := Layer{
		MediaType:   layer.Descriptor.MediaType,
		Digest:      layer.Descriptor.Digest,
		DiffID:      layer.DiffID,
		Compression: layer.Compression,
		Size:        layer.Descriptor.Size,
	}
	if layer.Compression == codec.None && layer.DiffID != "" && !archive.IsEncrypted(out.MediaType) {
		size := out.Size
		out.TarSize = &size
	}
	out.Absent, out.Fault = fault(layer.Err)
	return out
}

// steps pairs history and layers in order. Where there are more steps that say
// that they made a layer than layers, the last ones get none.
func steps(history []ocispec.History, layers int) []Step {
	var out []Step
	next := 0
	for _, h := range history {
		step := Step{Created: h.Created, CreatedBy: h.CreatedBy, Author: h.Author, Comment: h.Comment}
		if !h.EmptyLayer && next < layers {
			number := next
			step.Layer = &number
			next++
		}
		out = append(out, step)
	}
	return out
}
