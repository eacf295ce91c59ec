//go:build !windows

package archive_test

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/umoci/oci/cas/dir"
	"github.com/opencontainers/umoci/oci/casext"
)

// TestLayoutReadByUmoci reads our layouts with another implementation: every
// reference resolves, and every blob that can be reached is what it should be.
func TestLayoutReadByUmoci(t *testing.T) {
	t.Parallel()
	for _, l := range writerListings {
		if l.name == "many" {
			continue // umoci has no word for a platform that is left out
		}
		for _, prepare := range []func(*testing.T, string){nil, prepareLayout} {
			t.Run(l.name, func(t *testing.T) {
				t.Parallel()
				a := open(t, build(t, l.text))
				out := filepath.Join(t.TempDir(), "out")
				if prepare != nil {
					prepare(t, out)
				}
				write(t, ref.OCI, out, contentOf(t, a))
				checkUmoci(t, out, refNames(t, out))
			})
		}
	}
}

func checkUmoci(t *testing.T, path string, want []string) {
	t.Helper()
	ctx := context.Background()
	layout, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	engine := casext.NewEngine(layout)
	defer engine.Close()
	got, err := engine.ListReferences(ctx)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("umoci lists %q, %v, want %q", got, err, want)
	}
	blobs := 0
	index, err := engine.GetIndex(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range index.Manifests {
		err := engine.Walk(ctx, root, func(p casext.DescriptorPath) error {
			blobs++
			r, err := engine.GetVerifiedBlob(ctx, p.Descriptor())
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
			return r.Close()
		})
		if err != nil {
			t.Errorf("umoci walk of %s: %v", root.Digest, err)
		}
	}
	if blobs == 0 {
		t.Error("umoci reaches no blob")
	}
	for _, name := range want {
		if paths, err := engine.ResolveReference(ctx, name); err != nil || len(paths) == 0 {
			t.Errorf("umoci resolves %q to %d descriptors, %v", name, len(paths), err)
		}
	}
}
