package convert_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// FuzzConvert converts any bytes that open. What is written has the same images,
// there and back to the same bytes; what cannot be written is told by an error of
// a kind. How chooses the form and the compression.
func FuzzConvert(f *testing.F) {
	for _, listing := range listings {
		for i, format := range formats {
			if format == "oci" || format == "dir" {
				continue
			}
			raw, err := os.ReadFile(build(f, "format "+format+listing))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw, uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, how uint8) {
		if a, ok := openFuzzed(t, data, archive.OpenOptions{}); ok {
			checkConverted(t, a, how)
		}
	})
}

// FuzzConvertImage converts archives that are legal and odd, so that it comes
// further than FuzzConvert does.
func FuzzConvertImage(f *testing.F) {
	for _, seed := range strangeSeeds {
		f.Add([]byte(seed), uint8(len(seed)))
	}
	f.Fuzz(func(t *testing.T, data []byte, how uint8) {
		if a, ok := openStrange(t, data); ok {
			checkConverted(t, a, how)
		}
	})
}

// strangeSeeds are for targets that build what [archivetest.Strange] makes.
var strangeSeeds = []string{"", "\x00\x00\x00\x00\x00\x01\x00\x00", "\x09\x01\x01\x03\x00\x02\x01\x02\x00\x01\x02\x03", strings.Repeat("\x01", 200), strings.Repeat("\x01\x02\x03\x04\x05", 40), strings.Repeat("\x07\x00\x03\x01", 50)}

// checkConverted converts a as how says.
func checkConverted(t *testing.T, a *archive.Archive, how uint8) {
	t.Helper()
	to := targets[how%4]
	compressions := []codec.Compression{"", codec.None, codec.Gzip, codec.Zstd}
	if compression := compressions[how/4%4]; compression != "" {
		checkRecompressed(t, a, to, codec.Setting{Compression: compression})
		return
	}
	first, raw, err := converted(t, to, a)
	if err != nil {
		checkTyped(t, err)
		return
	}
	v := viewOf(a, to)
	if diff := cmp.Diff(v.stated(a), v.stated(first)); diff != "" {
		t.Fatalf("written as %s (-was +is):\n%s", to, diff)
	}
	checkBack(t, first, to, raw)
}

// checkBack writes what was written in another form and again in its own.
func checkBack(t *testing.T, first *archive.Archive, to ref.Transport, want map[string]string) {
	t.Helper()
	other := ref.OCIArchive
	if to == ref.OCIArchive {
		other = ref.DockerArchive
	}
	middle, _, err := converted(t, other, first)
	if err != nil {
		t.Fatalf("written as %s, and then as %s: %v", to, other, err)
	}
	v := viewOf(first, to)
	if diff := cmp.Diff(v.stated(first), v.stated(middle)); diff != "" {
		t.Fatalf("%s written as %s (-was +is):\n%s", to, other, diff)
	}
	_, got, err := converted(t, to, middle)
	if err != nil {
		t.Fatalf("written as %s, and back as %s: %v", other, to, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s, %s and back is not the same bytes (-first +now):\n%s", to, other, diff)
	}
}

// checkRecompressed: the images stay but for how their layers are stored, and there
// is nothing more to do then.
func checkRecompressed(t *testing.T, a *archive.Archive, to ref.Transport, s codec.Setting) {
	t.Helper()
	first, raw, err := recompressed(t, to, s, a)
	if err != nil {
		return // a layer may be anything
	}
	if diff := cmp.Diff(shapes(a, to), shapes(first, to)); statesDiffIDs(a) && diff != "" {
		t.Errorf("recompressed as %s (-was +is):\n%s", to, diff)
	}
	for _, n := range instances(first) {
		if slices.Contains(n.Config.RootFS.DiffIDs, "") {
			t.Errorf("recompressed it has an empty diffID: %s", n.Config.Raw)
		}
	}
	_, again, err := recompressed(t, to, s, first)
	if err != nil {
		t.Fatalf("recompressed once more: %v", err)
	}
	if diff := cmp.Diff(raw, again); diff != "" {
		t.Errorf("recompressed once more it is not the same (-once +twice):\n%s", diff)
	}
}

// statesDiffIDs reports that configs state a diffID for each layer. Those that do not
// get them.
func statesDiffIDs(a *archive.Archive) bool {
	for _, n := range instances(a) {
		if slices.ContainsFunc(n.Layers, func(l archive.Layer) bool { return l.DiffID == "" }) {
			return false
		}
	}
	return true
}

// converted converts a, and gives what was written, opened and as bytes by path.
func converted(t *testing.T, to ref.Transport, a *archive.Archive) (*archive.Archive, map[string]string, error) {
	t.Helper()
	p, err := plan(t, place(t, to), convert.Options{}, a)
	if err != nil {
		return nil, nil, err
	}
	return wrote(t, p.To, func(opts archive.WriteOptions) error { return p.Run(t.Context(), opts) })
}

func recompressed(t *testing.T, to ref.Transport, s codec.Setting, a *archive.Archive) (*archive.Archive, map[string]string, error) {
	t.Helper()
	p, err := convert.NewRecompress([]convert.Source{{Archive: a}}, place(t, to), convert.RecompressOptions{Compress: s, Signatures: convert.SignaturesKeep})
	if err != nil {
		return nil, nil, err
	}
	return wrote(t, p.Plan.To, func(opts archive.WriteOptions) error {
		return p.Run(t.Context(), convert.RunOptions{WriteOptions: opts, Stack: archive.StackOptions{MaxExpansion: 1, TempDir: t.TempDir()}})
	})
}

// place is where to write a form to.
func place(t *testing.T, to ref.Transport) ref.Ref {
	t.Helper()
	if to == ref.DockerArchive || to == ref.OCIArchive {
		return ref.Ref{Transport: to, Path: ref.Stdio}
	}
	return ref.Ref{Transport: to, Path: filepath.Join(t.TempDir(), "out")}
}

// wrote gives what run writes, opened and as bytes by path. What was written opens.
func wrote(t *testing.T, to ref.Ref, run func(archive.WriteOptions) error) (*archive.Archive, map[string]string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(archive.WriteOptions{Stdout: &out})
	switch {
	case err != nil:
		return nil, nil, err
	case to.Path != ref.Stdio:
		return open(t, to.Path), tree(t, to.Path), nil
	}
	a, ok := openFuzzed(t, out.Bytes(), archive.OpenOptions{})
	if !ok {
		t.Fatalf("what was written as %s does not open", to.Transport)
	}
	return a, map[string]string{"": out.String()}, nil
}

// view says what of an archive is to stay: names and index.json, where the form has
// room for them, and the unknown fields of descriptors, where there are any.
type view struct{ index, unknown bool }

func viewOf(a *archive.Archive, to ref.Transport) view {
	return view{index: to != ref.Dir, unknown: to != ref.Dir && a.Format == archive.OCILayout && !misspelt(a)}
}

// misspelt reports a descriptor that says Digest or the like, which is read as digest
// and written so.
func misspelt(a *archive.Archive) bool {
	known := []string{"mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"}
	for _, image := range a.Images {
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(image.RawDescriptor, &fields) // what opened is an object
		for key := range fields {
			if slices.ContainsFunc(known, func(k string) bool { return k != key && strings.EqualFold(k, key) }) {
				return true
			}
		}
	}
	return false
}

// stated tells what a says: names, documents and digests, each image once.
func (v view) stated(a *archive.Archive) string {
	var b strings.Builder
	for _, image := range distinct(a) {
		identify(&b, image.Node)
		if v.index {
			fmt.Fprintf(&b, "%q %q\n", keys(image.Names), annotationsOf(image))
		}
		if v.unknown {
			fmt.Fprintf(&b, "%s\n", descriptorFields(image.RawDescriptor))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.IndexFields)) {
		if v.index && !slices.ContainsFunc([]string{"mediaType", "manifests", "schemaVersion"}, func(own string) bool { return strings.EqualFold(key, own) }) {
			fmt.Fprintf(&b, "%q %s\n", key, canonical(a.IndexFields[key]))
		}
	}
	return b.String()
}

// distinct gives each image once.
func distinct(a *archive.Archive) []*archive.Image {
	seen := map[string]bool{}
	var all []*archive.Image
	for _, image := range a.Images {
		if d := image.Descriptor.Digest.String(); !seen[d] {
			seen[d] = true
			all = append(all, image)
		}
	}
	return all
}

// keys spells names so that those that mean the same image are the same.
func keys(names []archive.Name) []string {
	var all []string
	for _, name := range names {
		all = append(all, name.Key())
	}
	return all
}

// annotationsOf gives the annotations of an image in index.json that are no names.
func annotationsOf(image *archive.Image) []string {
	var all []string
	for _, d := range image.Descriptors() {
		for key, value := range d.Annotations {
			if key != archive.AnnotationImageName && key != ocispec.AnnotationRefName {
				all = append(all, key+"="+value)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// descriptorFields gives a descriptor but for its annotations.
func descriptorFields(raw archive.RawJSON) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return string(raw)
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if key != "annotations" {
			fmt.Fprintf(&b, "%q:%s ", key, canonical(fields[key]))
		}
	}
	return b.String()
}

// canonical spells JSON with its keys sorted and its numbers as they are.
func canonical(raw []byte) string {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return string(raw)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		return string(raw)
	}
	return string(sorted)
}

// shapes tells of images what recompression leaves.
func shapes(a *archive.Archive, to ref.Transport) string {
	var b strings.Builder
	for _, image := range distinct(a) {
		if to != ref.Dir {
			fmt.Fprintf(&b, "%q\n", keys(image.Names))
		}
		_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
			fmt.Fprintf(&b, "%s %d %v %v\n", n.Kind(), len(n.Children), n.Absent(), n.Subject() != "")
			if to != ref.Dir || n != image.Node { // its descriptor is nowhere
				fmt.Fprintf(&b, "%s\n", archive.FormatPlatform(n.Platform()))
			}
			if n.Config != nil {
				fmt.Fprintf(&b, "%s\n", n.Config.Raw)
			}
			for _, l := range n.Layers {
				fmt.Fprintf(&b, "%s\n", l.DiffID)
			}
			return nil
		})
	}
	return b.String()
}
