// Package ref reads references to image archives, in the spelling of
// containers-transports(5): `docker-archive:PATH[:NAME]`, `oci:PATH[:REF]`,
// `dir:PATH`, a bare path, or `-`. It touches no file system.
package ref

import (
	"fmt"
	"strconv"
	"strings"
)

// Transport is the family of archive that a reference asks for.
type Transport string

// The transports that imgtool knows. [Any] stands for a bare path, whose form
// is found out by content.
const (
	Any           Transport = ""
	DockerArchive Transport = "docker-archive"
	OCIArchive    Transport = "oci-archive"
	OCI           Transport = "oci"
	Dir           Transport = "dir"
)

// Stdio is the path that means standard input or standard output.
const Stdio = "-"

// transports maps every spelling that is taken to its transport.
var transports = map[string]Transport{
	"docker-archive": DockerArchive,
	"oci-archive":    OCIArchive,
	"oci":            OCI,
	"oci-layout":     OCI,
	"oci-dir":        OCI,
	"ocidir":         OCI,
	"dir":            Dir,
}

// refused are transports of other tools, with what to do instead.
var refused = map[string]string{
	"docker":             "imgtool works on files; copy the image into an archive first, with `skopeo copy` or `crane pull`",
	"docker-daemon":      "write an archive first: docker save NAME -o image.tar",
	"containers-storage": "write an archive first: podman save --multi-image-archive -o image.tar NAME",
	"ostree":             "write an archive first, with `skopeo copy`",
	"sif":                "SIF files are not read",
	"tarball":            "root filesystem tars are not images; use `docker import` or `podman import`",
	"http":               "imgtool uses no network; download the file first",
	"https":              "imgtool uses no network; download the file first",
}

// Ref is one parsed reference.
type Ref struct {
	Transport Transport
	// Path of the archive as the user wrote it, or [Stdio].
	Path string
	// Image selects one image, by name or as `@N`; empty where the reference
	// does not say.
	Image string
}

// Error says that a reference cannot be used, and what to do about it.
type Error struct {
	Reference string
	Reason    string
	hint      string
}

func (e *Error) Error() string { return fmt.Sprintf("reference %q: %s", e.Reference, e.Reason) }

// Hint tells what to write instead; it may be empty.
func (e *Error) Hint() string { return e.hint }

// Parse reads one reference. With a transport, the path ends at the first colon
// (a Windows drive letter aside) and the rest selects an image; a bare path is
// taken whole. It fails with an [*Error].
func Parse(s string) (Ref, error) {
	if s == "" {
		return Ref{}, &Error{s, "is empty", "name a file or folder, or - for standard input"}
	}
	scheme, rest, found := strings.Cut(s, ":")
	if hint, ok := refused[scheme]; ok && found {
		return Ref{}, &Error{s, fmt.Sprintf("transport %q is not supported", scheme), hint}
	}
	transport, ok := transports[scheme]
	if !ok || !found {
		return Ref{Path: s}, nil
	}
	path, image := splitPath(strings.TrimPrefix(rest, "//"))
	r := Ref{Transport: transport, Path: path, Image: image}
	if reason := r.fault(); reason != "" {
		return Ref{}, &Error{Reference: s, Reason: reason}
	}
	return r, nil
}

// splitPath cuts at the first colon that does not end a drive letter.
func splitPath(s string) (path, image string) {
	from := 0
	if isDrive(s) {
		from = 2
	}
	if i := strings.IndexByte(s[from:], ':'); i >= 0 {
		return s[:from+i], s[from+i+1:]
	}
	return s, ""
}

// isDrive reports a Windows path with a drive letter, such as C:\x or C:/x.
func isDrive(s string) bool {
	if len(s) < 3 || s[1] != ':' || (s[2] != '\\' && s[2] != '/') {
		return false
	}
	letter := s[0] | 0x20
	return 'a' <= letter && letter <= 'z'
}

// fault gives the reason why r cannot be meant, or "".
func (r Ref) fault() string {
	switch {
	case r.Path == "":
		return "has no path"
	case r.Transport == Dir && r.Image != "":
		return "a dir: folder holds one image without a name; nothing may follow its path"
	case r.Path == Stdio && (r.Transport == OCI || r.Transport == Dir):
		return fmt.Sprintf("%s: is a folder and cannot be standard input or output", r.Transport)
	}
	if digits, ok := strings.CutPrefix(r.Image, "@"); ok {
		if _, err := strconv.ParseUint(digits, 10, 31); err != nil {
			return fmt.Sprintf("%q is no image number; the first image is @0", r.Image)
		}
	}
	return ""
}

// String spells r so that [Parse] gives it back.
func (r Ref) String() string {
	s := r.Path
	switch {
	case r.Transport != Any && strings.HasPrefix(s, "//"):
		s = string(r.Transport) + "://" + s
	case r.Transport != Any:
		s = string(r.Transport) + ":" + s
	}
	if r.Image != "" {
		s += ":" + r.Image
	}
	return s
}
