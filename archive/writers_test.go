package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/claim"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// writer is one way to write an archive.
type writer struct {
	name      string
	transport ref.Transport
	// prepare puts something at the target first; it may be nil.
	prepare func(t *testing.T, path string)
}

var writers = []writer{
	{name: "docker-archive", transport: ref.DockerArchive},
	{name: "oci-archive", transport: ref.OCIArchive},
	{name: "oci", transport: ref.OCI},
	{name: "oci in an empty folder", transport: ref.OCI, prepare: func(t *testing.T, path string) {
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}},
	{name: "oci added to", transport: ref.OCI, prepare: prepareLayout},
	{name: "dir", transport: ref.Dir},
}

// prepareLayout puts a layout of another image at path.
func prepareLayout(t *testing.T, path string) {
	t.Helper()
	a := open(t, build(t, "format oci\nimage example.com/other:v1\n  layer\n    file other other\n"))
	write(t, ref.OCI, path, contentOf(t, a))
}

// listings that every writer is tried with.
var writerListings = []struct{ name, text string }{
	{"one", "format oci-archive" + oneImage},
	{"docker media", "format oci-archive\nmedia docker\n" + oneImage},
	{"plain docker-save", "format docker-save" + oneImage},
	{"docker-save 1.0", "format docker-save-1.0" + oneImage},
	{"two", "format docker-containerd" + twoImages},
	{"many", "format oci" + manyPlatforms},
	{"artifacts", "format oci" + artifacts},
	{"no layers", "format oci\nimage example.com/scratch:v1\n"},
	{"same layer twice", "format oci\nimage fx:v1\n  layer\n    file a a\n  layer\n    file a a\n"},
}

// TestWriters is the contract of every writer.
func TestWriters(t *testing.T) {
	t.Parallel()
	for _, w := range writers {
		for _, l := range writerListings {
			t.Run(w.name+"/"+l.name, func(t *testing.T) {
				t.Parallel()
				a := open(t, build(t, l.text))
				if w.transport == ref.Dir && len(a.Images) != 1 {
					err := archive.Write(context.Background(), ref.Ref{Transport: ref.Dir, Path: filepath.Join(t.TempDir(), "out")}, contentOf(t, a), archive.WriteOptions{})
					if !errors.Is(err, archive.ErrUnsupported) {
						t.Errorf("Write(dir) of %d images = %v, want ErrUnsupported", len(a.Images), err)
					}
					return
				}
				checkWriter(t, w, a)
			})
		}
	}
}

func checkWriter(t *testing.T, w writer, a *archive.Archive) {
	t.Helper()
	parent := t.TempDir()
	out, again := filepath.Join(parent, "out"), filepath.Join(parent, "again")
	for _, path := range []string{out, again} {
		if w.prepare != nil {
			w.prepare(t, path)
		}
		write(t, w.transport, path, contentOf(t, a))
	}
	if diff := cmp.Diff(tree(t, out), tree(t, again)); diff != "" {
		t.Errorf("two writes differ:\n%s", diff)
	}
	if got := names(t, parent); !slices.Equal(got, []string{"again", "out"}) {
		t.Errorf("beside the output lies %q", got)
	}
	b := open(t, out)
	checkWhole(t, b)
	written := identity(b)
	for _, image := range a.Images {
		if w.transport == ref.Dir {
			image.Names = nil
		}
	}
	want := identity(a)
	if w.prepare != nil {
		if !strings.Contains(written, want) {
			t.Errorf("added images are not all there: want\n%s\nin\n%s", want, written)
		}
	} else if diff := cmp.Diff(want, written); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	checkDeduplicated(t, out)
}

// checkDeduplicated holds that no content is stored twice.
func checkDeduplicated(t *testing.T, path string) {
	t.Helper()
	stored := map[digest.Digest]string{}
	for name, data := range blobsOf(t, path) {
		d := digest.FromString(data)
		if other, ok := stored[d]; ok {
			t.Errorf("%s and %s hold the same bytes", other, name)
		}
		stored[d] = name
		base := strings.TrimSuffix(filepath.Base(name), ".manifest.json")
		if len(base) == 64 && base != d.Encoded() {
			t.Errorf("%s holds %s", name, d)
		}
	}
}

// blobsOf gives the files of a folder or the members of a tar, and checks that
// no member stands twice.
func blobsOf(t *testing.T, path string) map[string]string {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		files := tree(t, path)
		for name := range files {
			if strings.HasSuffix(name, "/") {
				delete(files, name)
			}
		}
		return files
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	files := map[string]string{}
	r := tar.NewReader(file)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := files[h.Name]; ok {
			t.Errorf("member %s stands twice", h.Name)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if !h.ModTime.IsZero() && h.ModTime.Unix() != 0 || h.Uid != 0 || h.Uname != "" || h.Mode != 0o644 {
			t.Errorf("member %s has a header of its own: %+v", h.Name, h)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(data)
	}
}

// faultySource gives broken blobs for one digest.
type faultySource struct {
	archive.Source
	bad   digest.Digest
	spoil func(archive.Blob) (archive.Blob, error)
}

func (f faultySource) Open(d ocispec.Descriptor) (archive.Blob, error) {
	blob, err := f.Source.Open(d)
	if err != nil || d.Digest != f.bad {
		return blob, err
	}
	return f.spoil(blob)
}

// spoiled is a blob with another size or other reads.
type spoiled struct {
	archive.Blob
	size int64
	read func(p []byte, offset int64) (int, error)
}

func (s spoiled) Size() int64 { return s.size }

func (s spoiled) ReadAt(p []byte, offset int64) (int, error) {
	if s.read != nil {
		return s.read(p, offset)
	}
	return s.Blob.ReadAt(p, offset)
}

var errDisk = errors.New("disk on fire")

// faults are the ways in which a source lies, and the error that must come.
var faults = []struct {
	name  string
	spoil func(archive.Blob) (archive.Blob, error)
	is    func(error) bool
}{
	{"other bytes", func(b archive.Blob) (archive.Blob, error) {
		return spoiled{Blob: b, size: b.Size(), read: func(p []byte, offset int64) (int, error) {
			n, err := b.ReadAt(p, offset)
			p[0] ^= 1
			return n, err
		}}, nil
	}, isDigestError},
	{"longer than stated", func(b archive.Blob) (archive.Blob, error) {
		return spoiled{Blob: b, size: b.Size() + 1}, nil
	}, isSizeError},
	{"shorter than stated", func(b archive.Blob) (archive.Blob, error) {
		return spoiled{Blob: b, size: b.Size() - 1}, nil
	}, isSizeError},
	{"ends early", func(b archive.Blob) (archive.Blob, error) {
		return spoiled{Blob: b, size: b.Size(), read: func(p []byte, offset int64) (int, error) {
			if offset >= 10 {
				return 0, io.EOF
			}
			return b.ReadAt(p[:min(len(p), 10)], offset)
		}}, nil
	}, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
	{"fails while read", func(b archive.Blob) (archive.Blob, error) {
		return spoiled{Blob: b, size: b.Size(), read: func([]byte, int64) (int, error) { return 0, errDisk }}, nil
	}, func(err error) bool { return errors.Is(err, errDisk) }},
	{"fails to open", func(b archive.Blob) (archive.Blob, error) {
		return nil, errors.Join(errDisk, b.Close())
	}, func(err error) bool { return errors.Is(err, errDisk) }},
}

func isDigestError(err error) bool {
	var e *archive.DigestError
	return errors.As(err, &e) && e.Want != e.Got
}

func isSizeError(err error) bool {
	var e *archive.SizeError
	return errors.As(err, &e) && e.Want != e.Got
}

// TestWritersFaultySource: a source that lies leaves nothing under the name or
// beside it, and what was there stays.
func TestWritersFaultySource(t *testing.T) {
	t.Parallel()
	for _, w := range writers {
		for _, f := range faults {
			t.Run(w.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				a := open(t, build(t, "format oci"+oneImage))
				bad := a.Images[0].Layers[1].Descriptor.Digest
				content := contentFrom(t, a, faultySource{a, bad, f.spoil})
				err := writeNothing(t, w, content, context.Background())
				if !f.is(err) {
					t.Errorf("Write = %v, want another error", err)
				}
				if err != nil && !strings.Contains(err.Error(), bad.String()) && f.name != "fails to open" {
					t.Errorf("Write = %v, want %s named", err, bad)
				}
			})
		}
	}
}

// writeNothing writes content, which must fail, and checks what is left: only
// what was there before, and blobs in a layout that was added to.
func writeNothing(t *testing.T, w writer, content *archive.Content, ctx context.Context) error {
	t.Helper()
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	if w.prepare != nil {
		w.prepare(t, out)
	}
	before := tree(t, parent)
	err := archive.Write(ctx, ref.Ref{Transport: w.transport, Path: out}, content, archive.WriteOptions{})
	if err == nil {
		t.Fatal("Write = nil, want an error")
	}
	for name, data := range tree(t, parent) {
		old, was := before[name]
		whole := strings.HasPrefix(name, "out/blobs/sha256/") && digest.FromString(data).Encoded() == filepath.Base(name)
		switch {
		case was && old != data:
			t.Errorf("%s changed", name)
		case !was && !(whole && w.name == "oci added to"):
			t.Errorf("%s is left behind", name)
		}
	}
	return err
}

// TestWritersCancelled: a cancelled write is the same as a failed one.
func TestWritersCancelled(t *testing.T) {
	t.Parallel()
	for _, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, build(t, "format oci\nimage fx:v1\n  layer plain\n    random a 2MiB\n"))
			bad := a.Images[0].Layers[0].Descriptor.Digest
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			content := contentFrom(t, a, faultySource{a, bad, func(b archive.Blob) (archive.Blob, error) {
				return spoiled{Blob: b, size: b.Size(), read: func(p []byte, offset int64) (int, error) {
					if offset > 0 {
						cancel()
					}
					return b.ReadAt(p, offset)
				}}, nil
			}})
			if err := writeNothing(t, w, content, ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Write = %v, want context.Canceled", err)
			}
			if err := writeNothing(t, w, contentOf(t, a), ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("Write after cancel = %v, want context.Canceled", err)
			}
		})
	}
}

// TestOpenCancelled: reading stops, too.
func TestOpenCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, listing := range []string{"format docker-save" + oneImage, "format docker-save" + oneImage + "outer gzip\n"} {
		temp := t.TempDir()
		if _, err := archive.Open(ctx, ref.Ref{Path: build(t, listing)}, archive.OpenOptions{TempDir: temp}); !errors.Is(err, context.Canceled) {
			t.Errorf("Open = %v, want context.Canceled", err)
		}
		if left := names(t, temp); len(left) != 0 {
			t.Errorf("cancelled Open leaves %q", left)
		}
	}
}

// failingWriter takes n bytes.
type failingWriter struct {
	bytes.Buffer
	n int
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.Len()+len(p) > w.n {
		n, _ := w.Buffer.Write(p[:w.n-w.Len()])
		return n, errDisk
	}
	return w.Buffer.Write(p)
}

// TestWriteStdout: the stream is the file, and a writer that fails at any byte
// fails the write.
func TestWriteStdout(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci"+twoImages))
	for _, transport := range []ref.Transport{ref.Any, ref.DockerArchive, ref.OCIArchive} {
		path := filepath.Join(t.TempDir(), "out")
		write(t, transport, path, contentOf(t, a))
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n <= len(want); n += max(1, len(want)/97) {
			out := &failingWriter{n: n}
			err := archive.Write(context.Background(), ref.Ref{Transport: transport, Path: ref.Stdio}, contentOf(t, a), archive.WriteOptions{Stdout: out})
			if !errors.Is(err, errDisk) && n < len(want) {
				t.Errorf("Write to a writer of %d bytes = %v, want %v", n, err, errDisk)
			}
			if !bytes.Equal(out.Bytes(), want[:n]) {
				t.Errorf("Write gave other bytes than the file before byte %d", n)
			}
		}
		out := &failingWriter{n: len(want)}
		if err := archive.Write(context.Background(), ref.Ref{Transport: transport, Path: ref.Stdio}, contentOf(t, a), archive.WriteOptions{Stdout: out}); err != nil {
			t.Errorf("Write(-) = %v", err)
		}
	}
}

// TestWriteTargets: what is at the target is replaced or refused.
func TestWriteTargets(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T, p string) { writeFile(t, p, "old") }
	folder := func(t *testing.T, p string) { writeFile(t, filepath.Join(p, "old"), "old") }
	missing := func(*testing.T, string) {}
	for _, tt := range []struct {
		name      string
		transport ref.Transport
		prepare   func(*testing.T, string)
		want      error // nil means replaced
	}{
		{"docker-archive over a file", ref.DockerArchive, file, nil},
		{"oci-archive over a file", ref.OCIArchive, file, nil},
		{"bare over a file", ref.Any, file, nil},
		{"bare over nothing", ref.Any, missing, nil},
		{"bare over a layout", ref.Any, prepareLayout, nil},
		{"bare over a folder", ref.Any, folder, archive.ErrUnsupported},
		{"oci over a folder", ref.OCI, folder, fs.ErrExist},
		{"oci over a file", ref.OCI, file, fs.ErrExist},
		{"dir over a folder", ref.Dir, folder, fs.ErrExist},
		{"dir over a file", ref.Dir, file, fs.ErrExist},
		{"dir over a layout", ref.Dir, prepareLayout, fs.ErrExist},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, build(t, "format oci"+oneImage))
			out := filepath.Join(t.TempDir(), "out")
			tt.prepare(t, out)
			err := archive.Write(context.Background(), ref.Ref{Transport: tt.transport, Path: out}, contentOf(t, a), archive.WriteOptions{})
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("Write = %v, want %v", err, tt.want)
			}
			if err == nil {
				checkWhole(t, open(t, out))
			} else if got := names(t, filepath.Dir(out)); len(got) != 1 {
				t.Errorf("beside the target lies %q", got)
			}
		})
	}
}

func writeFile(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestWriteThroughLink: a link at the target stays a link.
func TestWriteThroughLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link, real := filepath.Join(dir, "link.tar"), filepath.Join(dir, "real.tar")
	writeFile(t, real, "old")
	if err := os.Symlink("real.tar", link); err != nil {
		t.Fatal(err)
	}
	write(t, ref.DockerArchive, link, contentOf(t, open(t, build(t, "format oci"+oneImage))))
	checkWhole(t, open(t, real))
	if target, err := os.Readlink(link); err != nil || target != "real.tar" {
		t.Errorf("the link is %q, %v after the write", target, err)
	}
}

// TestWriteMode: outputs get the mode of any new file.
func TestWriteMode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes on windows")
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	want, err := os.Stat(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	write(t, ref.DockerArchive, out, contentOf(t, open(t, build(t, "format oci"+oneImage))))
	if got, err := os.Stat(out); err != nil || got.Mode() != want.Mode() {
		t.Errorf("mode = %v, %v, want %v", got.Mode(), err, want.Mode())
	}
}

// TestAddTwice: adding what is there changes nothing, under any order of names.
func TestAddTwice(t *testing.T) {
	t.Parallel()
	for _, l := range writerListings {
		out := filepath.Join(t.TempDir(), "out")
		prepareLayout(t, out)
		a := open(t, build(t, l.text))
		write(t, ref.OCI, out, contentOf(t, a))
		want := tree(t, out)
		write(t, ref.OCI, out, contentOf(t, a))
		write(t, ref.OCI, out, contentOf(t, open(t, out)))
		if diff := cmp.Diff(want, tree(t, out)); diff != "" {
			t.Errorf("%s: adding again changes the layout:\n%s", l.name, diff)
		}
	}
}

// TestAddMendsBlobs: a damaged blob in the layout is written anew.
func TestAddMendsBlobs(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci"+oneImage))
	out := filepath.Join(t.TempDir(), "out")
	write(t, ref.OCI, out, contentOf(t, a))
	want := tree(t, out)
	d := a.Images[0].Layers[0].Descriptor
	writeFile(t, filepath.Join(out, "blobs/sha256", d.Digest.Encoded()), strings.Repeat("x", int(d.Size)))
	write(t, ref.OCI, out, contentOf(t, a))
	if diff := cmp.Diff(want, tree(t, out)); diff != "" {
		t.Errorf("damaged blob stays:\n%s", diff)
	}
}

// TestAddKeeps: what a layout holds stays as it is stored, with what only
// others understand; a name that moves leaves its image without one.
func TestAddKeeps(t *testing.T) {
	t.Parallel()
	l := newLayout()
	old := l.manifest(l.blob(typeConfig, `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}`))
	named := strings.TrimSuffix(old, "}") + `,"x-field":{"b":1,"a":2},"annotations":{"note":"<&>","org.opencontainers.image.ref.name":"%s"}}`
	stranger := `{"mediaType":"application/vnd.example.unknown","digest":"sha512:zz","size":3,"annotations":{"org.opencontainers.image.ref.name":"example.com/stranger:1"}}`
	l.roots = []string{fmt.Sprintf(named, "example.com/fx/app:v1"), fmt.Sprintf(named, "example.com/keep:1"), stranger}
	l.files["index.json"] = fmt.Sprintf(`{"schemaVersion":2,"x-top":[1,2],"annotations":{"a":"b"},"manifests":[%s]}`, strings.Join(l.roots, ","))
	out := filepath.Join(t.TempDir(), "out")
	for name, data := range l.files {
		writeFile(t, filepath.Join(out, name), data)
	}
	a := open(t, build(t, "format oci"+twoImages))
	var warnings []string
	err := archive.Write(context.Background(), ref.Ref{Transport: ref.OCI, Path: out}, contentOf(t, a), archive.WriteOptions{Warn: func(s string) { warnings = append(warnings, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "example.com/fx/app:v1") {
		t.Errorf("warnings = %q, want one of the name that moves", warnings)
	}
	got := tree(t, out)["index.json"]
	for _, want := range []string{`"x-top":[1,2]`, `"annotations":{"a":"b"}`, `"x-field":{"b":1,"a":2}`, stranger, "example.com/keep:1"} {
		if !strings.Contains(got, want) {
			t.Errorf("index.json lacks %s:\n%s", want, got)
		}
	}
	b := open(t, out)
	image, err := b.One("example.com/fx/app:v1")
	if err != nil || image.Descriptor.Digest != a.Images[0].Descriptor.Digest {
		t.Errorf("the name did not move: %v, %v", image, err)
	}
	if image, err := b.One("example.com/keep:1"); err != nil || len(image.Names) != 1 {
		t.Errorf("the old image = %v, %v, want it with its other name alone", image, err)
	}
}

// TestMoveOnlyName: an image that loses its only name stays reachable.
func TestMoveOnlyName(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	first := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file a first\n"))
	second := open(t, build(t, "format oci\nimage docker.io/library/fx:v1\n  layer\n    file a second\n"))
	write(t, ref.OCI, out, contentOf(t, first))
	write(t, ref.OCI, out, contentOf(t, second))
	b := open(t, out)
	if len(b.Images) != 2 {
		t.Fatalf("layout holds %d images, want 2:\n%s", len(b.Images), outline(b))
	}
	if image, err := b.One("fx:v1"); err != nil || image.Descriptor.Digest != second.Images[0].Descriptor.Digest {
		t.Errorf("fx:v1 = %v, %v, want the second image", image, err)
	}
	if image, err := b.One(first.Images[0].Descriptor.Digest.String()); err != nil || len(image.Names) != 0 {
		t.Errorf("first image = %v, %v, want it without a name", image, err)
	}
	checkWhole(t, b)
}

// TestMoveAllNames: an image that loses several names is kept once.
func TestMoveAllNames(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	for _, content := range []string{"first", "second"} {
		a := open(t, build(t, "format docker-containerd\nimage fx:v1 fx:v2 example.com/other:v1\n  layer\n    file a "+content+"\n"))
		write(t, ref.OCI, out, contentOf(t, a))
	}
	if got := refNames(t, out); len(got) != 3 {
		t.Errorf("reference names %q, want three", got)
	}
	raw, err := os.ReadFile(filepath.Join(out, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), `"mediaType":"application/vnd.oci.image.manifest.v1+json"`); n != 4 {
		t.Errorf("index.json has %d descriptors, want three names and the old image:\n%s", n, raw)
	}
}

// TestFillConcurrently: writers that meet in one empty folder lose nothing, and
// one that fails takes nothing of the others with it.
func TestFillConcurrently(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	bad := contentOf(t, open(t, build(t, "format oci\nimage fx:bad\n  layer\n    random a 1MiB\nflip blob:layer:0:0 -1\n")))
	const fills = 6
	var wg sync.WaitGroup
	for i := range fills {
		c := contentOf(t, open(t, build(t, fmt.Sprintf("format oci\nimage example.com/fx:v%d\n  layer\n    file own %d\n", i, i))))
		wg.Go(func() {
			if err := archive.Write(context.Background(), ref.Ref{Transport: ref.OCI, Path: out}, c, archive.WriteOptions{}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := archive.Write(context.Background(), ref.Ref{Transport: ref.OCI, Path: out}, bad, archive.WriteOptions{}); err == nil {
				t.Error("a false layer is written")
			}
		})
	}
	wg.Wait()
	a := open(t, out)
	if len(a.Images) != fills {
		t.Errorf("layout holds %d images, want %d", len(a.Images), fills)
	}
}

// TestFillLeavesOthers: a write into an empty folder that fails removes only what
// it made, and marks what it leaves for the next run.
func TestFillLeavesOthers(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	bad := contentOf(t, open(t, build(t, "format oci\nimage fx:bad\n  layer\n    random a 1MiB\nflip blob:layer:0:0 -1\n")))
	if err := archive.Write(context.Background(), ref.Ref{Transport: ref.OCI, Path: out}, bad, archive.WriteOptions{
		Progress: func(int64) { _ = os.WriteFile(filepath.Join(out, "blobs", "mine"), nil, 0o600) },
	}); err == nil {
		t.Fatal("a false layer is written")
	}
	if got := names(t, out); len(got) != 2 || !claim.Is(got[0]) || got[1] != "blobs" {
		t.Errorf("left %q, want a mark, and the folder with the file of another", got)
	}
	write(t, ref.OCI, out, contentOf(t, open(t, build(t, "format oci"+oneImage))))
	checkWhole(t, open(t, out))
	if got := names(t, out); !slices.Equal(got, []string{"blobs", "index.json", "oci-layout"}) {
		t.Errorf("the next run makes %q", got)
	}
	if _, err := os.Stat(filepath.Join(out, "blobs", "mine")); err != nil {
		t.Error(err)
	}
}

// TestAddConcurrently: adds to one layout wait for each other and lose nothing.
func TestAddConcurrently(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	prepareLayout(t, out)
	const adds = 12
	contents := make([]*archive.Content, adds)
	for i := range contents {
		listing := fmt.Sprintf("format oci\nimage example.com/fx:v%d\n  layer\n    file shared shared\n  layer\n    file own %d\n", i, i)
		contents[i] = contentOf(t, open(t, build(t, listing)))
	}
	var wg sync.WaitGroup
	for _, c := range contents {
		wg.Go(func() {
			if err := archive.Write(context.Background(), ref.Ref{Transport: ref.OCI, Path: out}, c, archive.WriteOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	a := open(t, out)
	for i := range adds {
		if _, err := a.One(fmt.Sprintf("example.com/fx:v%d", i)); err != nil {
			t.Errorf("image %d is lost: %v", i, err)
		}
	}
	if _, err := a.One("example.com/other:v1"); err != nil {
		t.Error(err)
	}
	checkWhole(t, a)
	if got := names(t, out); !slices.Equal(got, []string{"blobs", "index.json", "oci-layout"}) {
		t.Errorf("the layout holds %q", got)
	}
}

// TestProgress: what is told adds up to what is stored.
func TestProgress(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci"+twoImages))
	for _, w := range []ref.Transport{ref.DockerArchive, ref.OCIArchive, ref.OCI} {
		c := contentOf(t, a)
		var told atomic.Int64
		err := archive.Write(context.Background(), ref.Ref{Transport: w, Path: filepath.Join(t.TempDir(), "out")}, c,
			archive.WriteOptions{Progress: func(n int64) { told.Add(n) }})
		if err != nil || told.Load() != c.TotalSize() {
			t.Errorf("%s: told of %d bytes, %v, want %d", w, told.Load(), err, c.TotalSize())
		}
	}
}

// TestUniversal: the docker archive that we write is the same images to readers
// of either face.
func TestUniversal(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, "format oci"+manyPlatforms))
	out := filepath.Join(t.TempDir(), "out.tar")
	write(t, ref.DockerArchive, out, contentOf(t, a))
	members := blobsOf(t, out)
	for _, face := range [][]string{{"index.json", "oci-layout"}, {"manifest.json"}} {
		var kept []tarMember
		for name, data := range members {
			if !slices.Contains(face, name) {
				kept = append(kept, regular(name, data))
			}
		}
		b := open(t, tarFile(t, kept...))
		checkWhole(t, b)
		if got := archive.JoinNames(b.Images[0].Names); got != "example.com/fx/multi:latest" {
			t.Errorf("without %q: names %q", face, got)
		}
		if b.Format == archive.DockerSave {
			if got := archive.FormatPlatform(b.Images[0].Platform()); got != "linux/amd64" {
				t.Errorf("manifest.json names %s, want linux/amd64", got)
			}
		}
	}
}

// TestContentGaps: children of an index may lack; an image alone must be whole.
func TestContentGaps(t *testing.T) {
	t.Parallel()
	many := contentOf(t, open(t, build(t, "format oci"+manyPlatforms)))
	if len(many.Gaps) != 1 || many.Gaps[0].Foreign {
		t.Errorf("gaps = %+v, want the absent platform", many.Gaps)
	}
	const lacking = "image fx:v1\n  layer absent\n    file a a\n"
	a := open(t, build(t, "format oci\n"+lacking))
	if err := new(archive.Content).Add(a.Images[0], a); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Add of an image without its layer = %v, want ErrNotFound", err)
	}
	const whole = "  image\n    platform linux/arm64\n    layer\n      file a a\n"
	nested := "format oci\nindex fx:v1\n  image\n    layer absent\n      file b b\n"
	if c := contentOf(t, open(t, build(t, nested+whole))); len(c.Gaps) != 1 || c.Gaps[0].Of == nil {
		t.Errorf("gaps = %+v, want one layer of a manifest", c.Gaps)
	}
	hollow := open(t, build(t, nested))
	if err := new(archive.Content).Add(hollow.Images[0], hollow); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Add of an index without a whole image = %v, want ErrNotFound", err)
	}
	l := newLayout()
	foreign := descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", digest.FromString("far"), 3)
	l.roots = []string{l.manifest(l.blob(typeConfig, `{"os":"windows","architecture":"amd64"}`), foreign)}
	if c := contentOf(t, open(t, l.tar(t))); len(c.Gaps) != 1 || !c.Gaps[0].Foreign {
		t.Errorf("gaps = %+v, want one foreign layer", c.Gaps)
	}
}

// TestContentSizes: two descriptors of one digest must agree.
func TestContentSizes(t *testing.T) {
	t.Parallel()
	l := newLayout()
	layer := l.blob(typeLayer, "layer")
	config := l.blob(typeConfig, `{"os":"linux","architecture":"amd64"}`)
	l.roots = []string{l.manifest(config, layer, strings.Replace(layer, `"size":5`, `"size":6`, 1))}
	a := open(t, l.tar(t))
	if err := new(archive.Content).Add(a.Images[0], a); !isSizeError(err) {
		t.Errorf("Add = %v, want a SizeError", err)
	}
}
