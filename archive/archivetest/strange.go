package archivetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Strange gives a listing that follows from data, for fuzzing: an archive that
// is legal, and odd. More data makes more of it; none makes one small image.
func Strange(data []byte) string {
	s := &stranger{data: data}
	format := s.pick(strangeFormats...)
	listing := "format " + format + "\n" + s.body(format)
	spec, err := Parse(listing)
	if err == nil {
		_, err = spec.members()
	}
	if err != nil { // the format cannot hold it
		listing = "format oci-archive\n" + strings.TrimPrefix(listing, "format "+format+"\n")
	}
	return listing
}

var (
	strangeFormats = []string{
		"oci-archive", "docker-save", "docker-save-1.0", "docker-save-podman", "docker-save-crane", "docker-save-bare",
		"docker-hybrid", "docker-hybrid-25.0", "docker-hybrid-25.0-null", "docker-containerd", "oci", "dir",
	}
	strangeNames = []string{
		"a:v1", "example.com/fx/app:v1", "localhost:5000/a", "a", "docker.io/library/a:v1", "index.docker.io/library/a:v1",
		"a:v1-B_.x", "[2001:db8::1]:5000/a:v1", "latest", "A B", "<none>:<none>", "ü/a:v1", "a@sha256:" + strings.Repeat("0", 64), "-", "@0", "",
	}
	strangeTexts = []string{
		"", "a", "<&>\u2028", "\"\\", "ü", "\u202e\x1b[0m", "a\nb", strings.Repeat("n", 300), "sha256:" + strings.Repeat("0", 64), "null", "%s", "\x00", "\xff",
	}
	strangeKeys = []string{
		"x-odd", "org.opencontainers.image.ref.name", "io.containerd.image.name", "org.opencontainers.image.created",
		"vnd.docker.reference.digest", "", "A", "com.example/ü",
	}
	strangeJSON = []string{
		`null`, `{}`, `[]`, `""`, `0`, `1.50`, `1e400`, `-0`, `true`, `{"a":[1,{"b":null}],"a":2}`, `"<&>\u2028\ud800"`, `9007199254740993`, ` [ 1 ,2 ] `,
	}
	strangePlatforms = []string{
		"linux/amd64", "linux/arm64/v8", "linux/arm/v7", "windows/amd64", "unknown/unknown", "linux/386", "a/b/c", "LINUX/x86_64", "/", "linux/",
	}
	strangePaths = []string{
		"a", "b", "d/a", "d/e/a", "l/a", "./a", "/a", "d//a", "d/../a", "ü", "\xff", strings.Repeat("p/", 20) + "q", strings.Repeat("n", 120), ".wh", "a ", "a\n", "A",
	}
)

// stranger makes a listing of what data says. What it has used up is zeros.
type stranger struct {
	data []byte
	text strings.Builder
}

// body writes all but the format.
func (s *stranger) body(format string) string {
	s.add(0, "media", s.pick("oci", "docker"))
	if !formats[format].folder {
		s.finish()
	}
	count := 1 + s.roll(4)
	if format == "dir" {
		count = 1
	}
	for range count {
		s.item(0)
	}
	s.indexFields(format)
	return s.text.String()
}

// roll gives a number below n.
func (s *stranger) roll(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	v := int(s.data[0]) % n
	s.data = s.data[1:]
	return v
}

// seldom is true once in n times, and never at the end of data.
func (s *stranger) seldom(n int) bool { return s.roll(n) == 1 }

func (s *stranger) pick(from ...string) string { return from[s.roll(len(from))] }

// add writes a line; its first word is plain, the others are quoted.
func (s *stranger) add(depth int, word string, words ...string) {
	s.text.WriteString(strings.Repeat("  ", depth) + word)
	for _, w := range words {
		s.text.WriteString(" " + strconv.Quote(w))
	}
	s.text.WriteByte('\n')
}

// field writes a line with JSON in it.
func (s *stranger) field(depth int, word, key string) {
	fmt.Fprintf(&s.text, "%s%s %q %s\n", strings.Repeat("  ", depth), word, key, s.pick(strangeJSON...))
}

// finish says how the whole tar is written.
func (s *stranger) finish() {
	if s.seldom(4) {
		s.add(0, "prefix", "./")
	}
	if s.seldom(8) {
		s.add(0, "outer", s.pick("gzip", "zstd"))
	}
	if s.seldom(4) {
		s.add(0, "no-end")
	}
}

// indexFields puts what no standard knows into index.json.
func (s *stranger) indexFields(format string) {
	if !slices.Contains([]string{"oci-archive", "oci", "docker-hybrid", "docker-containerd"}, format) {
		return
	}
	for _, key := range []string{"x-odd", "manifests.0.x-odd", "annotations.x-odd", "manifests.0.annotations.x-odd", "artifactType", "manifests.0.data", "manifests.0.urls", "manifests.0.platform.x-odd"} {
		if s.seldom(3) {
			s.field(0, "index-field", key)
		}
	}
}

// item writes what an index can name, or at depth 0 the archive.
func (s *stranger) item(depth int) {
	kind := s.pick("image", "image", "image", "index", "artifact")
	var names []string
	for range s.roll(3) * max(0, 1-depth) {
		names = append(names, s.pick(strangeNames...))
	}
	switch {
	case kind == "artifact" && depth == 0:
		s.add(depth, kind, s.pick(strangeNames...), "application/x")
		return
	case kind == "artifact":
		s.add(depth, kind, "application/x")
		return
	case depth > 0 && s.seldom(6):
		names = []string{"absent"}
	}
	s.add(depth, kind, names...)
	if kind == "index" {
		s.index(depth + 1)
	} else {
		s.image(depth + 1)
	}
	if s.seldom(4) {
		s.add(depth, "referrer", "application/vnd.example."+s.pick("sbom", "signature"))
	}
	if kind == "image" && depth > 0 && s.seldom(3) {
		s.add(depth, "attestation")
	}
}

func (s *stranger) index(depth int) {
	s.annotations(depth)
	if depth > 4 {
		return
	}
	for range s.roll(4) {
		s.item(depth)
	}
}

func (s *stranger) annotations(depth int) {
	for range s.roll(3) {
		s.add(depth, "annotation", s.pick(strangeKeys...), s.pick(strangeTexts...))
	}
}

func (s *stranger) image(depth int) {
	s.add(depth, "platform", s.pick(strangePlatforms...))
	s.annotations(depth)
	for _, word := range []string{"env", "user", "workdir", "entrypoint", "cmd", "empty"} {
		if s.seldom(4) {
			s.add(depth, word, s.pick(strangeTexts...))
		}
	}
	if s.seldom(4) {
		s.add(depth, "created", s.pick("none", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-01-02T03:04:05+14:00"))
	}
	layers := s.roll(5)
	for range layers {
		s.layer(depth)
	}
	if s.seldom(4) {
		s.add(depth, "history", "none")
	}
	for _, key := range []string{"x-odd", "config.X-Odd", "config", "history", "rootfs.x-odd", "author", "variant", "rootfs"} {
		if s.seldom(6) {
			s.field(depth, "config-field", key)
		}
	}
	for _, key := range []string{"x-odd", "config.x-odd", "config.annotations", "artifactType", "subject", "layers", "mediaType", "annotations"} {
		if s.seldom(9) {
			s.field(depth, "manifest-field", key)
		}
	}
}

func (s *stranger) layer(depth int) {
	words := []string{s.pick("gzip", "plain", "zstd", "gzip-members", "zstd-frames")}
	if s.seldom(20) {
		words[0] = "xz" // slow to make
	}
	if s.seldom(8) {
		words = append(words, "absent")
	}
	if s.seldom(4) {
		words = append(words, "no-end")
	}
	s.add(depth, "layer", words...)
	for range s.roll(8) {
		s.entry(depth + 1)
	}
}

func (s *stranger) entry(depth int) {
	path := s.pick(strangePaths...)
	switch kind := s.pick("file", "dir", "symlink", "hardlink", "whiteout", "opaque", "random", "fifo", "char"); kind {
	case "file":
		s.add(depth, kind, path, s.pick(strangeTexts...), s.pick("mode=644", "mode=6755", "xattr.user.a=b", "mtime=1.5", "uid=3000000", "mtime=-1"))
	case "symlink":
		s.add(depth, kind, s.pick("l", path), s.pick("d", path, "..", "/"))
	case "hardlink":
		s.add(depth, kind, s.pick("h", path), s.pick("a", path))
	case "whiteout":
		s.add(depth, kind, path)
	case "opaque":
		s.add(depth, kind, s.pick("d", "d/e", "l"))
	case "random":
		s.add(depth, kind, path, strconv.Itoa(s.roll(256)*8))
	case "char":
		s.add(depth, kind, path, "1", "3")
	default:
		s.add(depth, kind, path)
	}
}
