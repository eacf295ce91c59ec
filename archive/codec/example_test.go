package codec_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/imgtool/imgtool/archive/codec"
)

func ExampleNewWriter() {
	setting, err := codec.ParseSetting("zstd:7")
	if err != nil {
		log.Fatal(err)
	}
	var stored bytes.Buffer
	w, err := codec.NewWriter(&stored, setting, codec.WriterOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(w, strings.NewReader("the tar of a layer")); err != nil {
		_ = w.Close()
		log.Fatal(err)
	}
	if err := w.Close(); err != nil { // only now it is whole
		log.Fatal(err)
	}
	fmt.Println(setting, "is found by content:", codec.Detect(stored.Bytes()))
	// Output: zstd:7 is found by content: zstd
}
