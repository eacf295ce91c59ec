package diff_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/diff"
)

// Two versions of an image are compared; who runs them does not see when they
// were built.
func ExampleArchives() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	var sides []diff.Input
	for i, content := range []string{"one", "two"} {
		spec, err := archivetest.Parse(fmt.Sprintf("format oci-archive\nimage app:v1\n  created 2024-01-0%dT00:00:00Z\n  layer\n    file etc/motd %s\n", i+1, content))
		if err != nil {
			log.Fatal(err)
		}
		path := filepath.Join(dir, content)
		if err := spec.Write(path); err != nil {
			log.Fatal(err)
		}
		a, err := archive.Open(context.Background(), ref.Ref{Path: path}, archive.OpenOptions{})
		if err != nil {
			log.Fatal(err)
		}
		defer a.Close()
		sides = append(sides, diff.Input{Archive: a, Images: a.Images})
	}
	report, err := diff.Archives(context.Background(), sides[0], sides[1], diff.Options{Ignore: diff.Semantic()})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range report.Images[0].Platforms {
		fmt.Println(p.Summary())
		for _, c := range p.Files.Changes {
			fmt.Println(c.Kind, c.Name(), c.Aspects)
		}
	}
	// Output:
	// [{files 1 changed}]
	// changed /etc/motd content
}
