package archive_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
)

// TestConfusedDocuments: a document that is a manifest to one tool and an index to
// another is neither (CVE-2021-41190), but to mend it.
func TestConfusedDocuments(t *testing.T) {
	t.Parallel()
	const (
		manifestType = `"application/vnd.oci.image.manifest.v1+json"`
		indexType    = `"application/vnd.oci.image.index.v1+json"`
		dockerIndex  = `"application/vnd.docker.distribution.manifest.list.v2+json"`
		dockerType   = `"application/vnd.docker.distribution.manifest.v2+json"`
	)
	image, index := "image fx:v1\n  layer\n    file a a\n", "index fx:v1\n  image\n    layer\n      file a a\n"
	for _, tt := range []struct {
		name, listing string
		confused      bool
	}{
		{"manifest", image, false},
		{"manifest that calls itself Docker's", strings.Replace(image, "  layer", "  manifest-field mediaType "+dockerType+"\n  layer", 1), false},
		{"manifest that calls itself an index", strings.Replace(image, "  layer", "  manifest-field mediaType "+indexType+"\n  layer", 1), true},
		{"manifest that calls itself Docker's list", strings.Replace(image, "  layer", "  manifest-field mediaType "+dockerIndex+"\n  layer", 1), true},
		{"manifest with manifests", strings.Replace(image, "  layer", "  manifest-field manifests []\n  layer", 1), true},
		{"index", index, false},
		{"index that calls itself a manifest", index + `replace blob:index:0 "{\"schemaVersion\":2,\"mediaType\":` + strings.ReplaceAll(manifestType, `"`, `\"`) + `,\"manifests\":[]}"` + "\n", true},
		{"index with layers", index + `replace blob:index:0 "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}"` + "\n", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "archive")
			archivetest.Build(t, path, "format oci\n"+tt.listing)
			n := open(t, path).Images[0].Node
			if confused := errors.Is(n.Err, archive.ErrMalformed); confused != tt.confused {
				t.Errorf("Err = %v, want malformed %v", n.Err, tt.confused)
			}
			a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{Mend: true})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if n := a.Images[0].Node; n.Err != nil && !strings.Contains(tt.name, " with ") {
				t.Errorf("to be mended: %v", n.Err)
			}
		})
	}
}
