package archivetest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// edit is a change to the members after they were made.
type edit struct {
	line   *line
	path   string
	text   string // content of extra and replace
	offset int64  // of flip
}

func (s *Spec) parseEdit(l *line) error {
	words := 2
	if l.words[0] == "remove" {
		words = 1
	}
	args, err := l.leaf(words, words)
	if err != nil {
		return err
	}
	e := edit{line: l, path: args[0]}
	switch l.words[0] {
	case "extra", "replace":
		e.text = args[1]
	case "flip":
		if e.offset, err = parseNumber(args[1], 10); err != nil {
			return l.errorf("%w", err)
		}
	}
	s.edits = append(s.edits, e)
	return nil
}

// edit carries e out.
func (b *build) edit(e edit) error {
	name, err := b.resolve(e.path)
	if err != nil {
		return err
	}
	kind := e.line.words[0]
	if kind == "extra" {
		hdr := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: time.Unix(0, 0)}
		b.members = append(b.members, member{hdr: hdr, body: []byte(e.text)})
		return nil
	}
	i := b.find(name)
	if i < 0 {
		return fmt.Errorf("no member %q", name)
	}
	if kind == "remove" {
		b.members = slices.Delete(b.members, i, i+1)
		return nil
	}
	if b.members[i].hdr.Typeflag != tar.TypeReg {
		return errors.New("not a regular file")
	}
	if kind == "replace" {
		b.members[i].body = []byte(e.text)
		return nil
	}
	return b.members[i].flip(e.offset)
}

// flip inverts the lowest bit at offset, in a copy: bodies may be shared.
func (m *member) flip(offset int64) error {
	size := int64(len(m.body))
	if offset < 0 {
		offset += size
	}
	if offset < 0 || offset >= size {
		return fmt.Errorf("offset %d is outside of %d bytes", offset, size)
	}
	m.body = bytes.Clone(m.body)
	m.body[offset] ^= 1
	return nil
}
