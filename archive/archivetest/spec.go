package archivetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// Spec is a parsed listing.
type Spec struct {
	format   string
	outer    string // empty for none
	media    string
	nodes    []*node
	entries  []member // of format tar
	edits    []edit
	fields   []field // of index.json
	prefix   string
	tail     string
	truncate *int64
	noEnd    bool

	tarOnly  *line // a line that makes sense only where a tar is written
	entry    *line // the first entry at top level
	firstImg *line // the first image, index, artifact or referrer
}

// Build writes the archive that listing describes to path, and ends the test
// if that fails.
func Build(t testing.TB, path, listing string) {
	t.Helper()
	s, err := Parse(listing)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(path); err != nil {
		t.Fatal(err)
	}
}

// Parse reads a listing. An error names its line.
func Parse(text string) (*Spec, error) {
	s := &Spec{media: "oci"}
	root, err := parseLines(text)
	if err == nil {
		err = s.parse(root.kids)
	}
	if err != nil {
		return nil, fmt.Errorf("parse listing: %w", err)
	}
	return s, nil
}

func (s *Spec) parse(lines []*line) error {
	for _, l := range lines {
		if err := s.parseLine(l); err != nil {
			return err
		}
	}
	return s.check()
}

func (s *Spec) parseLine(l *line) error {
	switch l.words[0] {
	case "format", "outer", "media":
		return s.parseChoice(l)
	case "image", "index", "attestation", "artifact", "referrer":
		return s.parseNode(l)
	case "extra", "replace", "remove", "flip":
		return s.parseEdit(l)
	case "prefix", "tail", "truncate", "no-end":
		return s.parseFinish(l)
	case "index-field":
		f, err := parseField(l)
		s.fields = append(s.fields, f)
		return err
	}
	m, err := parseEntry(l)
	if err != nil {
		return err
	}
	s.entries = append(s.entries, m)
	s.entry = l
	return nil
}

func (s *Spec) parseChoice(l *line) error {
	args, err := l.leaf(1, 1)
	if err != nil {
		return err
	}
	field, known := &s.format, false
	switch l.words[0] {
	case "format":
		_, known = formats[args[0]]
	case "outer":
		field, known = &s.outer, slices.Contains([]string{"gzip", "zstd", "xz", "gzip-members"}, args[0])
		s.tarOnly = l
	case "media":
		field, known = &s.media, args[0] == "docker" || args[0] == "oci"
	}
	if !known {
		return l.errorf("unknown %s %q", l.words[0], args[0])
	}
	*field = args[0]
	return nil
}

func (s *Spec) parseNode(l *line) error {
	n, err := parseItem(l, s.nodes)
	if err != nil {
		return err
	}
	s.nodes = append(s.nodes, n)
	if s.firstImg == nil {
		s.firstImg = l
	}
	return nil
}

func (s *Spec) parseFinish(l *line) error {
	s.tarOnly = l
	if l.words[0] == "no-end" {
		s.noEnd = true
		_, err := l.leaf(0, 0)
		return err
	}
	args, err := l.leaf(1, 1)
	if err != nil {
		return err
	}
	switch l.words[0] {
	case "prefix":
		s.prefix = args[0]
	case "tail":
		s.tail += args[0]
	case "truncate":
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return l.errorf("bad number %q", args[0])
		}
		s.truncate = &n
	}
	return nil
}

// check refuses lines that the format has no place for.
func (s *Spec) check() error {
	switch {
	case s.format == "":
		return errors.New("no format line")
	case s.tarOnly != nil && formats[s.format].folder:
		return s.tarOnly.errorf("format %s writes a folder: no place for %q", s.format, s.tarOnly.words[0])
	case s.entry != nil && s.format != "tar":
		return s.entry.errorf("entry %q stands outside of a layer", s.entry.words[0])
	case s.firstImg != nil && s.format == "tar":
		return s.firstImg.errorf("format tar: no place for %q", s.firstImg.words[0])
	}
	return nil
}

// Write builds the archive at path: a file, or a folder for the formats oci and
// dir. It makes missing parent folders and replaces an existing file; an
// existing folder keeps the files that the archive does not have.
func (s *Spec) Write(path string) error {
	if err := s.write(path); err != nil {
		return fmt.Errorf("build %q: %w", path, err)
	}
	return nil
}

func (s *Spec) write(path string) error {
	members, err := s.members()
	if err != nil {
		return err
	}
	if formats[s.format].folder {
		return writeFolder(path, members)
	}
	data, err := s.finish(members)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
