//go:build linux

package cli_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/enginetest"
)

// sight is what of a tree can be compared with an engine.
type sight struct {
	noDirTimes bool   // a folder has the time of the last change in it
	xattrs     string // prefix of the extended attributes that it keeps
	without    []string
}

// whole is a tree with all that is in it.
var whole = sight{}

// of lists a filesystem in a tar, a line for each path: all that a container sees
// of it, and which paths are one file. A tool may write "./a" or "a/" for "a", and
// any name of a file first.
func (s sight) of(t *testing.T, r io.Reader) []string {
	t.Helper()
	lines := map[string]string{}    // path to what stands there
	groups := map[string][]string{} // first name of a file to all of its names
	for reader := tar.NewReader(r); ; {
		h, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("read the tar of a filesystem: %v", err)
		}
		name := cleanName(h.Name)
		if h.Typeflag == tar.TypeLink {
			first := cleanName(h.Linkname)
			lines[name] = lines[first]
			groups[first] = append(groups[first], name)
			continue
		}
		lines[name] = s.line(t, h, reader)
	}
	for first, more := range groups {
		names := append(more, first)
		slices.Sort(names)
		for _, name := range names {
			lines[name] += " one file: " + strings.Join(names, " ")
		}
	}
	return s.list(lines)
}

// list sorts lines, without the paths that are the engine's own.
func (s sight) list(lines map[string]string) []string {
	var all []string
	for name, line := range lines {
		top, _, _ := strings.Cut(name, "/")
		if name != "." && !slices.Contains(s.without, top) {
			all = append(all, name+" "+line)
		}
	}
	slices.Sort(all)
	return all
}

// line tells of one entry and its content.
func (s sight) line(t *testing.T, h *tar.Header, content io.Reader) string {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		t.Fatalf("read %q: %v", h.Name, err)
	}
	out := fmt.Sprintf("%c %04o %d:%d", h.Typeflag, h.Mode&0o7777, h.Uid, h.Gid)
	switch h.Typeflag {
	case tar.TypeReg:
		out += fmt.Sprintf(" %d %.6x", h.Size, sum.Sum(nil))
	case tar.TypeSymlink:
		out += " -> " + h.Linkname
	case tar.TypeChar, tar.TypeBlock:
		out += fmt.Sprintf(" %d,%d", h.Devmajor, h.Devminor)
	}
	if h.Typeflag != tar.TypeDir || !s.noDirTimes {
		out += " " + h.ModTime.Truncate(time.Second).UTC().Format(time.RFC3339)
	}
	return out + s.attributes(h)
}

func (s sight) attributes(h *tar.Header) string {
	var all []string
	for key, value := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok && strings.HasPrefix(name, s.xattrs) {
			all = append(all, fmt.Sprintf(" %s=%q", name, value))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// cleanName is one spelling of a path: "a/b", and "." for the root.
func cleanName(name string) string { return path.Clean(path.Clean("/" + name)[1:]) }

// treeOfFolder packs a folder with GNU tar, with all that a file system keeps, to
// be listed.
func treeOfFolder(t *testing.T, dir string) []byte {
	t.Helper()
	return enginetest.Run(t, "tar", "--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", dir, "-cf", "-", ".")
}

// ofFolder lists a folder.
func (s sight) ofFolder(t *testing.T, dir string) []string {
	t.Helper()
	return s.of(t, bytes.NewReader(treeOfFolder(t, dir)))
}

// try runs a command and gives its standard output; the error holds what it says.
func try(c *exec.Cmd) (string, error) {
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(c.Args, " "), err, &out, &messages)
	}
	return strings.TrimSpace(out.String()), nil
}

// tool is try for a tool without an engine.
func tool(name string, args ...string) (string, error) {
	return try(exec.Command(name, args...))
}
