package layer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/archive/layer"
	"golang.org/x/sys/unix"
)

// views say what can be compared with each tool. Nobody but us keeps further PAX
// records, names of owners, and times of access and change.
var views = map[tool]view{
	umoci: {extra: onlyXattrs("")},
	// Their tars have whole seconds and, of attributes, file capabilities; a
	// folder has the time of the last change in it.
	podman: {noDirTimes: true, seconds: true, extra: onlyXattrs("security.capability")},
	docker: {noDirTimes: true, seconds: true, extra: onlyXattrs("security.capability")},
}

// rootless is what can be compared with umoci --rootless: what takes root is not
// done, but noted in an attribute of umoci's own.
var rootless = view{noOwners: true, noDevices: true, extra: onlyXattrs("user.")}

// onlyXattrs are extended attributes. umoci leaves out those of overlayfs.
func onlyXattrs(prefix string) func(string) bool {
	return func(key string) bool {
		return strings.HasPrefix(key, "xattr."+prefix) && !strings.HasPrefix(key, "xattr.trusted.overlay.")
	}
}

// checkTool compares what a tool made of a case with our tree. A disagreement
// must be marked, and a marked one must be one.
func checkTool(t *testing.T, c layerCase, with tool, v view, got []item, toolErr error) {
	t.Helper()
	s := stackOf(t, c.layers)
	tree, err := s.Merge(t.Context(), layer.MergeOptions{})
	if !errors.Is(err, c.wantErr) {
		t.Fatalf("Merge = %v, want %v", err, c.wantErr)
	}
	var diff string
	switch {
	case err != nil && toolErr == nil:
		diff = "it accepts what is an error: " + err.Error() + "\n" + strings.Join(v.lines(got), "\n")
	case err == nil && toolErr != nil:
		diff = "it fails: " + toolErr.Error()
	case err == nil:
		want := tarItems(t, bytes.NewReader(export(t, s, tree)))
		isRoot := func(i item) bool { return i.path == "." }
		if with == podman {
			want = linksOfFiles(want)
		}
		if with != umoci { // their tars have no root
			want = slices.DeleteFunc(want, isRoot)
		}
		if !slices.ContainsFunc(want, isRoot) {
			got = slices.DeleteFunc(got, isRoot)
		}
		diff = cmp.Diff(v.lines(want), v.lines(timeless(want, got)))
	}
	reason, marked := c.differs[with]
	switch {
	case diff != "" && !marked:
		t.Errorf("%s disagrees (-ours +its):\n%s", with, diff)
	case diff == "" && marked:
		t.Errorf("%s agrees, though it is marked: %s", with, reason)
	}
}

// linksOfFiles is a tree as podman exports it, with hardlinks of files alone.
func linksOfFiles(items []item) []item {
	at := map[string]item{}
	for _, i := range items {
		at[i.path] = i
	}
	var out []item
	for _, i := range items {
		if first := at[i.target]; i.kind == "hardlink" && first.kind != "file" {
			first.path = i.path
			i = first
		}
		out = append(out, i)
	}
	return out
}

// timeless takes the time off folders that have none in want: they have no
// entry, and tools ask the clock.
func timeless(want, got []item) []item {
	implied := map[string]bool{}
	for _, i := range want {
		implied[i.path] = i.kind == "dir" && i.mtime.Unix() == 0
	}
	for n, i := range got {
		if implied[i.path] && i.kind == "dir" {
			got[n].mtime = time.Unix(0, 0)
		}
	}
	return got
}

// TestUmoci unpacks every case with umoci, as root and without.
func TestUmoci(t *testing.T) {
	t.Parallel()
	enginetest.Require(t, "umoci")
	layout := filepath.Join(t.TempDir(), "layout")
	archivetest.Build(t, layout, listing("oci", allCases()...))
	t.Logf("tried: %d layer cases with umoci", len(allCases()))
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := umociTree(t, layout, c, "--rootless")
			checkTool(t, c, umoci, rootless, got, err)
			if os.Geteuid() == 0 {
				got, err = umociTree(t, layout, c)
				checkTool(t, c, umoci, views[umoci], got, err)
			}
		})
	}
}

// umociTree gives what umoci makes of a case.
func umociTree(t *testing.T, layout string, c layerCase, flags ...string) ([]item, error) {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "bundle")
	args := append([]string{"unpack", "--image", layout + ":" + c.image()}, flags...)
	if out, err := exec.Command("umoci", append(args, bundle)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return diskItems(filepath.Join(bundle, "rootfs"))
}

// diskItems gives the paths of a folder.
func diskItems(root string) ([]item, error) {
	var items []item
	first := map[uint64]string{}
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		var st unix.Statx_t // whose times have 64 bits everywhere
		if err := unix.Statx(unix.AT_FDCWD, p, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &st); err != nil {
			return err
		}
		i := item{kind: "hardlink", path: rel, target: first[st.Ino]}
		if i.target == "" || st.Mode&unix.S_IFMT == unix.S_IFDIR {
			first[st.Ino] = rel
			i, err = diskItem(p, rel, &st)
		}
		items = append(items, i)
		return err
	})
	return regroup(items), err
}

func diskItem(p, rel string, st *unix.Statx_t) (i item, err error) {
	i = item{
		path: rel, mode: int64(st.Mode & 0o7777), uid: int(st.Uid), gid: int(st.Gid),
		mtime: time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)), size: int64(st.Size), extra: map[string]string{},
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		i.kind = "dir"
	case unix.S_IFREG:
		i.kind = "file"
		var content []byte
		content, err = os.ReadFile(p)
		i.content = string(content)
	case unix.S_IFLNK:
		i.kind = "symlink"
		i.target, err = os.Readlink(p)
		return i, err // attributes of links need a call that package unix has not
	case unix.S_IFIFO:
		i.kind = "fifo"
	case unix.S_IFCHR, unix.S_IFBLK:
		i.kind = map[bool]string{true: "char", false: "block"}[st.Mode&unix.S_IFMT == unix.S_IFCHR]
		i.major, i.minor = int64(st.Rdev_major), int64(st.Rdev_minor)
	}
	if err != nil {
		return i, err
	}
	return i, i.readXattrs(p)
}

func (i *item) readXattrs(p string) error {
	names := make([]byte, 64<<10)
	n, err := unix.Listxattr(p, names)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00") {
		if name == "" || name == "user.rootlesscontainers" { // umoci's own
			continue
		}
		value := make([]byte, 64<<10)
		size, err := unix.Getxattr(p, name, value)
		if err != nil {
			return err
		}
		i.extra["xattr."+name] = string(value[:size])
	}
	return nil
}

// TestPodman loads every case into podman and exports it again.
func TestPodman(t *testing.T) {
	t.Parallel()
	checkEngine(t, podman, enginetest.StartPodman(t), "localhost/")
}

// TestDocker is [TestPodman] for dockerd with overlay2.
func TestDocker(t *testing.T) {
	t.Parallel()
	checkEngine(t, docker, enginetest.StartDocker(t), "")
}

// engine is what podman and docker have in common.
type engine interface {
	TryLoad(file string) (string, error)
	TryExport(ref string, w io.Writer) error
}

// checkEngine loads all cases that the engine agrees about as one archive, and
// the others one by one.
func checkEngine(t *testing.T, with tool, e engine, prefix string) {
	t.Helper()
	agreed := slices.DeleteFunc(allCases(), func(c layerCase) bool { return c.differs[with] != "" || c.wantErr != nil })
	archive := filepath.Join(t.TempDir(), "agreed.tar")
	archivetest.Build(t, archive, listing("docker-save", agreed...))
	if _, err := e.TryLoad(archive); err != nil {
		t.Logf("a case is not marked; all are loaded one by one: %v", err)
		agreed = nil
	}
	t.Logf("tried: %d layer cases with %s", len(allCases()), with)
	for _, c := range allCases() {
		loaded := slices.ContainsFunc(agreed, func(a layerCase) bool { return a.name == c.name })
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !loaded {
				alone := filepath.Join(t.TempDir(), "alone.tar")
				archivetest.Build(t, alone, listing("docker-save", c))
				if _, err := e.TryLoad(alone); err != nil {
					checkTool(t, c, with, views[with], nil, err)
					return
				}
			}
			var out bytes.Buffer
			if err := e.TryExport(prefix+c.image(), &out); err != nil {
				checkTool(t, c, with, views[with], nil, err)
				return
			}
			checkTool(t, c, with, views[with], exportedItems(t, with, &out), nil)
		})
	}
}

// exportedItems reads an engine's export, without the type bits that it adds to
// modes, and without what Docker adds to each container.
func exportedItems(t *testing.T, with tool, r io.Reader) []item {
	t.Helper()
	items := tarItems(t, r)
	for n := range items {
		items[n].mode &= 0o7777
	}
	if with != docker {
		return items
	}
	return slices.DeleteFunc(items, func(i item) bool {
		top, _, _ := strings.Cut(i.path, "/")
		return slices.Contains([]string{".dockerenv", "dev", "etc", "proc", "sys"}, top)
	})
}
