package convert_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// listings of every form that there is, by what they hold.
var listings = map[string]string{
	"one image": `
image example.com/fx/app:v1
  platform linux/arm64/v8
  env PATH=/bin
  annotation note kept
  config-field x-unknown {"a": [1, "b"]}
  manifest-field x-unknown {"z":  1, "a":[ ]}
  layer
    file a one
  layer
    file b two
`,
	"two images": `
image example.com/fx/app:v1
  layer
    file a one
image example.com/fx/app:v2 fx:latest
  layer
    file a one
  layer
    file b two
`,
	"many platforms": `
index example.com/fx/multi:latest
  annotation note index
  image
    platform linux/amd64
    layer
      file arch amd64
  attestation
  referrer application/vnd.example.sbom
  image absent
    platform linux/arm/v7
    layer
      file arch arm
  image
    platform linux/arm64
    layer
      file arch arm64
  attestation
  index
    image
      platform linux/s390x
      layer zstd
        file arch s390x
  artifact application/vnd.example.thing
`,
}

var formats = []string{
	"docker-save", "docker-save-1.0", "docker-save-podman", "docker-save-crane", "docker-save-bare",
	"docker-hybrid", "docker-hybrid-25.0", "docker-hybrid-25.0-null", "docker-containerd",
	"oci-archive", "oci", "dir",
}

var targets = []ref.Transport{ref.DockerArchive, ref.OCIArchive, ref.OCI, ref.Dir}

func build(t testing.TB, listing string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "archive")
	archivetest.Build(t, p, listing)
	return p
}

func open(t testing.TB, path string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{TempDir: t.TempDir()})
	if err != nil {
		t.Fatalf("Open(%q): %v", path, err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func plan(t testing.TB, to ref.Ref, opts convert.Options, archives ...*archive.Archive) (*convert.Plan, error) {
	t.Helper()
	var sources []convert.Source
	for _, a := range archives {
		sources = append(sources, convert.Source{Archive: a})
	}
	return convert.NewPlan(sources, to, opts)
}

// carry converts and opens the result.
func carry(t testing.TB, transport ref.Transport, opts convert.Options, archives ...*archive.Archive) *archive.Archive {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	p, err := plan(t, ref.Ref{Transport: transport, Path: out}, opts, archives...)
	if err != nil {
		t.Fatalf("NewPlan(%s): %v", transport, err)
	}
	if err := p.Run(context.Background(), archive.WriteOptions{}); err != nil {
		t.Fatalf("Run(%s): %v", transport, err)
	}
	return open(t, out)
}

// identity tells every raw byte and name of a.
func identity(a *archive.Archive, withNames bool) string {
	var b strings.Builder
	for _, image := range a.Images {
		if withNames {
			fmt.Fprintf(&b, "%q\n", image.Names)
		}
		identify(&b, image.Node)
	}
	return b.String()
}

func identify(b *strings.Builder, n *archive.Node) {
	fmt.Fprintf(b, "%s %s %d %v\n%s\n", n.Descriptor.MediaType, n.Descriptor.Digest, n.Descriptor.Size, n.Absent(), n.Raw)
	if n.Config != nil {
		fmt.Fprintf(b, "%s\n", n.Config.Raw)
	}
	for _, l := range n.Layers {
		fmt.Fprintf(b, "%s %s %s\n", l.Descriptor.Digest, l.DiffID, l.Compression)
	}
	for _, child := range n.Children {
		identify(b, child)
	}
}

// TestThereAndBack: through every form and back, manifests, configs and digests
// stay what they are, and so do the names where the form has room for them.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	for name, listing := range listings {
		for _, format := range formats {
			if format == "dir" && name == "two images" {
				continue
			}
			t.Run(format+"/"+name, func(t *testing.T) {
				t.Parallel()
				first := open(t, build(t, "format "+format+listing))
				withNames := true
				middle := first
				for _, to := range []ref.Transport{ref.DockerArchive, ref.OCI, ref.OCIArchive, ref.DockerArchive, ref.Dir, ref.OCI} {
					if to == ref.Dir && len(first.Images) > 1 {
						break
					}
					withNames = withNames && to != ref.Dir
					middle = carry(t, to, convert.Options{}, middle)
					if diff := cmp.Diff(identity(first, withNames), identity(middle, withNames)); diff != "" {
						t.Errorf("at %s (-first +now):\n%s", to, diff)
					}
				}
			})
		}
	}
}

// TestSameBytes: the number of CPUs and of jobs does not show.
func TestSameBytes(t *testing.T) { // sets GOMAXPROCS: not parallel
	a := open(t, build(t, "format oci"+listings["many platforms"]))
	b := open(t, build(t, "format docker-containerd"+listings["two images"]))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, to := range targets[:3] {
		var first map[string]string
		for _, n := range []int{1, 8} {
			runtime.GOMAXPROCS(n)
			out := filepath.Join(t.TempDir(), "out")
			p, err := plan(t, ref.Ref{Transport: to, Path: out}, convert.Options{}, a, b)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Run(context.Background(), archive.WriteOptions{Jobs: n}); err != nil {
				t.Fatal(err)
			}
			got := tree(t, out)
			if first == nil {
				first = got
			} else if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("%s: 1 and 8 jobs give other bytes:\n%s", to, diff)
			}
		}
	}
}

func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		name, _ := filepath.Rel(root, p)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPlatforms: the children that stay are kept byte for byte.
func TestPlatforms(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci"+listings["many platforms"]))
	raws := map[string]bool{}
	for _, n := range nodes(a) {
		raws[string(n.Raw)] = true
	}
	for _, tt := range []struct {
		opts convert.Options
		want string // kind and platform of each child, in order
		same bool   // the index stays what it is
	}{
		{convert.Options{}, "image linux/amd64,attestation unknown,artifact unknown,unknown linux/arm/v7,image linux/arm64,attestation unknown,index unknown,artifact unknown", true},
		{convert.Options{Platforms: []string{"all"}}, "image linux/amd64,attestation unknown,artifact unknown,unknown linux/arm/v7,image linux/arm64,attestation unknown,index unknown,artifact unknown", true},
		{convert.Options{Platforms: []string{"linux/amd64", "linux/arm64"}}, "image linux/amd64,attestation unknown,artifact unknown,image linux/arm64,attestation unknown", false},
		{convert.Options{Platforms: []string{"linux/arm64", "linux/s390x"}}, "image linux/arm64,attestation unknown,index unknown", false},
		{convert.Options{Platforms: []string{"linux/amd64", "linux/arm64"}, StripAttestations: true}, "image linux/amd64,artifact unknown,image linux/arm64", false},
		{convert.Options{StripAttestations: true}, "image linux/amd64,artifact unknown,unknown linux/arm/v7,image linux/arm64,index unknown,artifact unknown", false},
		{convert.Options{Platforms: []string{"linux/amd64"}}, "", false},
		{convert.Options{Platforms: []string{"linux/s390x"}}, "", false},
	} {
		got := carry(t, ref.OCI, tt.opts, a)
		root := got.Images[0]
		var children []string
		for _, child := range root.Children {
			children = append(children, fmt.Sprint(child.Kind(), " ", archive.FormatPlatform(child.Platform())))
		}
		if diff := cmp.Diff(tt.want, strings.Join(children, ",")); diff != "" {
			t.Errorf("%+v: children (-want +got):\n%s", tt.opts, diff)
		}
		if same := root.Descriptor.Digest == a.Images[0].Descriptor.Digest; same != tt.same {
			t.Errorf("%+v: index kept %v, want %v", tt.opts, same, tt.same)
		}
		for _, n := range nodes(got) {
			if n.Index == nil && !raws[string(n.Raw)] {
				t.Errorf("%+v: manifest %s is none of the source's", tt.opts, n.Descriptor.Digest)
			}
		}
		if root.Index != nil && root.Index.Annotations["note"] != "index" {
			t.Errorf("%+v: the index lost its annotations", tt.opts)
		}
		if name := archive.JoinNames(root.Names); name != "example.com/fx/multi:latest" {
			t.Errorf("%+v: names %q", tt.opts, name)
		}
	}
}

func nodes(a *archive.Archive) []*archive.Node {
	var all []*archive.Node
	for _, image := range a.Images {
		_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
			all = append(all, n)
			return nil
		})
	}
	return all
}

// TestPlanIsPure: a plan reads no layer and writes nothing; running it writes
// just what it said.
func TestPlanIsPure(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format docker-containerd"+listings["many platforms"]))
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	p, err := plan(t, ref.Ref{Transport: ref.OCI, Path: out}, convert.Options{}, a)
	if err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("a plan writes %v", entries)
	}
	var told atomic.Int64
	if err := p.Run(context.Background(), archive.WriteOptions{Progress: func(n int64) { told.Add(n) }}); err != nil {
		t.Fatal(err)
	}
	if told.Load() != p.Content.TotalSize() {
		t.Errorf("wrote %d bytes of blobs, the plan says %d", told.Load(), p.Content.TotalSize())
	}
	// Whatever is read of a closed archive fails.
	closed, err := archive.Open(context.Background(), ref.Ref{Path: a.Path}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err := plan(t, ref.Ref{Transport: ref.OCI, Path: out + "2"}, convert.Options{Platforms: []string{"linux/amd64"}}, closed); err != nil {
		t.Errorf("NewPlan over a closed archive = %v: it reads something", err)
	}
}

// TestPlanErrors: what cannot be planned says why.
func TestPlanErrors(t *testing.T) {
	t.Parallel()
	two := open(t, build(t, "format docker-save"+listings["two images"]))
	other := open(t, build(t, "format oci\nimage example.com/fx/app:v1\n  layer\n    file z z\n"))
	many := open(t, build(t, "format oci"+listings["many platforms"]))
	lacking := open(t, build(t, "format oci\nimage fx:v1\n  layer absent\n    file a a\n"))
	attestation := open(t, build(t, "format oci\nindex fx:v1\n  image\n    layer\n      file a a\n  attestation\n"))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(two.Path, link); err != nil {
		t.Fatal(err)
	}
	selection := func(err error) bool {
		var e *archive.SelectionError
		return errors.As(err, &e) && len(e.Have) > 0
	}
	is := func(target error) func(error) bool {
		return func(err error) bool { return errors.Is(err, target) }
	}
	says := func(text string) func(error) bool {
		return func(err error) bool { return strings.Contains(err.Error(), text) }
	}
	oci := ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}
	for _, tt := range []struct {
		name    string
		to      ref.Ref
		opts    convert.Options
		sources []*archive.Archive
		is      func(error) bool
	}{
		{"no source", oci, convert.Options{}, nil, is(archive.ErrNotFound)},
		{"no such image", oci, convert.Options{Images: []string{"nothing:v1"}}, []*archive.Archive{two, many}, selection},
		{"one of two selectors fits nowhere", oci, convert.Options{Images: []string{"@0", "nothing:v1"}}, []*archive.Archive{two}, selection},
		{"no such platform", oci, convert.Options{Platforms: []string{"linux/riscv64"}}, []*archive.Archive{many}, selection},
		{"absent platform", oci, convert.Options{Platforms: []string{"linux/arm/v7"}}, []*archive.Archive{many}, selection},
		{"bad platform", oci, convert.Options{Platforms: []string{"linux"}}, []*archive.Archive{many}, is(archive.ErrMalformed)},
		{"onto itself", ref.Ref{Transport: ref.DockerArchive, Path: two.Path}, convert.Options{}, []*archive.Archive{two}, is(archive.ErrSame)},
		{"onto itself through a link", ref.Ref{Transport: ref.DockerArchive, Path: link}, convert.Options{}, []*archive.Archive{two}, is(archive.ErrSame)},
		{"onto the second source", ref.Ref{Transport: ref.OCI, Path: many.Path}, convert.Options{}, []*archive.Archive{two, many}, is(archive.ErrSame)},
		{"one name for two images", oci, convert.Options{}, []*archive.Archive{two, other}, says("example.com/fx/app:v1")},
		{"two images to dir", ref.Ref{Transport: ref.Dir, Path: oci.Path}, convert.Options{}, []*archive.Archive{two}, is(archive.ErrUnsupported)},
		{"--name for two", oci, convert.Options{Names: []archive.Name{"x:v1"}}, []*archive.Archive{two}, says("--image")},
		{"lacking layer", oci, convert.Options{}, []*archive.Archive{lacking}, is(archive.ErrNotFound)},
		{"folder that is no layout", ref.Ref{Path: t.TempDir()}, convert.Options{}, []*archive.Archive{two}, is(archive.ErrUnsupported)},
	} {
		p, err := plan(t, tt.to, tt.opts, tt.sources...)
		if err == nil || !tt.is(err) {
			t.Errorf("%s: %+v, %v", tt.name, p, err)
		}
	}
	if _, err := plan(t, oci, convert.Options{StripAttestations: true}, attestation); err != nil {
		t.Error(err)
	}
}

// TestMerge: several sources, names joined, the same image once.
func TestMerge(t *testing.T) {
	t.Parallel()
	const shared = "  layer\n    file a one\n"
	a := open(t, build(t, "format oci\nimage fx:v1\n"+shared))
	b := open(t, build(t, "format oci\nimage fx:v1 fx:again\n"+shared+"image fx:v2\n  layer\n    file b two\n"))
	for _, to := range targets[:3] {
		got := carry(t, to, convert.Options{}, a, b)
		var all []string
		for _, image := range got.Images {
			all = append(all, archive.JoinNames(image.Names))
		}
		if diff := cmp.Diff([]string{"fx:v1 fx:again", "fx:v2"}, all); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", to, diff)
		}
	}
	got := carry(t, ref.OCI, convert.Options{Images: []string{"fx:v2", "again"}, Names: nil}, a, b)
	if len(got.Images) != 2 {
		t.Errorf("chosen images: %d, want 2", len(got.Images))
	}
	got = carry(t, ref.DockerArchive, convert.Options{Images: []string{"fx:v2"}, Names: []archive.Name{"new:latest", "example.com/new:v9", "new:latest"}}, a, b)
	if name := archive.JoinNames(got.Images[0].Names); name != "new:latest example.com/new:v9" {
		t.Errorf("renamed to %q", name)
	}
	out := filepath.Join(t.TempDir(), "out")
	p, err := convert.NewPlan([]convert.Source{{Archive: b, Image: "@1"}, {Archive: a}}, ref.Ref{Transport: ref.OCI, Path: out}, convert.Options{})
	if err != nil || len(p.Content.Images) != 2 || p.Content.Images[0].Descriptor.Digest != b.Images[1].Descriptor.Digest {
		t.Errorf("image chosen by the source: %+v, %v", p, err)
	}
}

// TestNotes: what is left out or not taken by common targets is told.
func TestNotes(t *testing.T) {
	t.Parallel()
	many := open(t, build(t, "format oci"+listings["many platforms"]))
	zstd := open(t, build(t, "format oci\nimage fx:v1\n  layer zstd\n    file a a\n"))
	tag := open(t, build(t, "format oci\nimage v1\n  layer\n    file a a\n"))
	nameless := open(t, build(t, "format oci\nartifact example.com/chart:1 application/vnd.example\n"))
	foreign := open(t, build(t, "format oci\nimage \"Bad Name:1\"\n  layer\n    file a a\n"))
	for _, tt := range []struct {
		name string
		to   ref.Transport
		opts convert.Options
		from *archive.Archive
		want []string // parts of notes, in order
	}{
		{"many to oci", ref.OCI, convert.Options{}, many, []string{"linux/arm/v7"}},
		{"many to docker", ref.DockerArchive, convert.Options{}, many, []string{"linux/arm/v7", "room for one platform"}},
		{"many to dir", ref.Dir, convert.Options{}, many, []string{"linux/arm/v7", "no place for names"}},
		{"one platform", ref.OCI, convert.Options{Platforms: []string{"linux/amd64"}}, many, []string{"took linux/amd64 alone"}},
		{"two platforms", ref.OCI, convert.Options{Platforms: []string{"linux/amd64", "linux/arm64"}}, many, []string{"kept linux/amd64, linux/arm64"}},
		{"stripped", ref.OCI, convert.Options{StripAttestations: true}, many, []string{"left out attestations", "linux/arm/v7"}},
		{"zstd to docker", ref.DockerArchive, convert.Options{}, zstd, []string{"zstd"}},
		{"zstd to oci", ref.OCI, convert.Options{}, zstd, nil},
		{"tag to docker", ref.DockerArchive, convert.Options{}, tag, []string{"a tag without a repository"}},
		{"tag to oci", ref.OCI, convert.Options{}, tag, nil},
		{"artifact to docker", ref.DockerArchive, convert.Options{}, nameless, []string{"no whole image"}},
		{"bad name to docker", ref.DockerArchive, convert.Options{}, foreign, []string{"no name that Docker takes"}},
	} {
		p, err := plan(t, ref.Ref{Transport: tt.to, Path: filepath.Join(t.TempDir(), "out")}, tt.opts, tt.from)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		fits := len(p.Notes) == len(tt.want)
		for i := range tt.want {
			fits = fits && strings.Contains(p.Notes[i], tt.want[i])
		}
		if !fits {
			t.Errorf("%s: notes %q, want %q", tt.name, p.Notes, tt.want)
		}
	}
}

// TestIndexFields: what index.json has beside its images comes along.
func TestIndexFields(t *testing.T) {
	t.Parallel()
	source := func(fields string) *archive.Archive {
		path := build(t, "format oci"+listings["one image"])
		name := filepath.Join(path, "index.json")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		data = append(bytes.TrimSuffix(data, []byte("}")), fields+"}"...)
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return open(t, path)
	}
	a, b := source(`,"annotations":{"a":"b"},"x-top":[1, 2]`), source(`,"x-top":[3]`)
	p, err := plan(t, ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}, convert.Options{}, a, b)
	if err != nil || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], `"x-top"`) {
		t.Errorf("plan = %+v, %v, want a note of x-top", p, err)
	}
	for _, to := range targets[:3] {
		got := carry(t, to, convert.Options{}, a, b)
		if string(got.IndexFields["annotations"]) != `{"a":"b"}` || string(got.IndexFields["x-top"]) != "[1,2]" {
			t.Errorf("%s: fields %s", to, got.IndexFields)
		}
	}
}

// counting is a source that counts what is opened.
type counting struct {
	archive.Source
	opened atomic.Int64
}

func (c *counting) Open(d ocispec.Descriptor) (archive.Blob, error) {
	c.opened.Add(1)
	return c.Source.Open(d)
}

// TestContentIsPure: taking an image opens no blob.
func TestContentIsPure(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci"+listings["many platforms"]))
	c := &counting{Source: a}
	if err := new(archive.Content).Add(a.Images[0], c); err != nil || c.opened.Load() != 0 {
		t.Errorf("Add opened %d blobs, %v", c.opened.Load(), err)
	}
}
