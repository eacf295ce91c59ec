package verify_test

import (
	"context"
	"fmt"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
)

// ExampleArchive tells what to know before an archive is given to others.
func ExampleArchive() {
	ctx := context.Background()
	a, err := archive.Open(ctx, ref.Ref{Path: "../../testdata/archives/docker29-containerd.tar"}, archive.OpenOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	report, err := verify.Archive(ctx, a, a.Images, verify.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.Rule, f)
	}
	// Output:
	// warning IMG-LOAD-ZSTD example.com/fx/app:v2 linux/amd64 layer 6: the layer is compressed with zstd
	// note IMG-SETUID example.com/fx/app:v1 linux/amd64 layer 3 "usr/bin/su": mode 4755, owner 0:0
}
