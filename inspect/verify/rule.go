package verify

import (
	"fmt"
	"slices"
	"strings"
)

// Severity is how much a finding weighs. The zero value is none.
type Severity int

// The severities, in order.
const (
	Off     Severity = iota // not looked for
	Note                    // worth knowing
	Warning                 // works, and is likely to surprise somebody
	Error                   // the archive is broken, untruthful or unsafe
)

var severityNames = []string{"off", "note", "warning", "error"}

// String gives the word that flags and reports use.
func (s Severity) String() string { return severityNames[s] }

// ParseSeverity reads that word.
func ParseSeverity(s string) (Severity, error) {
	i := slices.Index(severityNames, s)
	if i < 0 {
		return Off, fmt.Errorf("severity %q: it is one of %s", s, strings.Join(severityNames, ", "))
	}
	return Severity(i), nil
}

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Group is what a rule is about.
type Group string

// The groups of rules.
const (
	Whole    Group = "whole"    // is everything there, and undamaged?
	Truthful Group = "truthful" // does it say what is so?
	Safe     Group = "safe"     // does it do harm where it is unpacked?
	Loadable Group = "loadable" // do engines take it?
)

// Rule is something that is looked for.
type Rule struct {
	// ID never changes its meaning.
	ID       string
	Group    Group
	Severity Severity
	// Title says in one line what is wrong where the rule finds something.
	Title string
	// Why says what comes of it, and what the rule follows.
	Why string
	// Fix says in one line what to do.
	Fix string
}

// The rules, as [Rules] lists them.
const (
	BlobMissing         = "IMG-BLOB-MISSING"
	SizeMismatch        = "IMG-SIZE-MISMATCH"
	DigestMismatch      = "IMG-DIGEST-MISMATCH"
	StreamBroken        = "IMG-STREAM-BROKEN"
	TarBroken           = "IMG-TAR-BROKEN"
	TarTrailing         = "IMG-TAR-TRAILING-DATA"
	JSONInvalid         = "IMG-JSON-INVALID"
	JSONDuplicate       = "IMG-JSON-DUPLICATE-KEY"
	SchemaViolation     = "IMG-SCHEMA"
	DocumentConfused    = "IMG-DOCUMENT-CONFUSED"
	MediaTypeMismatch   = "IMG-MEDIATYPE-MISMATCH"
	CompressionMismatch = "IMG-COMPRESSION-MISMATCH"
	DiffIDMismatch      = "IMG-DIFFID-MISMATCH"
	DiffIDCount         = "IMG-DIFFID-COUNT"
	HistoryCount        = "IMG-HISTORY-COUNT"
	PlatformMismatch    = "IMG-PLATFORM-MISMATCH"
	DataMismatch        = "IMG-DATA-MISMATCH"
	FacesDiffer         = "IMG-FACES-DIFFER"
	RepositoriesDiffer  = "IMG-REPOSITORIES-DIFFER"
	NameInvalid         = "IMG-NAME-INVALID"
	NameAmbiguous       = "IMG-NAME-AMBIGUOUS"
	NoImage             = "IMG-NO-IMAGE"
	OverLimit           = "IMG-OVER-LIMIT"
	PathEscape          = "IMG-PATH-ESCAPE"
	EntryInvalid        = "IMG-ENTRY-INVALID"
	SymlinkEscape       = "IMG-SYMLINK-ESCAPE"
	WriteThroughLink    = "IMG-WRITE-THROUGH-LINK"
	DuplicateEntry      = "IMG-DUPLICATE-ENTRY"
	DeviceNode          = "IMG-DEVICE-NODE"
	SetUID              = "IMG-SETUID"
	WorldWritable       = "IMG-WORLD-WRITABLE"
	CaseCollision       = "IMG-CASE-COLLISION"
	NameUnportable      = "IMG-NAME-UNPORTABLE"
	Expansion           = "IMG-EXPANSION"
	PlatformAbsent      = "IMG-LOAD-PLATFORM-ABSENT"
	LoadZstd            = "IMG-LOAD-ZSTD"
	LoadCompression     = "IMG-LOAD-COMPRESSION"
	LoadAttestation     = "IMG-LOAD-ATTESTATION"
	LoadNoManifestJSON  = "IMG-LOAD-NO-MANIFEST-JSON"
	LoadLegacy          = "IMG-LOAD-DOCKER-SAVE-1.0"
	LoadNoLayoutFile    = "IMG-LOAD-NO-LAYOUT-FILE"
	LoadForeign         = "IMG-LOAD-FOREIGN-LAYER"
	LoadEncrypted       = "IMG-LOAD-ENCRYPTED-LAYER"
)

// Rules gives all rules in the order of reports.
func Rules() []Rule { return slices.Clone(rules) }

var rules = []Rule{
	{BlobMissing, Whole, Error, "a blob that the image needs is not in the archive",
		"The image cannot be loaded. Archives that were copied in part, or saved without a platform's content, look so (image-spec v1.1 image-layout.md, \"Blobs\").",
		"save or copy the image again"},
	{NoImage, Whole, Error, "the archive holds no image",
		"There is nothing to load; whoever made it meant to put something in.",
		"save the image again"},
	{SizeMismatch, Whole, Error, "a blob is not as long as its descriptor says",
		"Clients refuse it, or read only a part (image-spec v1.1 descriptor.md, \"Properties\").",
		"imgtool repair SRC DST"},
	{DigestMismatch, Whole, Error, "stored bytes are not what their digest says",
		"The bytes were damaged or exchanged (image-spec v1.1 descriptor.md, \"Verification\").",
		"copy the archive again, and compare check sums on both sides"},
	{StreamBroken, Whole, Error, "a compressed layer cannot be read to its end",
		"The stream is cut, damaged, or followed by something else (RFC 1952, RFC 8878).",
		"save or copy the image again"},
	{TarBroken, Whole, Error, "the tar of a layer cannot be read to its end",
		"Engines stop in the middle of the layer (image-spec v1.1 layer.md).",
		"build the image again"},
	{TarTrailing, Whole, Warning, "data follows the end of a layer's tar",
		"Nobody unpacks it, yet it counts in the diffID: a place to hide things.",
		"flatten the image, which leaves it out"},
	{JSONInvalid, Truthful, Error, "a document is not JSON of its kind",
		"Nothing below it can be read.",
		"save the image again, or convert an intact copy"},
	{JSONDuplicate, Truthful, Error, "a document has a field twice",
		"Parsers choose differently, so that tools see different images (RFC 8259, section 4).",
		"build the image again with another tool"},
	{SchemaViolation, Truthful, Error, "a document breaks the schema of image-spec",
		"Strict clients and registries refuse it.",
		"build the image again with another tool"},
	{DocumentConfused, Truthful, Error, "a document is a manifest and an index at once",
		"Tools disagree on what it is (CVE-2021-41190; image-spec v1.1 image-index.md).",
		"do not use it; build the image again"},
	{MediaTypeMismatch, Truthful, Error, "a document names another media type than its descriptor",
		"Clients that trust one of them read it wrongly (image-spec v1.1 manifest.md, \"mediaType\").",
		"imgtool repair SRC DST"},
	{CompressionMismatch, Truthful, Error, "a layer is not compressed as its media type says",
		"Clients that trust the media type cannot unpack it (image-spec v1.1 layer.md).",
		"imgtool repair SRC DST"},
	{DiffIDMismatch, Truthful, Error, "a layer's tar is not what the config's diffID says",
		"Engines refuse the layer (image-spec v1.1 config.md, \"Layer DiffID\").",
		"build the image again"},
	{DiffIDCount, Truthful, Error, "manifest and config disagree on the number of layers",
		"Engines refuse the image (image-spec v1.1 config.md, \"rootfs\").",
		"build the image again"},
	{HistoryCount, Truthful, Warning, "the history tells of another number of layers",
		"Listings put commands beside the wrong layers; engines do not mind (image-spec v1.1 config.md, \"history\").",
		"nothing need be done"},
	{PlatformMismatch, Truthful, Warning, "index and config name different platforms",
		"Clients choose by the index and run what the config says (image-spec v1.1 image-index.md, \"platform\").",
		"imgtool repair SRC DST"},
	{DataMismatch, Truthful, Error, "content embedded in a descriptor is not what it describes",
		"Clients that use it see other bytes than those that fetch them (image-spec v1.1 descriptor.md, \"Embedded Content\").",
		"imgtool repair SRC DST"},
	{FacesDiffer, Truthful, Error, "manifest.json and index.json describe different images",
		"Docker before 25 and podman load one, newer engines the other.",
		"imgtool repair SRC DST"},
	{RepositoriesDiffer, Truthful, Warning, "`repositories` and manifest.json disagree on names",
		"Tools of the time before Docker 1.10 give names to other images.",
		"imgtool repair SRC DST"},
	{NameInvalid, Truthful, Warning, "a name is no reference that engines take",
		"`docker load` stops at it with an error, or leaves the image without it (distribution reference grammar).",
		"imgtool convert SRC DST --name NAME"},
	{NameAmbiguous, Truthful, Warning, "one name stands for several images",
		"Most tools load the last of them by it, some the first, and others none (image-spec v1.1 annotations.md, \"org.opencontainers.image.ref.name\").",
		"imgtool convert SRC DST --image @N --name NAME"},
	{OverLimit, Whole, Error, "a document passes one of the limits on input",
		"It is larger or deeper than any real image, and is not read.",
		"do not use it"},
	{PathEscape, Safe, Error, "an entry or a hardlink leads out of the image's root",
		"A careless extractor writes or links outside of its folder.",
		"do not unpack it with other tools; build the image again"},
	{EntryInvalid, Safe, Error, "an entry cannot be applied",
		"Engines stop at it, or each makes something else of it (image-spec v1.1 layer.md, \"Applying Changesets\").",
		"build the image again"},
	{SymlinkEscape, Safe, Warning, "a symlink climbs above the root with ..",
		"Inside a container it ends at the root; unpacked elsewhere it leads out.",
		"make the link relative to where it lies, or absolute"},
	{WriteThroughLink, Safe, Note, "an entry lies below a path that is a symlink",
		"Images with merged /usr need it; tools that unpack layer by layer put the file elsewhere, careless ones outside.",
		"flatten the image, which writes it where it belongs"},
	{DuplicateEntry, Safe, Warning, "a layer has a path twice, with different content",
		"The last one counts; scanners may look at the first.",
		"flatten the image, which keeps the last one"},
	{DeviceNode, Safe, Warning, "the image has a device node",
		"It opens the host's device where the engine lets it; without root it cannot be unpacked.",
		"leave /dev to the engine"},
	{SetUID, Safe, Note, "a file runs with its owner's or group's rights",
		"setuid and setgid files are ways to more rights inside a container.",
		"check that it is meant"},
	{WorldWritable, Safe, Warning, "anybody may write here",
		"A folder without the sticky bit, or a file, that every user can change.",
		"chmod o-w, or add the sticky bit to a folder"},
	{CaseCollision, Safe, Note, "two paths differ in case alone",
		"macOS and Windows hosts hold one of them.",
		"rename one"},
	{NameUnportable, Safe, Note, "a name is not possible on Windows, or no UTF-8",
		"It cannot be unpacked there, or shows as something else.",
		"rename it where that matters"},
	{Expansion, Safe, Error, "a layer gives out far more than it stores",
		"A decompression bomb fills the disk of who unpacks it.",
		"do not load it; if it is to be trusted, raise --max-expansion"},
	{PlatformAbsent, Loadable, Warning, "an index names a platform that the archive does not hold",
		"`ctr image import --all-platforms` refuses that; Docker 25 and later save so.",
		"imgtool repair SRC DST"},
	{LoadZstd, Loadable, Warning, "a layer is compressed with zstd",
		"Docker before 23 and umoci 0.4 cannot load it.",
		"imgtool convert SRC DST --compress gzip"},
	{LoadCompression, Loadable, Error, "a layer is compressed in a way that images do not use",
		"image-spec knows plain, gzip and zstd layers; engines refuse others.",
		"imgtool convert SRC DST --compress gzip"},
	{LoadAttestation, Loadable, Note, "the index holds attestations, platform unknown/unknown",
		"Some tools take them for images and fail.",
		"imgtool repair SRC DST"},
	{LoadNoManifestJSON, Loadable, Note, "an OCI layout in a tar has no manifest.json",
		"Docker before 25 cannot load it.",
		"imgtool convert SRC docker-archive:DST"},
	{LoadLegacy, Loadable, Warning, "a docker-save 1.0 archive has no manifest.json",
		"Docker 29, podman, containerd and skopeo refuse it.",
		"imgtool repair SRC DST"},
	{LoadNoLayoutFile, Loadable, Error, "an OCI layout has no file oci-layout",
		"containerd and umoci do not take it for a layout (image-spec v1.1 image-layout.md, \"oci-layout file\").",
		"imgtool repair SRC DST"},
	{LoadForeign, Loadable, Warning, "a non-distributable layer is not in the archive",
		"Engines fetch it from elsewhere, which fails without a network.",
		"pull the image where its layers are allowed to go"},
	{LoadEncrypted, Loadable, Warning, "a layer is encrypted",
		"Engines need its key to load it (ocicrypt), and verify looks at its stored bytes alone.",
		"decrypt the image where its key is, as skopeo copy --decryption-key does"},
}

// ReadsLayers reports a rule that is about nothing but the content of layers, so
// that [Options.Fast] leaves it out.
func (r Rule) ReadsLayers() bool {
	switch r.ID {
	case StreamBroken, TarBroken, TarTrailing, DiffIDMismatch:
		return true
	}
	return r.Group == Safe
}

// RuleByID gives one rule.
func RuleByID(id string) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}
