package archive_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/opencontainers/go-digest"
)

// padded makes a JSON document as long as size, with spaces at its end.
func padded(json string, size int) string {
	return json + strings.Repeat(" ", size-len(json))
}

const smallConfig = `{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}`

// firstFault is the first error of any document or config below the images.
func firstFault(a *archive.Archive) (fault error) {
	_ = archive.Walk(roots(a), func(n *archive.Node) error {
		switch {
		case fault != nil:
		case n.Err != nil:
			fault = n.Err
		case n.Config != nil && n.Config.Err != nil:
			fault = n.Config.Err
		}
		return nil
	})
	return fault
}

// write puts the layout into a folder and gives its path.
func (l *layout) folder(t *testing.T) string {
	t.Helper()
	l.members() // makes index.json
	dir := t.TempDir()
	for name, data := range l.files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLimits: just under each limit an archive opens, just over it something
// says so. A limit in index.json or manifest.json fails Open; elsewhere it is
// the fault of one document.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int
		slow  bool
		make  func(n int) *layout // of size n
	}{
		{"manifest of MaxDocument", archive.MaxDocument, false, func(n int) *layout {
			l := newLayout()
			l.roots = []string{l.blob(typeManifest, padded(manifestJSON(l.blob(typeConfig, smallConfig)), n))}
			return l
		}},
		{"index of MaxDocument", archive.MaxDocument, false, func(n int) *layout {
			l := newLayout()
			l.roots = []string{l.blob(typeIndex, padded(indexJSON(), n))}
			return l
		}},
		{"index.json of MaxDocument", archive.MaxDocument, false, func(n int) *layout {
			l := newLayout()
			l.files["index.json"] = padded(indexJSON(), n)
			return l
		}},
		{"manifest.json of MaxDocument", archive.MaxDocument, false, func(n int) *layout {
			return &layout{files: map[string]string{"manifest.json": padded(`[{"Config":"c","RepoTags":null,"Layers":[]}]`, n), "c": smallConfig, "index.json": ""}}
		}},
		{"repositories of MaxDocument", archive.MaxDocument, false, func(n int) *layout {
			return &layout{files: map[string]string{"repositories": padded(`{}`, n), "index.json": ""}}
		}},
		{"config of MaxConfig", archive.MaxConfig, false, func(n int) *layout {
			l := newLayout()
			l.roots = []string{l.manifest(l.blob(typeConfig, padded(smallConfig, n)))}
			return l
		}},
		{"config of a docker-save image", archive.MaxConfig, false, func(n int) *layout {
			return &layout{files: map[string]string{"manifest.json": `[{"Config":"c"}]`, "c": padded(smallConfig, n), "index.json": ""}}
		}},
		{"documents of MaxMetadata", archive.MaxMetadata, true, metadataLayout},
		{"nesting of MaxDepth", archive.MaxDepth, false, func(n int) *layout {
			l := newLayout()
			d := l.manifest(l.blob(typeConfig, smallConfig))
			for range n - 1 {
				d = l.index(d)
			}
			l.roots = []string{d}
			return l
		}},
		{"children of MaxDescriptors", archive.MaxDescriptors, false, func(n int) *layout {
			l := newLayout()
			l.roots = []string{l.index(repeated(l.manifest(l.blob(typeConfig, smallConfig)), n)...)}
			return l
		}},
		{"roots of MaxDescriptors", archive.MaxDescriptors, false, func(n int) *layout {
			l := newLayout()
			l.roots = repeated(l.manifest(l.blob(typeConfig, smallConfig)), n)
			return l
		}},
		{"layers of MaxDescriptors", archive.MaxDescriptors, false, func(n int) *layout {
			l := newLayout()
			l.roots = []string{l.manifest(l.blob(typeConfig, smallConfig), repeated(l.blob(typeLayer, "x"), n)...)}
			return l
		}},
		{"images of manifest.json", archive.MaxDescriptors, false, func(n int) *layout {
			entries := strings.Join(repeated(`{"Config":"c"}`, n), ",")
			return &layout{files: map[string]string{"manifest.json": "[" + entries + "]", "c": smallConfig, "index.json": ""}}
		}},
		// An index of 1000 manifests weighs 2,001; 99 of them in another one are
		// under the 200,000, 100 are over.
		{"descriptors of MaxNodes", 99, true, func(n int) *layout {
			l := newLayout()
			inner := l.index(repeated(l.manifest(l.blob(typeConfig, smallConfig)), 1000)...)
			l.roots = []string{l.index(repeated(inner, n)...)}
			return l
		}},
		// The same over the roots together.
		{"descriptors of MaxNodes in two roots", 49, true, func(n int) *layout {
			l := newLayout()
			inner := l.index(repeated(l.manifest(l.blob(typeConfig, smallConfig)), 1000)...)
			l.roots = []string{
				l.blob(typeIndex, indexJSON(repeated(inner, 50)...)),
				l.blob(typeIndex, indexJSON(repeated(inner, n)...)+" "),
			}
			return l
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.slow && testing.Short() {
				t.Skip("slow")
			}
			if err := limitFault(t, tt.make(tt.limit)); err != nil {
				t.Errorf("at the limit: %v", err)
			}
			if err := limitFault(t, tt.make(tt.limit+1)); !errors.Is(err, archive.ErrTooLarge) {
				t.Errorf("over the limit: %v, want ErrTooLarge", err)
			}
		})
	}
}

// limitFault opens l and gives the error of Open or of the first document. A
// file of no bytes is one to leave out.
func limitFault(t *testing.T, l *layout) error {
	t.Helper()
	l.members()
	if l.files["index.json"] == "" {
		delete(l.files, "index.json")
	}
	var members []tarMember
	for name, data := range l.files {
		members = append(members, regular(name, data))
	}
	path := tarFile(t, members...)
	a, err := archiveOpen(path)
	if err != nil {
		return err
	}
	defer a.Close()
	return firstFault(a)
}

func repeated(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// metadataLayout has documents of n bytes together.
func metadataLayout(n int) *layout {
	l := newLayout()
	config := l.blob(typeConfig, smallConfig)
	n -= len(smallConfig)
	for i := 0; n > 0; i++ {
		size := min(n, archive.MaxDocument)
		text := fmt.Sprintf(`{"schemaVersion":2,"config":%s,"layers":[],"annotations":{"n":"%d"}}`, config, i)
		if n-size < len(text) && n > size {
			size -= len(text) // leave room for the last one
		}
		l.roots = append(l.roots, l.blob(typeManifest, padded(text, size)))
		n -= size
	}
	return l
}

// TestLinkLimit: links between members are followed, but not for ever.
func TestLinkLimit(t *testing.T) {
	t.Parallel()
	chain := func(links int) string {
		members := []tarMember{
			regular("manifest.json", `[{"Config":"link0"}]`),
			regular(fmt.Sprintf("link%d", links), smallConfig),
		}
		for i := range links {
			make := symlink
			if i%2 == 1 {
				make = hardlink
			}
			members = append(members, make(fmt.Sprintf("link%d", i), fmt.Sprintf("link%d", i+1)))
		}
		return tarFile(t, members...)
	}
	if err := firstFault(open(t, chain(39))); err != nil {
		t.Errorf("39 links: %v", err)
	}
	if err := firstFault(open(t, chain(41))); !errors.Is(err, archive.ErrMalformed) {
		t.Errorf("41 links: %v, want ErrMalformed", err)
	}
}

// TestClaims: sizes that descriptors state size no allocation, and a claim that
// is wrong comes out when the blob is copied.
func TestClaims(t *testing.T) {
	t.Parallel()
	l := newLayout()
	config := strings.Replace(l.blob(typeConfig, smallConfig), fmt.Sprint(len(smallConfig)), "9223372036854775807", 1)
	layer := strings.Replace(l.blob(typeLayer, "layer"), `"size":5`, `"size":-5`, 1)
	l.roots = []string{strings.Replace(l.manifest(config, layer), `"size":`, `"size":1`, 1)}
	a := open(t, l.tar(t))
	n := a.Images[0]
	if n.Err != nil || n.Config.Err != nil {
		t.Fatalf("a claim fails Open: %v, %v", n.Err, n.Config.Err)
	}
	c := contentOf(t, a)
	for _, w := range writers {
		out := filepath.Join(t.TempDir(), "out")
		if err := archiveWrite(w.transport, out, c); err == nil {
			t.Errorf("Write(%s) of false sizes = nil, want an error", w.name)
		}
		if got := names(t, filepath.Dir(out)); len(got) != 0 {
			t.Errorf("Write(%s) leaves %q", w.name, got)
		}
	}
}

// TestDigests: what is no digest is never a path.
func TestDigests(t *testing.T) {
	t.Parallel()
	for _, d := range []digest.Digest{"", "x", "sha256:", "sha256:..", "sha256:../../oci-layout", "sha256:" + digest.Digest(strings.Repeat("A", 64)), "../x:abc", "sha512:abcd", "md5:d41d8cd98f00b204e9800998ecf8427e"} {
		l := newLayout()
		l.roots = []string{descriptor(typeManifest, d, 5), descriptor(typeIndex, d, 5), descriptor("application/x", d, 5),
			l.manifest(descriptor(typeConfig, d, 3)), l.manifest(l.blob(typeConfig, smallConfig), descriptor(typeLayer, d, 5))}
		a := open(t, l.tar(t))
		for i, image := range a.Images {
			if err := new(archive.Content).Add(image, a); err == nil {
				t.Errorf("digest %q: image %d is taken", d, i)
			}
		}
	}
}
