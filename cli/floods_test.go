//go:build linux

package cli_test

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// These archives want to take all time or memory. Each command ends with a finding
// or an error instead, soon, and within its memory.

// floodLimit is how long a command may take: several times what it takes on a slow
// machine, and far below what the floods would take without limits.
const floodLimit = 90 * time.Second

// flood is a hostile archive.
type flood struct {
	name  string
	build func(t *testing.T, path string)
	// rule is what verify finds, or empty where there is nothing to find.
	rule string
	// verify, inspect, export and flatten are their exit codes.
	verify, inspect, export, flatten int
	// memory is the most that a command may take, in bytes.
	memory int64
}

var floods = []flood{
	{"a million entries", entryFlood(1, 1_000_000, 1), "", 0, 0, 0, 0, 512 << 20},
	{"a hundred thousand paths twice, in two layers", entryFlood(2, 100_000, 2), "IMG-DUPLICATE-ENTRY", 1, 0, 0, 0, memoryBudget},
	{"a bomb in zstd", zstdBomb, "IMG-EXPANSION", 1, 0, 2, 2, memoryBudget},
	{"a sparse file of 9 EB", sparseBomb, "IMG-EXPANSION", 1, 0, 2, 2, memoryBudget},
	{"indexes in each other", indexChain(1000), "IMG-OVER-LIMIT", 1, 2, 2, 2, memoryBudget},
	{"an index of a million descriptors", wideIndex(1_000_000), "", 2, 2, 2, 2, memoryBudget},
	{"a manifest of 100 MB", manifestOf(`{"a":"`, "x", 100<<20, `"}`), "IMG-OVER-LIMIT", 1, 2, 2, 2, memoryBudget},
	{"lists in each other", manifestOf("", "[", 3<<20, ""), "IMG-JSON-INVALID", 1, 2, 2, 2, memoryBudget},
	{"a list of a million layers", manifestOf(`{"schemaVersion":2,"config":{},"layers":[`, "{},", 1_000_000, `{}]}`), "IMG-OVER-LIMIT", 1, 2, 2, 2, memoryBudget},
}

// TestFloods runs what reads archives over all of them.
func TestFloods(t *testing.T) {
	if testing.Short() {
		t.Skip("reads some GiB")
	}
	imgtool := buildImgtool(t)
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "source")
			f.build(t, path)
			place := t.TempDir()
			for command, want := range map[string]int{
				"verify --rule IMG-DUPLICATE-ENTRY=error SOURCE": f.verify,
				"inspect SOURCE":                          f.inspect,
				"export SOURCE -o " + os.DevNull:          f.export,
				"flatten SOURCE oci:" + place + "/flat":   f.flatten,
				"convert SOURCE oci:" + place + "/layout": -1, // it does not look into layers
			} {
				start := time.Now()
				code, out, peak := measure(t, imgtool, strings.Fields(strings.Replace(command, "SOURCE", path, 1))...)
				took := time.Since(start)
				t.Logf("%.8s: exit code %d, %v, %d MiB resident", command, code, took.Round(time.Millisecond), peak>>20)
				if want >= 0 && code != want {
					t.Errorf("%s: exit code %d, want %d\n%.2000s", command, code, want, out)
				}
				if strings.Contains(out, "panic") || strings.Contains(out, "goroutine ") {
					t.Errorf("%s: %.2000s", command, out)
				}
				if took > floodLimit || peak > f.memory {
					t.Errorf("%s: %v and %d MiB, want at most %v and %d MiB", command, took, peak>>20, floodLimit, f.memory>>20)
				}
				if strings.HasPrefix(command, "verify") && !strings.Contains(out, f.rule) {
					t.Errorf("%s: want the rule %s in\n%.2000s", command, f.rule, out)
				}
			}
		})
	}
}

// floodLayout writes an OCI layout of an image whose layers are each what write
// writes; the diffID is hashed on the way.
func floodLayout(t *testing.T, path string, layers int, mediaType string, compress func(io.Writer) io.WriteCloser, write func(io.Writer)) {
	t.Helper()
	l := newHandLayout(t, path)
	file, err := os.Create(filepath.Join(path, "layer"))
	if err != nil {
		t.Fatal(err)
	}
	stored, plain := sha256.New(), sha256.New()
	w := compress(io.MultiWriter(file, stored))
	buffered := bufio.NewWriterSize(io.MultiWriter(w, plain), 1<<20)
	write(buffered)
	for _, close := range []func() error{buffered.Flush, w.Close, file.Close} {
		if err := close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", stored.Sum(nil))
	if err := os.Rename(file.Name(), filepath.Join(path, "blobs", "sha256", hex)); err != nil {
		t.Fatal(err)
	}
	config := l.put(t, "application/vnd.oci.image.config.v1+json", mustJSON(t, map[string]any{
		"architecture": "amd64", "os": "linux",
		"rootfs": map[string]any{"type": "layers", "diff_ids": slices.Repeat([]string{fmt.Sprintf("sha256:%x", plain.Sum(nil))}, layers)},
	}))
	layer := map[string]any{"mediaType": mediaType, "digest": "sha256:" + hex, "size": info.Size()}
	l.finish(t, l.put(t, "application/vnd.oci.image.manifest.v1+json", mustJSON(t, map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": slices.Repeat([]any{layer}, layers),
	})))
}

// handLayout is an OCI layout that is written blob by blob.
type handLayout struct{ path string }

func newHandLayout(t *testing.T, path string) handLayout {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(path, "blobs", "sha256"), 0o777); err != nil {
		t.Fatal(err)
	}
	return handLayout{path}
}

// put writes a blob and gives its descriptor.
func (l handLayout) put(t *testing.T, mediaType string, data []byte) map[string]any {
	t.Helper()
	hex := fmt.Sprintf("%x", sha256.Sum256(data))
	if err := os.WriteFile(filepath.Join(l.path, "blobs", "sha256", hex), data, 0o666); err != nil {
		t.Fatal(err)
	}
	return map[string]any{"mediaType": mediaType, "digest": "sha256:" + hex, "size": len(data)}
}

// finish writes what makes it a layout.
func (l handLayout) finish(t *testing.T, roots ...any) {
	t.Helper()
	for name, v := range map[string]any{
		"oci-layout": map[string]any{"imageLayoutVersion": "1.0.0"},
		"index.json": map[string]any{"schemaVersion": 2, "manifests": roots},
	} {
		if err := os.WriteFile(filepath.Join(l.path, name), mustJSON(t, v), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

const gzipLayer, zstdLayer = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"

// fastGzip wastes no time of the test.
func fastGzip(w io.Writer) io.WriteCloser {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		panic(err) // a constant level
	}
	return z
}

// entryFlood is layers of n empty files, as often as times says, each time with
// another mode.
func entryFlood(layers, n, times int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		floodLayout(t, path, layers, gzipLayer, fastGzip, func(w io.Writer) {
			tw := tar.NewWriter(w)
			for round := range times {
				for i := range n {
					h := &tar.Header{Name: fmt.Sprintf("d%04d/name-of-a-file-%07d", i/500, i), Mode: 0o600 + int64(round), Format: tar.FormatUSTAR}
					if err := tw.WriteHeader(h); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := tw.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// zstdBomb is layers of a file of 3 GiB of zeros.
func zstdBomb(t *testing.T, path string) {
	floodLayout(t, path, 2, zstdLayer, func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		return z
	}, func(w io.Writer) {
		const size = 3 << 30
		_, _ = w.Write(tarHeaderBlock(t, "zeros", size)) // what fails is found when it is flushed
		_, _ = io.Copy(w, zeros(size+1024))
	})
}

// sparseBomb is layers with a sparse file that claims to have 9 EB (GNU tar manual,
// "Storing Sparse Files", PAX 0.1).
func sparseBomb(t *testing.T, path string) {
	floodLayout(t, path, 2, gzipLayer, fastGzip, func(w io.Writer) {
		records := paxRecord("GNU.sparse.size", "9000000000000000000") + paxRecord("GNU.sparse.numblocks", "1") + paxRecord("GNU.sparse.map", "9000000000000000000,0")
		_, _ = w.Write(tarBlock(t, tar.TypeXHeader, "pax", int64(len(records)))) // what fails is found when it is flushed
		_, _ = w.Write(append([]byte(records), make([]byte, 512-len(records))...))
		_, _ = w.Write(tarBlock(t, tar.TypeReg, "sparse", 0))
		_, _ = w.Write(make([]byte, 1024))
	})
}

// paxRecord is a line of an extended header.
func paxRecord(key, value string) string {
	n := len(key) + len(value) + 3
	n += len(strconv.Itoa(n + len(strconv.Itoa(n))))
	return fmt.Sprintf("%d %s=%s\n", n, key, value)
}

// tarBlock is a ustar header, of types too that archive/tar does not write.
func tarBlock(t *testing.T, typ byte, name string, size int64) []byte {
	t.Helper()
	block := tarHeaderBlock(t, name, size)
	block[156] = typ
	copy(block[148:156], "        ")
	sum := 0
	for _, b := range block {
		sum += int(b)
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

// indexChain is n indexes, each in the next.
func indexChain(n int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		const mediaType = "application/vnd.oci.image.index.v1+json"
		l := newHandLayout(t, path)
		at := map[string]any{"schemaVersion": 2, "mediaType": mediaType, "manifests": []any{}}
		root := l.put(t, mediaType, mustJSON(t, at))
		for range n {
			at["manifests"] = []any{root}
			root = l.put(t, mediaType, mustJSON(t, at))
		}
		l.finish(t, root)
	}
}

// wideIndex is an index.json of n descriptors.
func wideIndex(n int) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		l := newHandLayout(t, path)
		root := l.put(t, "application/vnd.oci.image.manifest.v1+json", []byte("{}"))
		roots := make([]any, n)
		for i := range roots {
			roots[i] = root
		}
		l.finish(t, roots...)
	}
}

// manifestOf is a layout whose one manifest is a text n times between others. The
// text is made when it is needed, for each command of a script is this program.
func manifestOf(before, text string, n int, after string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		l := newHandLayout(t, path)
		manifest := []byte(before + strings.Repeat(text, n) + after)
		l.finish(t, l.put(t, "application/vnd.oci.image.manifest.v1+json", manifest))
	}
}
