package verify_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
)

// TestBitFlips: whichever bit of a blob changes, verify finds an error or the
// archive does not open.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	flips := 2500
	if testing.Short() {
		flips = 250
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	archivetest.Build(t, file, `
format docker-containerd
image example.com/app:v1
  label key value
  layer gzip
    dir etc
    file etc/motd "hello\n"
    random etc/noise 3KiB
  layer zstd
    symlink etc/link motd
    random usr 5KiB
  layer plain
    hardlink etc/again etc/motd
    whiteout usr
index example.com/multi:v1
  image
    platform linux/arm64
    layer gzip
      random a 2KiB
  attestation
`)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	spans := blobSpans(t, raw)
	random := rand.New(rand.NewPCG(7, 11))
	var work sync.WaitGroup
	jobs := make(chan [2]int64)
	for range 2 {
		work.Go(func() {
			mine := bytes.Clone(raw)
			path := filepath.Join(t.TempDir(), "flipped.tar")
			for job := range jobs {
				mine[job[0]] ^= 1 << job[1]
				if !isFaulty(t, path, mine) {
					t.Errorf("bit %d of byte %d flipped, and verify found no error", job[1], job[0])
				}
				mine[job[0]] ^= 1 << job[1]
			}
		})
	}
	for range flips {
		span := spans[random.IntN(len(spans))]
		jobs <- [2]int64{span[0] + random.Int64N(span[1]), random.Int64N(8)}
	}
	close(jobs)
	work.Wait()
}

// blobSpans gives offset and size of each blob in an archive.
func blobSpans(t *testing.T, raw []byte) [][2]int64 {
	t.Helper()
	file := bytes.NewReader(raw)
	var spans [][2]int64
	for r := tar.NewReader(file); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(h.Name, "blobs/sha256/") && h.Size > 0 {
			at, _ := file.Seek(0, io.SeekCurrent)
			spans = append(spans, [2]int64{at, h.Size})
		}
	}
	if len(spans) < 8 {
		t.Fatalf("%d blobs, which cannot be all", len(spans))
	}
	return spans
}

// isFaulty writes an archive and verifies it. The schema is left out, since it
// takes longer than all else and finds nothing that the digests do not.
func isFaulty(t *testing.T, path string, raw []byte) bool {
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Error(err)
		return false
	}
	a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		return true
	}
	defer a.Close()
	report, err := verify.Archive(t.Context(), a, a.Images, verify.Options{
		Severities: map[string]verify.Severity{verify.SchemaViolation: verify.Off},
	})
	if err != nil {
		t.Error(fmt.Errorf("verify: %w", err))
		return false
	}
	return report.Count(verify.Error) > 0
}
