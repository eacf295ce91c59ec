package convert_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

func ExampleNewPlan() {
	ctx := context.Background()
	a, err := archive.Open(ctx, ref.Ref{Path: "../testdata/archives/docker29-multiarch.tar"}, archive.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	to := ref.Ref{Transport: ref.OCI, Path: filepath.Join(dir, "layout")}
	plan, err := convert.NewPlan([]convert.Source{{Archive: a}}, to, convert.Options{Platforms: []string{"linux/arm64"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, image := range plan.Content.Images {
		fmt.Println(image.Kind(), archive.FormatPlatform(image.Platform()), archive.JoinNames(image.Names))
	}
	fmt.Println(plan.Run(ctx, archive.WriteOptions{}))
	// Output:
	// image linux/arm64 example.com/fx/multi:latest
	// <nil>
}
