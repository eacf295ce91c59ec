package diff

import (
	"encoding/json"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// SchemaVersion is the version of the JSON form of [Report]. It grows when a field
// changes its meaning or goes.
const SchemaVersion = 1

// Report is what differs between two sides, A and B: what A has and B has not is
// removed, what B alone has is added. What is left out by options counts as the
// same. Lists are sorted, those of steps and layers in their own order. All
// strings are as they stand in the archives, which nobody vouches for.
type Report struct {
	SchemaVersion int  `json:"schemaVersion"`
	Mode          Mode `json:"mode"`
	// Same says that nothing differs. The lists below are then empty, but for
	// Images, which has the pairs that were compared.
	Same bool `json:"same"`
	// TimesOnly says that all that differs is times: those of files, or of the
	// config and its history, and digests that follow from them.
	TimesOnly bool `json:"timesOnly"`
	A         Side `json:"a"`
	B         Side `json:"b"`
	// Ignored are the words of [Options.Ignore] that were in force, sorted.
	Ignored []string `json:"ignored"`
	// Paths are the patterns that limit the filesystem level; none is no limit.
	Paths []string `json:"paths,omitempty"`
	// Images are the pairs of images that were compared, sorted by name.
	Images []Image `json:"images"`
	// OnlyA and OnlyB are images that have no partner on the other side.
	OnlyA []Root `json:"onlyA,omitempty"`
	OnlyB []Root `json:"onlyB,omitempty"`
	// Layer is what one layer did, in [ModeLayer] alone.
	Layer *LayerEffect `json:"layer,omitempty"`
}

// Mode says what was compared.
type Mode string

// The modes of a report.
const (
	ModeImages Mode = "images" // two sides
	ModeLayers Mode = "layers" // two layers of one image, each as it stands
	ModeLayer  Mode = "layer"  // an image without and with one of its layers
)

// Side is where one side comes from.
type Side struct {
	// Path is what was opened, as the user wrote it, and Format what it was.
	Path   string         `json:"path"`
	Format archive.Format `json:"format"`
	// Layer is the number of the layer in [ModeLayers], else nil.
	Layer *int `json:"layer,omitempty"`
}

// Kind says what happened to a thing.
type Kind string

// The kinds of change. Moved is for what is the same and stands elsewhere,
// Recompressed for a layer of the same diffID and another descriptor: digest, media
// type, or [LayerPair.Fields].
const (
	Added        Kind = "added"
	Removed      Kind = "removed"
	Changed      Kind = "changed"
	Moved        Kind = "moved"
	Recompressed Kind = "recompressed"
	Unchanged    Kind = "same"
)

// Root is an image or index that an archive names.
type Root struct {
	// Names are sorted; an image may have none.
	Names     []string      `json:"names"`
	Kind      archive.Kind  `json:"kind"`
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
}

// Image is a pair of images or indexes.
type Image struct {
	A Root `json:"a"`
	B Root `json:"b"`
	// Same says that nothing differs between them.
	Same bool `json:"same"`
	// Names has the names that one side alone has, in Field.
	Names []Field `json:"names,omitempty"`
	// Annotations are those of the descriptor that the archive's own index has for
	// the image, of all indexes on the way down, and of these themselves. Field is
	// "descriptor" or "index", and the key behind a dot.
	Annotations []Field `json:"annotations,omitempty"`
	// Index has the fields of the descriptor and of the index that differ.
	Index []Field `json:"index,omitempty"`
	// OnlyA and OnlyB are platforms, attestations, artifacts and referrers that
	// the other side has not.
	OnlyA []Manifest `json:"onlyA,omitempty"`
	OnlyB []Manifest `json:"onlyB,omitempty"`
	// Platforms are the pairs of images for one platform, sorted by platform.
	Platforms []Platform `json:"platforms"`
}

// Manifest is one thing that an index names.
type Manifest struct {
	Kind         archive.Kind  `json:"kind"`
	Platform     string        `json:"platform,omitempty"`
	ArtifactType string        `json:"artifactType,omitempty"`
	MediaType    string        `json:"mediaType"`
	Digest       digest.Digest `json:"digest"`
	// Size is that of the manifest, in stored bytes.
	Size int64 `json:"size"`
}

// Instance is an image for one platform, on one side.
type Instance struct {
	Platform string        `json:"platform"`
	Digest   digest.Digest `json:"digest"`
	// ImageID is the digest of the config.
	ImageID digest.Digest `json:"imageID"`
	// LayerSize is the stored size of all layers, in bytes.
	LayerSize int64 `json:"layerSize"`
	// Layers is how many layers there are.
	Layers int `json:"layers"`
}

// Platform is a pair of images for one platform, level by level. A level that does
// not differ, or is not looked at, is nil or empty.
type Platform struct {
	A Instance `json:"a"`
	B Instance `json:"b"`
	// Same says that nothing differs between them.
	Same bool `json:"same"`
	// Annotations are those of the manifest: Field is their key.
	Annotations []Field `json:"annotations,omitempty"`
	// Manifest has the fields of the manifest but for its layers and annotations.
	Manifest []Field `json:"manifest,omitempty"`
	// Config has the fields of the config but for history and diffIDs.
	Config   []Field    `json:"config,omitempty"`
	History  *History   `json:"history,omitempty"`
	Layers   *Layering  `json:"layers,omitempty"`
	Files    *Files     `json:"files,omitempty"`
	Sizes    []Folder   `json:"sizes,omitempty"`
	Packages []Package  `json:"packages,omitempty"`
	Texts    *TextStats `json:"texts,omitempty"`
	// Notes say what could not be understood and was left out, one line each.
	Notes []string `json:"notes,omitempty"`
}

// Field is a value of a document that differs.
type Field struct {
	// Field is the path of the value, such as config.Labels.version,
	// config.Env.PATH or config.Cmd. Where its last part is a key that holds a dot
	// or is empty, that part is quoted as in Go.
	Field string `json:"field"`
	// Kind is Added, Removed, Changed, or Moved where a list has the same elements
	// in another order.
	Kind Kind `json:"change"`
	// Before and After are the values as JSON, nil for none.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// History is how two histories differ: steps in order, each of one side or both.
type History struct {
	Steps []Step `json:"steps"`
}

// Step is a step of the history.
type Step struct {
	// Kind is Unchanged, Added, Removed, or Changed where CreatedBy is the same and
	// other fields are not.
	Kind Kind `json:"change"`
	// A and B count the steps of each side from 0, nil where it has not this one.
	A *int `json:"a,omitempty"`
	B *int `json:"b,omitempty"`
	// CreatedBy is the command.
	CreatedBy string `json:"createdBy"`
	// Fields are what differs, where Kind is Changed.
	Fields []Field `json:"fields,omitempty"`
}

// Layering is how two lists of layers differ, in their order, the lowest first.
type Layering struct {
	Layers []LayerPair `json:"layers"`
}

// LayerPair is a layer of one side or of both.
type LayerPair struct {
	// Kind is Unchanged, Added, Removed, Recompressed, Moved, or Changed where both
	// sides have different layers at the same place.
	Kind Kind   `json:"change"`
	A    *Layer `json:"a,omitempty"`
	B    *Layer `json:"b,omitempty"`
	// Fields are further fields of the descriptors that differ, annotations among
	// them, where Kind is Recompressed.
	Fields []Field `json:"fields,omitempty"`
}

// Layer is a layer as its image states it.
type Layer struct {
	// Number counts from the lowest layer, 0.
	Number    int           `json:"number"`
	DiffID    digest.Digest `json:"diffID,omitempty"`
	Digest    digest.Digest `json:"digest"`
	MediaType string        `json:"mediaType"`
	// Compression is what the stored bytes begin with.
	Compression string `json:"compression,omitempty"`
	// Size is in stored bytes.
	Size int64 `json:"size"`
}

// Files is what differs between two filesystems.
type Files struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	// BytesBefore and BytesAfter are the sizes of the files listed: of all that was
	// there and differs now. Hardlinks count once for each name.
	BytesBefore int64 `json:"bytesBefore"`
	BytesAfter  int64 `json:"bytesAfter"`
	// Aspects counts the changed paths by what changed, under the words of
	// [Aspects.Words].
	Aspects map[string]int `json:"aspects,omitempty"`
	// Changes are sorted by path, parents before what lies in them.
	Changes []FileChange `json:"changes"`
}

// TextDiff is how the content of a text file changed.
type TextDiff struct {
	// Unified is a diff without the two lines of names, cut to a bounded number of
	// lines. It is empty where Why says why there is none.
	Unified string `json:"unified,omitempty"`
	// Inserted and Deleted count all lines, those that were cut too.
	Inserted int `json:"inserted"`
	Deleted  int `json:"deleted"`
	// Cut is how many lines of Unified were left out.
	Cut int    `json:"cut,omitempty"`
	Why string `json:"why,omitempty"`
}

// TextStats says what --content left out.
type TextStats struct {
	// Shown is how many files have a diff, Skipped how many changed files of
	// content have none, for they are large, binary or too many.
	Shown   int `json:"shown"`
	Skipped int `json:"skipped"`
}

// Folder is how much a folder grew, all below it counted. Sizes are bytes of
// files; a file that has several names counts once, at its first one.
type Folder struct {
	// Path is relative, "." for the root.
	Path string `json:"-"`
	// Added is what is in B and was not in A: whole files that are new, and what
	// changed files grew by. Removed is the same the other way round.
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	// Files is how many paths below differ.
	Files int `json:"files"`
}

// Name is the path of the folder from the root on.
func (f *Folder) Name() string { return absolute(f.Path) }

// Net is how many bytes the folder grew by, or shrank where it is below 0.
func (f *Folder) Net() int64 { return f.Added - f.Removed }

// Package is an installed package that differs.
type Package struct {
	Kind Kind   `json:"change"`
	Type string `json:"type"` // dpkg, apk, rpm, python and so on
	Name string `json:"name"`
	Arch string `json:"arch,omitempty"`
	// Path is where the package is told of, from the root on.
	Path string `json:"path,omitempty"`
	// Before and After are versions, empty for none.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// LayerEffect is what one layer did to what lies below it. Sizes are bytes of
// files, holes counted.
type LayerEffect struct {
	Layer
	// CreatedBy is the step of the history that made the layer, if that is known.
	CreatedBy string `json:"createdBy,omitempty"`
	// AddedBytes is the content of all files that the layer brings.
	AddedBytes int64 `json:"addedBytes"`
	// WastedBytes is the content of files of lower layers that the layer deletes or
	// covers: it stays in the image, and nobody sees it.
	WastedBytes int64 `json:"wastedBytes"`
	// WastedFiles is how many files that is.
	WastedFiles int `json:"wastedFiles"`
	// SameBytes is the part of AddedBytes that lower layers had at the same path
	// with the same content: files whose mode, owner or times alone changed, or
	// nothing at all. SameFiles counts them.
	SameBytes int64 `json:"sameBytes"`
	SameFiles int   `json:"sameFiles"`
}
