package archivetest

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
)

// finish makes the bytes of the file: tar, outer compression, tail, cut.
func (s *Spec) finish(members []member) ([]byte, error) {
	data, err := writeTar(members, s.prefix)
	if err != nil {
		return nil, err
	}
	if !s.noEnd {
		data = append(data, tarEnd...)
	}
	data, err = compress(s.outer, data)
	if err != nil {
		return nil, err
	}
	return s.cut(append(data, s.tail...))
}

func (s *Spec) cut(data []byte) ([]byte, error) {
	if s.truncate == nil {
		return data, nil
	}
	n, size := *s.truncate, int64(len(data))
	if n < 0 {
		n += size
	}
	if n < 0 || n > size {
		return nil, fmt.Errorf("truncate to %d: the file has %d bytes", *s.truncate, size)
	}
	return data[:n], nil
}

// writeFolder writes members below dir.
func writeFolder(dir string, members []member) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, m := range members {
		if err := writeMember(root, m); err != nil {
			return err
		}
	}
	return nil
}

// writeMember ignores the mode in the header: a test must be able to change
// and to remove what it built.
func writeMember(root *os.Root, m member) error {
	if m.hdr.Typeflag == tar.TypeDir {
		return root.MkdirAll(filepath.FromSlash(m.hdr.Name), 0o755)
	}
	name := filepath.FromSlash(m.hdr.Name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return root.WriteFile(name, m.body, 0o644)
}
