package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// made gives a source over an archive of one image, and the folder of its
// temporary files.
func made(t testing.TB) (m *archive.Made, from *archive.Archive, dir string) {
	t.Helper()
	from = open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file a a\n"))
	dir = t.TempDir()
	m = archive.NewMade(from, dir)
	t.Cleanup(func() { m.Close() })
	return m, from, dir
}

// makeLayer makes a layer of text.
func makeLayer(t testing.TB, m *archive.Made, s codec.Setting, text string) archive.Layer {
	t.Helper()
	l, err := m.Layer(context.Background(), s, codec.WriterOptions{}, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		t.Fatalf("Layer(%v): %v", s, err)
	}
	return l
}

// blobOf reads a blob, checked against its descriptor.
func blobOf(t testing.TB, from archive.Source, d ocispec.Descriptor) string {
	t.Helper()
	b, err := from.Open(d)
	if err != nil {
		t.Fatalf("Open(%s): %v", d.Digest, err)
	}
	defer b.Close()
	var out bytes.Buffer
	if err := archive.Copy(context.Background(), &out, b, d, nil); err != nil {
		t.Fatalf("Copy(%s): %v", d.Digest, err)
	}
	return out.String()
}

// TestMadeLayers: several layers side by side, with the digests of what is stored
// and of what was written, and what the archive has besides.
func TestMadeLayers(t *testing.T) {
	t.Parallel()
	m, from, dir := made(t)
	texts := []string{"", "one", strings.Repeat("two ", 100_000), strings.Repeat("three", 3)}
	var layers []archive.Layer
	for i, s := range []codec.Setting{
		{Compression: codec.None}, {Compression: codec.Gzip}, {Compression: codec.Zstd}, {Compression: codec.Gzip, Level: 9},
	} {
		layers = append(layers, makeLayer(t, m, s, texts[i]))
	}
	for i, want := range []string{
		ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageLayerGzip, ocispec.MediaTypeImageLayerZstd, ocispec.MediaTypeImageLayerGzip,
	} {
		l := layers[i]
		if l.Descriptor.MediaType != want || l.DiffID != digest.FromString(texts[i]) || l.Err != nil {
			t.Errorf("layer %d: %+v", i, l)
		}
		stored := blobOf(t, m, l.Descriptor)
		plain, err := codec.NewReader(strings.NewReader(stored), l.Compression, codec.ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(plain); err != nil || string(got) != texts[i] {
			t.Errorf("layer %d holds %d bytes, %v, want %d", i, len(got), err, len(texts[i]))
		}
	}
	own := archive.Instances(from.Images[0].Node)[0].Layers[0].Descriptor
	if blobOf(t, m, own) != blobOf(t, from, own) {
		t.Error("the archive's layer is another one")
	}
	if _, err := m.Open(ocispec.Descriptor{Digest: digest.FromString("nothing"), Size: 7}); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Open of what is nowhere = %v, want %v", err, archive.ErrNotFound)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("Close leaves %q", left)
	}
	if _, err := m.Open(layers[1].Descriptor); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Open after Close = %v, want %v", err, archive.ErrNotFound)
	}
}

// TestMadeTwice: the same content is kept once, and closing twice is no fault.
func TestMadeTwice(t *testing.T) {
	t.Parallel()
	m, _, dir := made(t)
	a := makeLayer(t, m, codec.Setting{Compression: codec.Gzip}, "same")
	b := makeLayer(t, m, codec.Setting{Compression: codec.Gzip}, "same")
	if a.Descriptor.Digest != b.Descriptor.Digest || blobOf(t, m, a.Descriptor) != blobOf(t, m, b.Descriptor) {
		t.Errorf("the same content became %+v and %+v", a, b)
	}
	if d := m.Document([]byte("{}")); d != m.Document([]byte("{}")) || blobOf(t, m, ocispec.Descriptor{Digest: d, Size: 2}) != "{}" {
		t.Error("the same document became two")
	}
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Error(err)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("Close leaves %q", left)
	}
}

// TestMadeOver: what was made is there over another archive too, and only that.
func TestMadeOver(t *testing.T) {
	t.Parallel()
	m, from, _ := made(t)
	other := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file b b\n"))
	over := m.Over(other)
	l := makeLayer(t, m, codec.Setting{Compression: codec.Gzip}, "later than Over")
	if blobOf(t, over, l.Descriptor) != blobOf(t, m, l.Descriptor) {
		t.Error("another layer over another archive")
	}
	own, others := archive.Instances(from.Images[0].Node)[0].Layers[0].Descriptor, archive.Instances(other.Images[0].Node)[0].Layers[0].Descriptor
	blobOf(t, m, own)
	blobOf(t, over, others)
	if _, err := over.Open(own); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Open over another archive = %v, want %v", err, archive.ErrNotFound)
	}
}

// TestMadeFails: whatever ends the making of a layer comes out, and leaves no
// file.
func TestMadeFails(t *testing.T) {
	t.Parallel()
	m, _, dir := made(t)
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	big := bytes.Repeat([]byte("content "), 1<<20)
	write := func(w io.Writer) error { _, err := w.Write(big); return err }
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		s     codec.Setting
		write func(io.Writer) error
		want  error
	}{
		{"at once", context.Background(), codec.Setting{Compression: codec.Gzip}, func(io.Writer) error { return broken }, broken},
		{"half-way", context.Background(), codec.Setting{Compression: codec.Zstd}, func(w io.Writer) error { return errors.Join(write(w), broken) }, broken},
		{"cancelled", cancelled, codec.Setting{Compression: codec.None}, write, context.Canceled},
		{"cancelled, compressed", cancelled, codec.Setting{Compression: codec.Gzip}, write, context.Canceled},
	} {
		if l, err := m.Layer(tt.ctx, tt.s, codec.WriterOptions{}, tt.write); !errors.Is(err, tt.want) {
			t.Errorf("%s: Layer = %+v, %v, want %v", tt.name, l, err, tt.want)
		}
		if left := names(t, dir); len(left) > 0 {
			t.Errorf("%s: leaves %q", tt.name, left)
		}
	}
	if _, err := m.Layer(context.Background(), codec.Setting{Compression: "none such"}, codec.WriterOptions{}, write); err == nil {
		t.Error("Layer takes a compression that there is not")
	}
	nowhere := archive.NewMade(nil, dir+"/none")
	if _, err := nowhere.Layer(context.Background(), codec.Setting{Compression: codec.None}, codec.WriterOptions{}, write); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Layer without a folder for it = %v, want %v", err, os.ErrNotExist)
	}
}

// TestMadeConcurrently: layers are made and read side by side.
func TestMadeConcurrently(t *testing.T) {
	t.Parallel()
	m, _, _ := made(t)
	done := make(chan error)
	for i := range 8 {
		go func() {
			text := strings.Repeat(fmt.Sprint(i%4), 100_000) // each twice
			l, err := m.Layer(context.Background(), codec.Setting{Compression: codec.Gzip}, codec.WriterOptions{}, func(w io.Writer) error {
				_, err := io.WriteString(w, text)
				return err
			})
			if err == nil {
				var b archive.Blob
				if b, err = m.Open(l.Descriptor); err == nil {
					err = errors.Join(archive.Copy(context.Background(), io.Discard, b, l.Descriptor, nil), b.Close())
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
