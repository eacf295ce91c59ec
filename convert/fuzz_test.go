package convert_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// FuzzRepair repairs any bytes. What can be repaired opens, and there is nothing
// more to mend in it: repaired again it is the same, byte for byte.
func FuzzRepair(f *testing.F) {
	for _, format := range []string{"docker-save-1.0", "docker-save", "docker-hybrid-25.0", "docker-containerd", "oci-archive"} {
		for _, damage := range []string{"", "remove index.json\n", "remove manifest.json\n", "remove repositories\n", "remove blob:layer:0:0\n"} {
			if strings.Contains(damage, "index.json") && strings.HasPrefix(format, "docker-save") || strings.Contains(damage, "manifest.json") && (format == "oci-archive" || format == "docker-save-1.0") ||
				strings.Contains(damage, "repositories") && !strings.HasPrefix(format, "docker-save") {
				continue // there is no such file
			}
			raw, err := os.ReadFile(build(f, "format "+format+"\nimage example.com/a:v1\n  layer\n    file a a\n  layer\n    file b b\n"+damage))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		once, ok := repaired(t, data)
		if !ok {
			return
		}
		twice, ok := repaired(t, once)
		if !ok {
			t.Fatal("what was repaired cannot be repaired")
		}
		if !bytes.Equal(once, twice) {
			t.Error("what was repaired is mended again")
		}
	})
}

// repaired gives an archive repaired, as a docker archive.
func repaired(t *testing.T, data []byte) (_ []byte, ok bool) {
	t.Helper()
	a, err := archive.Open(t.Context(), ref.Ref{Path: ref.Stdio}, archive.OpenOptions{
		Stdin: bytes.NewReader(data), Mend: true, Decompress: codec.ReaderOptions{MaxExpansion: 1},
	})
	if err != nil {
		return nil, false
	}
	defer a.Close()
	plan, err := convert.NewRepair([]convert.Source{{Archive: a}}, ref.Ref{Transport: ref.DockerArchive, Path: ref.Stdio}, convert.Options{})
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	if err := plan.Run(t.Context(), archive.WriteOptions{Stdout: &out}); err != nil {
		return nil, false
	}
	return out.Bytes(), true
}
