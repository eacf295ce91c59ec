package archive_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
)

func ExampleOpen() {
	r, err := ref.Parse("../testdata/archives/docker20-legacy-multi.tar")
	if err != nil {
		log.Fatal(err)
	}
	a, err := archive.Open(context.Background(), r, archive.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	fmt.Println(a.Format)
	for _, image := range a.Images {
		fmt.Println(archive.FormatPlatform(image.Platform()), archive.JoinNames(image.Names))
	}
	// Output:
	// docker-save
	// linux/amd64 example.com/fx/app:v1
	// linux/amd64 example.com/fx/app:v2 fx:latest
}

func ExampleWrite() {
	ctx := context.Background()
	a, err := archive.Open(ctx, ref.Ref{Path: "../testdata/archives/docker29-multiarch.tar"}, archive.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	content := &archive.Content{}
	for _, image := range a.Images {
		if err := content.Add(image, a); err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	to := ref.Ref{Transport: ref.OCI, Path: filepath.Join(dir, "layout")}
	if err := archive.Write(ctx, to, content, archive.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	layout, err := archive.Open(ctx, to, archive.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer layout.Close()
	fmt.Println(layout.Format, archive.JoinNames(layout.Images[0].Names))
	fmt.Println(layout.Images[0].Descriptor.Digest == a.Images[0].Descriptor.Digest)
	// Output:
	// OCI layout example.com/fx/multi:latest
	// true
}
