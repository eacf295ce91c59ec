package packages_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/packages"
)

// ExampleFind tells the packages of an image with one layer.
func ExampleFind() {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	database := "P:musl\nV:1.2.5-r0\nA:x86_64\n\nP:busybox\nV:1.36.1-r2\nA:x86_64\n"
	if err := w.WriteHeader(&tar.Header{Name: "lib/apk/db/installed", Mode: 0o644, Size: int64(len(database))}); err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, database); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	open := func() (layer.Blob, error) { return blob{bytes.NewReader(content.Bytes())}, nil }
	stack := &layer.Stack{Layers: []layer.Layer{{Digest: "sha256:one", Compression: codec.None, Open: open}}}
	tree, err := stack.Merge(ctx, layer.MergeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	found, problems, err := packages.Find(ctx, stack, tree, packages.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range found {
		fmt.Println(p.Type, p.Name, p.Version, p.Arch)
	}
	fmt.Println(len(problems), "problems")
	// Output:
	// apk busybox 1.36.1-r2 x86_64
	// apk musl 1.2.5-r0 x86_64
	// 0 problems
}
