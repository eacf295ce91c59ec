package archivetest_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgtool/imgtool/archive/archivetest"
)

// A damaged archive: its one layer is not what its digest says.
func Example() {
	spec, err := archivetest.Parse(`
format oci
image app:v1
  layer
    dir etc
    file etc/motd "hello\n" mode=0600
replace blob:layer:0:0 "not a layer"
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	fmt.Println(spec.Write(filepath.Join(dir, "app")))
	_, err = archivetest.Parse("format oci\nimage app:v1\n  lair")
	fmt.Println(err)
	// Output:
	// <nil>
	// parse listing: line 3: unknown word "lair"
}
