package archive

import (
	"bytes"
	"io"
)

// Blob is the stored form of one descriptor's content. ReadAt may be called
// from several goroutines. Whoever opened a blob closes it, before the archive
// that it came from.
type Blob interface {
	io.ReaderAt
	io.Closer
	// Size is the number of stored bytes, compressed if the layer is.
	Size() int64
}

// memoryBlob is a blob over bytes that are held anyway.
type memoryBlob struct{ *bytes.Reader }

func newMemoryBlob(b []byte) Blob { return memoryBlob{bytes.NewReader(b)} }
func (memoryBlob) Close() error   { return nil }

// sectionBlob is a blob over a part of a file that somebody else closes.
type sectionBlob struct{ *io.SectionReader }

func (sectionBlob) Close() error { return nil }

// members is a set of named files: a tar's members or a folder's files. Names
// use slashes and are clean and relative. It is safe for concurrent use.
type members interface {
	// open gives one regular file, through links that stay within the set. It
	// fails with [ErrNotFound] where there is no such file.
	open(name string) (Blob, error)
	// names gives the regular files, links aside, sorted.
	names() ([]string, error)
	io.Closer
}
