package layer_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imgtool/imgtool/archive/layer"
)

// listingTime is the time of an entry that a listing says no time of.
var listingTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// item is a path of a tree and what lies there. Its text is a line of a listing:
//
//	KIND PATH [CONTENT|TARGET|MAJOR MINOR] [OPTION=VALUE...]
//
// with the options of archivetest where they differ from its defaults. A folder
// without an entry has mtime=0. The second and further names of an inode are
// hardlinks to its first one, in the order of paths, without options.
type item struct {
	kind, path   string
	mode         int64
	uid, gid     int
	mtime        time.Time
	content      string // of a file
	size         int64
	target       string // of a symlink or hardlink
	major, minor int64
	extra        map[string]string // options: xattr.NAME, pax.NAME, uname, gname
}

// view says which aspects of items are compared. The zero value is all of them.
type view struct {
	sizes      bool              // sizes of files in place of their content
	noOwners   bool              // without owners
	noDevices  bool              // device nodes as empty files
	noDirTimes bool              // without times of folders
	seconds    bool              // times without a fraction
	extra      func(string) bool // which further options; nil means all
}

// lines gives the text of items, sorted.
func (v view) lines(items []item) []string {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b item) int {
		return comparePaths(a.path, b.path)
	})
	var lines []string
	for _, i := range items {
		lines = append(lines, v.line(i))
	}
	return lines
}

// comparePaths orders paths as walking does: folder by folder, by name.
func comparePaths(a, b string) int {
	return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
}

func (v view) line(i item) string {
	if v.noDevices && (i.kind == "char" || i.kind == "block") {
		i.kind = "file"
	}
	words := []string{i.kind, word(i.path)}
	switch i.kind {
	case "file":
		words = append(words, v.content(i))
	case "symlink":
		words = append(words, word(i.target))
	case "hardlink":
		return strings.Join(append(words, word(i.target)), " ")
	case "char", "block":
		words = append(words, fmt.Sprint(i.major), fmt.Sprint(i.minor))
	}
	return strings.Join(append(words, v.options(i)...), " ")
}

// content shows what is short.
func (v view) content(i item) string {
	const short = 64
	switch {
	case v.sizes:
		return fmt.Sprintf("size=%d", i.size)
	case len(i.content) > short:
		return fmt.Sprintf("size=%d sum=%08x", len(i.content), crc32.ChecksumIEEE([]byte(i.content)))
	}
	return strconv.Quote(i.content)
}

var defaultModes = map[string]int64{"dir": 0o755, "symlink": 0o777}

func (v view) options(i item) []string {
	var options []string
	mode, ok := defaultModes[i.kind]
	if !ok {
		mode = 0o644
	}
	if i.mode != mode {
		options = append(options, fmt.Sprintf("mode=%04o", i.mode))
	}
	if i.uid != 0 && !v.noOwners {
		options = append(options, fmt.Sprintf("uid=%d", i.uid))
	}
	if i.gid != 0 && !v.noOwners {
		options = append(options, fmt.Sprintf("gid=%d", i.gid))
	}
	if v.seconds {
		i.mtime = time.Unix(i.mtime.Unix(), 0)
	}
	if !i.mtime.Equal(listingTime) && !(v.noDirTimes && i.kind == "dir") {
		options = append(options, "mtime="+seconds(i.mtime))
	}
	for _, key := range slices.Sorted(maps.Keys(i.extra)) {
		if v.extra == nil || v.extra(key) {
			options = append(options, word(key+"="+i.extra[key]))
		}
	}
	return options
}

// seconds writes a time as listings do.
func seconds(t time.Time) string {
	sec, nsec, sign := t.Unix(), int64(t.Nanosecond()), ""
	if sec < 0 {
		sign, sec = "-", -sec
		if nsec > 0 {
			sec, nsec = sec-1, 1e9-nsec
		}
	}
	s := fmt.Sprintf("%s%d.%09d", sign, sec, nsec)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// word quotes a word of a listing where it has to be.
func word(s string) string {
	q := strconv.Quote(s)
	if s == "" || q != `"`+s+`"` || strings.ContainsAny(s, " #`") {
		return q
	}
	return s
}

// long is what lines say of content that is not short.
func long(content string) string { return view{}.content(item{content: content}) }

// wantLines splits what a case expects.
func wantLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// treeItems gives the paths of a tree, without content and without a root that
// no layer has an entry for.
func treeItems(t *testing.T, tree *layer.Tree) []item {
	t.Helper()
	all, err := tree.Walk(".")
	if err != nil {
		t.Fatal(err)
	}
	var items []item
	first := map[*layer.Inode]string{}
	for f := range all {
		if f.Path == "." && f.Origin.Implied() {
			continue
		}
		if first[f.Inode] != "" {
			items = append(items, item{kind: "hardlink", path: f.Path, target: first[f.Inode]})
			continue
		}
		first[f.Inode] = f.Path
		items = append(items, treeItem(f))
	}
	return items
}

func treeItem(f layer.File) item {
	i := item{
		kind: f.Type.String(), path: f.Path, mode: int64(f.Mode), uid: f.Owner.UID, gid: f.Owner.GID,
		mtime: f.ModTime(), size: f.Size, target: f.Link, extra: map[string]string{},
	}
	i.major, i.minor = f.Device()
	for name, value := range f.Xattrs() {
		i.extra["xattr."+name] = value
	}
	if f.Extra != nil {
		i.setTimes(f.Extra.AccessTime, f.Extra.ChangeTime)
		for name, value := range f.Extra.Records {
			i.extra["pax."+name] = value
		}
	}
	i.setNames(f.Owner.Uname, f.Owner.Gname)
	return i
}

func (i *item) setTimes(access, change time.Time) {
	if !access.IsZero() {
		i.extra["atime"] = seconds(access)
	}
	if !change.IsZero() {
		i.extra["ctime"] = seconds(change)
	}
}

func (i *item) setNames(uname, gname string) {
	if uname != "" {
		i.extra["uname"] = uname
	}
	if gname != "" {
		i.extra["gname"] = gname
	}
}

// tarItems gives the entries of the tar of a root filesystem.
func tarItems(t *testing.T, r io.Reader) []item {
	t.Helper()
	var items []item
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return regroup(items)
		}
		if err != nil {
			t.Fatalf("read the exported tar: %v", err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatalf("read the exported tar: %v", err)
		}
		items = append(items, tarItem(h, string(content)))
	}
}

var tarKinds = map[byte]string{
	tar.TypeReg: "file", tar.TypeDir: "dir", tar.TypeSymlink: "symlink", tar.TypeLink: "hardlink",
	tar.TypeChar: "char", tar.TypeBlock: "block", tar.TypeFifo: "fifo",
}

func tarItem(h *tar.Header, content string) item {
	i := item{
		kind: tarKinds[h.Typeflag], path: path.Clean(h.Name), mode: h.Mode, uid: h.Uid, gid: h.Gid, mtime: h.ModTime,
		content: content, size: h.Size, target: h.Linkname, major: h.Devmajor, minor: h.Devminor, extra: map[string]string{},
	}
	for key, value := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
			i.extra["xattr."+name] = value
			continue
		}
		switch key {
		case "path", "linkpath", "mtime", "uid", "gid", "size", "uname", "gname", "hdrcharset", "atime", "ctime":
		default:
			i.extra["pax."+key] = value
		}
	}
	i.setNames(h.Uname, h.Gname)
	i.setTimes(h.AccessTime, h.ChangeTime)
	if i.kind == "hardlink" {
		i.target = path.Clean(h.Linkname)
	}
	return i
}

// regroup lets the first name of each inode, in the order of paths, be the one
// that the others link to. Tars of engines have them in the order of reading.
func regroup(items []item) []item {
	at := map[string]int{}
	for i := range items {
		at[items[i].path] = i
	}
	groups := map[string][]string{}
	for _, i := range items {
		if i.kind == "hardlink" {
			groups[i.target] = append(groups[i.target], i.path)
		}
	}
	for carrier, names := range groups {
		names = append(names, carrier)
		slices.SortFunc(names, comparePaths)
		from, ok := at[carrier]
		if !ok {
			continue // a link to nothing, which shows as it is
		}
		inode := items[from]
		for _, name := range names[1:] {
			items[at[name]] = item{kind: "hardlink", path: name, target: names[0]}
		}
		inode.path = names[0]
		items[at[names[0]]] = inode
	}
	return items
}
