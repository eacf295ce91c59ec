package gunzip_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/imgtool/imgtool/archive/gunzip"
)

func zipped(text string) io.Reader {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return &b
}

func ExampleNewReader() {
	r, err := gunzip.NewReader(zipped("hello, layer\n"))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(os.Stdout, r); err != nil {
		log.Fatal(err)
	}
	// Output: hello, layer
}

func ExampleReader_NextBlock() {
	ctx := context.Background()
	r, err := gunzip.NewReader(zipped(strings.Repeat("hello, layer\n", 50000)))
	if err != nil {
		log.Fatal(err)
	}
	lines := 0
	for ctx.Err() == nil {
		block, err := r.NextBlock()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		lines += bytes.Count(block, []byte("\n"))
	}
	fmt.Println(lines)
	// Output: 50000
}

func ExamplePump() {
	r, err := gunzip.NewReader(zipped("hello, layer\n"))
	if err != nil {
		log.Fatal(err)
	}
	diffID := sha256.New()
	size, err := gunzip.Pump(context.Background(), r, diffID, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d bytes, sha256:%.4x\n", size, diffID.Sum(nil))
	// Output:
	// hello, layer
	// 13 bytes, sha256:2e3b1cb0
}

func ExampleError() {
	whole, err := io.ReadAll(zipped("hello, layer\n"))
	if err != nil {
		log.Fatal(err)
	}
	r, err := gunzip.NewReader(bytes.NewReader(whole[:20]))
	if err != nil {
		log.Fatal(err)
	}
	_, err = io.Copy(io.Discard, r)
	var at *gunzip.Error
	if errors.As(err, &at) && errors.Is(err, io.ErrUnexpectedEOF) {
		fmt.Println("truncated after", at.Offset, "bytes")
	}
	// Output: truncated after 20 bytes
}
