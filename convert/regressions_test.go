package convert_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// TestCycle: an index under a false digest that contains itself. Today the
// recursion of filter.prune overflows the stack, which ends the test binary.
func TestCycle(t *testing.T) {
	t.Parallel()
	hex := fmt.Sprintf("%x", sha256.Sum256([]byte("self")))
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":100}]}`, hex)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "blobs/sha256"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "index.json": index, "blobs/sha256/" + hex: index} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := open(t, dir)
	for _, opts := range []convert.Options{{}, {StripAttestations: true}, {Platforms: []string{"linux/amd64"}}} {
		p, err := plan(t, ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}, opts, a)
		if err == nil {
			err = p.Run(context.Background(), archive.WriteOptions{})
		}
		if err == nil {
			t.Errorf("%+v: an index in itself is converted", opts)
		}
	}
}
