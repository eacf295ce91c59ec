package archive_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
)

// within gives an archive whose manifest.json names a config in another member.
func within(members ...tarMember) []tarMember {
	return append([]tarMember{regular("manifest.json", `[{"Config":"c","RepoTags":["fx:v1"]}]`)}, members...)
}

// TestHostileMembers: members that try to be what they are not. The image's
// fault says so; nothing outside of the archive is ever read.
func TestHostileMembers(t *testing.T) {
	t.Parallel()
	outside := bytesFile(t, []byte(smallConfig))
	device := tarMember{tar.Header{Typeflag: tar.TypeChar, Name: "c", Devmajor: 1, Devminor: 5}, ""}
	fifo := tarMember{tar.Header{Typeflag: tar.TypeFifo, Name: "c"}, ""}
	folder := tarMember{tar.Header{Typeflag: tar.TypeDir, Name: "c/"}, ""}
	sparse := regular("c", smallConfig)
	sparse.PAXRecords = map[string]string{"GNU.sparse.realsize": "99"}
	for _, tt := range []struct {
		name    string
		members []tarMember
		want    error // nil means that the config is read
	}{
		{"regular", within(regular("c", smallConfig)), nil},
		{"symlink", within(symlink("c", "d/e"), regular("d/e", smallConfig)), nil},
		{"symlink up and back", within(symlink("c", "d/../e"), regular("e", smallConfig)), nil},
		{"hard link before its target", within(hardlink("c", "e"), regular("e", smallConfig)), nil},
		{"hard link to a symlink", within(hardlink("c", "s"), symlink("s", "e"), regular("e", smallConfig)), nil},
		{"member with ./", within(regular("./c", smallConfig)), nil},
		{"global header of its name", append(within(regular("c", smallConfig)), tarMember{tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"path": "c"}}, ""}), nil},
		{"last of two counts", within(regular("c", "{"), regular("c", smallConfig)), nil},
		{"last of two counts, spelled otherwise", within(regular("c", "{"), regular("./x/../c", smallConfig)), nil},
		{"last of two is broken", within(regular("c", smallConfig), regular("c", "{")), archive.ErrMalformed},
		{"last of two is a loop", within(regular("c", smallConfig), symlink("c", "c")), archive.ErrMalformed},
		{"loop", within(symlink("c", "d"), symlink("d", "c")), archive.ErrMalformed},
		{"loop of hard links", within(hardlink("c", "d"), hardlink("d", "c")), archive.ErrMalformed},
		{"link out", within(symlink("c", "../../../../../../"+outside)), archive.ErrMalformed},
		{"absolute link", within(symlink("c", outside)), archive.ErrMalformed},
		{"hard link out", within(hardlink("c", "../c")), archive.ErrMalformed},
		{"absolute hard link", within(hardlink("c", outside)), archive.ErrMalformed},
		{"link to nothing", within(symlink("c", "nothing")), archive.ErrNotFound},
		{"link to nowhere", within(symlink("c", ".")), archive.ErrNotFound},
		{"nothing", within(), archive.ErrNotFound},
		{"name out", within(regular("../c", smallConfig)), archive.ErrNotFound},
		{"absolute name", within(regular("/c", smallConfig)), archive.ErrNotFound},
		{"device", within(device), archive.ErrMalformed},
		{"named pipe", within(fifo), archive.ErrMalformed},
		{"folder", within(folder), archive.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, tarFile(t, tt.members...))
			if err := firstFault(a); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("fault = %v, want %v", err, tt.want)
			}
		})
	}
	for _, member := range []tarMember{device, fifo, folder, symlink("manifest.json", "manifest.json"), symlink("manifest.json", outside)} {
		member.Name = strings.Replace(member.Name, "c", "manifest.json", 1)
		if err := openErr(t, tarFile(t, member)); !errors.Is(err, archive.ErrNotImage) {
			t.Errorf("manifest.json of type %q: %v, want ErrNotImage", member.Typeflag, err)
		}
	}
}

// TestSparseMember: a sparse file is no blob, in any of the GNU forms.
func TestSparseMember(t *testing.T) {
	t.Parallel()
	base := tarBytes(t, within(regular("c", smallConfig))...)
	at := bytes.Index(base, []byte("c\x00"))
	for at%512 != 0 {
		at += 1 + bytes.Index(base[at+1:], []byte("c\x00"))
	}
	old := bytes.Clone(base)
	old[at+156] = 'S'
	copy(old[at+257:], "ustar  \x00")
	copy(old[at+386:], fmt.Sprintf("%011o\x00%011o\x00", 0, len(smallConfig)))
	copy(old[at+483:], fmt.Sprintf("%011o\x00", len(smallConfig)))
	checksum(old[at : at+512])
	for _, data := range [][]byte{old, paxSparse(t, "0.0"), paxSparse(t, "0.1"), paxSparse(t, "1.0")} {
		a, err := archiveOpen(bytesFile(t, data))
		if err != nil {
			continue // refused whole is good, too
		}
		if err := firstFault(a); !errors.Is(err, archive.ErrMalformed) {
			t.Errorf("sparse config: %v, want ErrMalformed", err)
		}
		a.Close()
	}
}

// paxSparse makes an archive whose config is a sparse file of PAX form v. The
// records have to be written by hand, since archive/tar refuses them.
func paxSparse(t *testing.T, v string) []byte {
	t.Helper()
	body, records := smallConfig, ""
	size := fmt.Sprint(len(smallConfig))
	switch v {
	case "0.0":
		records = record("GNU.sparse.size", size) + record("GNU.sparse.numblocks", "1") + record("GNU.sparse.offset", "0") + record("GNU.sparse.numbytes", size)
	case "0.1":
		records = record("GNU.sparse.size", size) + record("GNU.sparse.numblocks", "1") + record("GNU.sparse.map", "0,"+size)
	case "1.0":
		records = record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") + record("GNU.sparse.name", "c") + record("GNU.sparse.realsize", size)
		body = padded("1\n0\n"+size+"\n", 512) + smallConfig
	}
	header := regular("PaxHeaders.0/c", records)
	data := tarBytes(t, header)
	data[156] = 'x'
	checksum(data[:512])
	head := tarBytes(t, regular("manifest.json", `[{"Config":"c"}]`))
	rest := tarBytes(t, regular("c", body))
	return append(append(head[:len(head)-1024], data[:len(data)-1024]...), rest...)
}

// record spells a PAX record with its own length before it.
func record(key, value string) string {
	n := len(key) + len(value) + 3
	for len(fmt.Sprint(n))+len(key)+len(value)+3 != n {
		n = len(fmt.Sprint(n)) + len(key) + len(value) + 3
	}
	return fmt.Sprintf("%d %s=%s\n", n, key, value)
}

// checksum makes the sum of a tar header right again.
func checksum(header []byte) {
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
}

// TestHugeSizes: what a header says of its size allocates nothing and ends the
// walk with an error.
func TestHugeSizes(t *testing.T) {
	t.Parallel()
	base := tarBytes(t, within(regular("c", smallConfig))...)
	for _, size := range []int64{1 << 20, 1 << 40, 1<<62 - 1, 1<<63 - 1, 1<<63 - 512, -1, -512, -1 << 62} {
		for at := 0; at < len(base)-1024; at += 512 {
			if base[at] == 0 || base[at] == '[' || base[at] == '{' {
				continue
			}
			data := bytes.Clone(base)
			field := data[at+124 : at+136]
			clear(field)
			binary.BigEndian.PutUint64(field[4:], uint64(size))
			if size < 0 {
				copy(field, "\xff\xff\xff\xff")
			}
			field[0] |= 0x80
			checksum(data[at : at+512])
			if a, err := archiveOpen(bytesFile(t, data)); err == nil {
				t.Errorf("header at %d says %d bytes and the archive opens: %s", at, size, outline(a))
				a.Close()
			}
		}
	}
}

// TestWarnings: what is passed over is told.
func TestWarnings(t *testing.T) {
	t.Parallel()
	path := tarFile(t, within(regular("c", smallConfig), regular("../a", ""), regular("/b", ""), regular("c", smallConfig))...)
	var warnings []string
	a, err := archive.Open(t.Context(), refPath(path), archive.OpenOptions{Warn: func(s string) { warnings = append(warnings, s) }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if len(warnings) != 2 || !strings.Contains(warnings[0], `passed over: 2,`) || !strings.Contains(warnings[0], `"../a"`) || !strings.Contains(warnings[1], `"c"`) {
		t.Errorf("warnings = %q, want one of two unsafe names and one of a duplicate", warnings)
	}
}

// TestFolderLinks: a layout folder does not lead out of itself, and a pipe in
// the place of a file does not hang.
func TestFolderLinks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"index.json", "oci-layout"} {
		dir := build(t, "format oci"+oneImage)
		secret := bytesFile(t, []byte(indexJSON()))
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if a, err := archiveOpen(dir); err == nil {
			if len(a.Images) == 0 {
				t.Errorf("%s was read through a link out of the folder", name)
			}
			a.Close()
		}
	}
	l := newLayout()
	config := l.blob(typeConfig, smallConfig)
	l.roots = []string{l.manifest(config)}
	dir := l.folder(t)
	blob := filepath.Join(dir, "blobs/sha256", digest.FromString(smallConfig).Encoded())
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(bytesFile(t, []byte(smallConfig)), blob); err != nil {
		t.Fatal(err)
	}
	if err := firstFault(open(t, dir)); err == nil {
		t.Error("a blob was read through a link out of the folder")
	}
}

// lying stores text under the digest of something else.
func (l *layout) lying(mediaType, name, text string) string {
	d := digest.FromString(name)
	l.files["blobs/sha256/"+d.Encoded()] = text
	return descriptor(mediaType, d, len(text))
}

// TestCycles: a file under a false digest can contain itself. Opening and
// walking end.
func TestCycles(t *testing.T) {
	t.Parallel()
	self := func(mediaType string) string { return descriptor(mediaType, digest.FromString("self"), 100) }
	for _, tt := range []struct {
		name string
		make func(l *layout)
	}{
		{"index in itself", func(l *layout) {
			l.roots = []string{l.lying(typeIndex, "self", indexJSON(self(typeIndex)))}
		}},
		{"under another media type", func(l *layout) {
			l.roots = []string{l.lying(typeIndex, "self", indexJSON(self(dockerList), self(typeIndex), self(typeManifest)))}
		}},
		{"through another index", func(l *layout) {
			l.lying(typeIndex, "self", indexJSON(l.lying(typeIndex, "other", indexJSON(self(typeIndex), self(dockerList)))))
			l.roots = []string{self(typeIndex), self(dockerList)}
		}},
		{"many times", func(l *layout) {
			l.lying(typeIndex, "self", indexJSON(append(repeated(self(typeIndex), 2000), repeated(self(dockerList), 2000)...)...))
			l.roots = []string{self(typeIndex)}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLayout()
			tt.make(l)
			a := open(t, l.tar(t))
			visits := map[string]int{}
			_ = archive.Walk(roots(a), func(n *archive.Node) error {
				visits[n.Descriptor.Digest.String()+" "+n.Descriptor.MediaType]++
				return nil
			})
			for what, n := range visits {
				if n > 1 {
					t.Errorf("Walk visits %s %d times", what, n)
				}
			}
			for _, image := range a.Images {
				archive.Instances(image.Node)
			}
		})
	}
}

// TestTwoInOne: a document that two kinds of tool read differently is refused
// (CVE-2021-41190).
func TestTwoInOne(t *testing.T) {
	t.Parallel()
	l := newLayout()
	config, layer := l.blob(typeConfig, smallConfig), l.blob(typeLayer, "x")
	child := l.manifest(config)
	both := fmt.Sprintf(`{"schemaVersion":2,"config":%s,"layers":[%s],"manifests":[%s]}`, config, layer, child)
	for name, root := range map[string]string{
		"as an index":             l.blob(typeIndex, both),
		"as a manifest":           l.blob(typeManifest, both+" "),
		"layers in an index":      l.blob(typeIndex, fmt.Sprintf(`{"manifests":[],"layers":[%s]}`, layer)),
		"config in an index":      l.blob(typeIndex, fmt.Sprintf(`{"manifests":[],"config":%s}`, config)),
		"manifests in a manifest": l.blob(typeManifest, fmt.Sprintf(`{"config":%s,"layers":[],"manifests":[]}`, config)),
		"other case":              l.blob(typeIndex, fmt.Sprintf(`{"manifests":[],"Layers":[%s]}`, layer)),
	} {
		l.roots = []string{root}
		delete(l.files, "index.json")
		a := open(t, l.tar(t))
		if err := a.Images[0].Err; !errors.Is(err, archive.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	l.files["index.json"] = both
	if err := openErr(t, l.tar(t)); !errors.Is(err, archive.ErrMalformed) {
		t.Errorf("index.json that is a manifest: %v, want ErrMalformed", err)
	}
}

// TestFaultyDocuments: a fault in one image does not fail the others.
func TestFaultyDocuments(t *testing.T) {
	t.Parallel()
	l := newLayout()
	config := l.blob(typeConfig, smallConfig)
	good := l.manifest(config)
	for _, tt := range []struct {
		name, root string
		want       error
	}{
		{"absent", descriptor(typeManifest, digest.FromString("absent"), 3), archive.ErrNotFound},
		{"no JSON", l.blob(typeManifest, "{"), archive.ErrMalformed},
		{"trailing bytes", l.blob(typeManifest, manifestJSON(config)+"x"), archive.ErrMalformed},
		{"index no JSON", l.blob(typeIndex, "["), archive.ErrMalformed},
		{"index of strings", l.blob(typeIndex, `{"manifests":["x"]}`), archive.ErrMalformed},
		{"descriptor of another shape", `{"mediaType":5}`, archive.ErrMalformed},
		{"string for a descriptor", `"x"`, archive.ErrMalformed},
		{"schema 1", l.blob("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}"), archive.ErrUnsupported},
		{"cache", l.blob("application/vnd.buildkit.cacheconfig.v0", "{}"), archive.ErrOpaque},
		{"absent cache", descriptor("application/vnd.buildkit.cacheconfig.v0", digest.FromString("absent"), 3), archive.ErrNotFound},
	} {
		l.roots = []string{tt.root, good}
		delete(l.files, "index.json")
		a := open(t, l.tar(t))
		if len(a.Images) != 2 || a.Images[1].Err != nil {
			t.Errorf("%s: the good image is lost: %s", tt.name, outline(a))
			continue
		}
		if err := a.Images[0].Err; !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if a.Images[0].Absent() != errors.Is(tt.want, archive.ErrNotFound) {
			t.Errorf("%s: Absent = %v", tt.name, a.Images[0].Absent())
		}
	}
}

// TestOddTimes: times that do not parse count as absent.
func TestOddTimes(t *testing.T) {
	t.Parallel()
	for _, created := range []string{`""`, `"yesterday"`, `5`, `null`, `"0001-01-01T00:00:00Z"`, `{}`} {
		l := newLayout()
		l.roots = []string{l.manifest(l.blob(typeConfig, fmt.Sprintf(`{"os":"linux","architecture":"amd64","created":%s,"history":[{"created":%s,"created_by":"x"}]}`, created, created)))}
		n := open(t, l.tar(t)).Images[0]
		if n.Config.Err != nil || n.Config.Created != nil || len(n.Config.History) != 1 || n.Config.History[0].Created != nil || n.Config.History[0].CreatedBy != "x" {
			t.Errorf("created %s: %+v", created, n.Config)
		}
	}
}

// TestDataField: content embedded in a descriptor counts as held.
func TestDataField(t *testing.T) {
	t.Parallel()
	l := newLayout()
	config := strings.TrimSuffix(descriptor(typeConfig, digest.FromString(smallConfig), len(smallConfig)), "}") +
		fmt.Sprintf(`,"data":%q}`, base64Of(smallConfig))
	l.roots = []string{l.manifest(config)}
	a := open(t, l.tar(t))
	if err := firstFault(a); err != nil {
		t.Fatal(err)
	}
	if got := string(copied(t, a, a.Images[0].Manifest.Config)); got != smallConfig {
		t.Errorf("embedded config = %q", got)
	}
}

// The config of an artifact is not parsed, and still has to be there.
func TestArtifactConfigDigest(t *testing.T) {
	t.Parallel()
	for _, d := range []digest.Digest{"", "x", "sha256:../../../evil/x"} {
		t.Run(string(d), func(t *testing.T) {
			l := newLayout()
			l.roots = []string{l.manifest(descriptor("application/x", d, 3))}
			a := open(t, l.tar(t))
			c := &archive.Content{}
			err := c.Add(a.Images[0], a)
			if err == nil {
				t.Errorf("config of digest %q is taken", d)
			}
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic: %v", r)
				}
			}()
			parent := t.TempDir()
			_ = archiveWrite(ref.OCI, filepath.Join(parent, "a", "b", "out"), c)
			if _, err := os.Stat(filepath.Join(parent, "a", "evil")); err == nil {
				t.Error("a folder was made outside of the output")
			}
		})
	}
}

// An artifact whose config is absent is not whole.
func TestArtifactConfigAbsent(t *testing.T) {
	t.Parallel()
	l := newLayout()
	l.roots = []string{l.manifest(descriptor("application/x", digest.FromString("absent"), 6))}
	a := open(t, l.tar(t))
	if err := new(archive.Content).Add(a.Images[0], a); !errors.Is(err, archive.ErrNotFound) {
		t.Errorf("Add = %v, want ErrNotFound", err)
	}
}

// A config seen first as an artifact's is still read as an image's.
func TestConfigTypes(t *testing.T) {
	t.Parallel()
	l := newLayout()
	config := l.blob(typeConfig, dockerConfig(layerA))
	layer := l.blob(typeLayer, layerA)
	l.roots = []string{l.manifest(strings.Replace(config, typeConfig, "application/x", 1)), l.manifest(config, layer)}
	a := open(t, l.tar(t))
	if n := a.Images[1]; len(n.Config.Raw) == 0 || n.Layers[0].DiffID == "" {
		t.Errorf("config of the image is not read: %+v", n.Config)
	}
}
