package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"/etc", "etc", true}, {"/etc", "etc/motd", true}, {"etc/", "etc/a/b", true}, {"/etc", "etcetera", false}, {"/etc", ".", false},
		{"/etc/*.conf", "etc/a.conf", true}, {"/etc/*.conf", "etc/a/b.conf", false}, {"/etc/*.conf", "etc/a.conf/below", true},
		{"/**/*.so", "lib/x.so", true}, {"/**/*.so", "a/b/c/x.so", true}, {"/**/*.so", "x.so", true}, {"/**/*.so", "x.so.1", false},
		{"/", "any/thing", true}, {"/", ".", true}, {"/a/**/z", "a/z", true}, {"/a/**/z", "a/b/c/z/below", true}, {"/a/**/z", "a/b", false},
		{"/a?c", "abc", true}, {"/[ab]", "b", true}, {"/../etc", "etc/x", true},
	} {
		if got := matcher([]string{tt.pattern})(tt.path); got != tt.want {
			t.Errorf("pattern %q, path %q: %t, want %t", tt.pattern, tt.path, got, tt.want)
		}
	}
	if !matcher(nil)("any") {
		t.Error("no pattern leaves something out")
	}
	if err := (Options{Paths: []string{"/a/[b"}}).check(); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("pattern /a/[b: %v", err)
	}
}

// TestPathsLimit: patterns limit files and sizes, nothing else.
func TestPathsLimit(t *testing.T) {
	t.Parallel()
	changed := strings.NewReplacer("hello", "a longer hello", "top top", "top topmost", "a.b one", "a.b two").Replace(base)
	r := compareAll(t, openListing(t, base), openListing(t, changed), Options{Paths: []string{"/etc"}})
	want := []string{`config ~ config.Labels."a.b"`, "layers ~ 0:0", "layers ~ 1:1", "files ~ etc/motd content"}
	if d := cmp.Diff(want, lines(r)); d != "" {
		t.Errorf("--path /etc (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Folder{{".", 9, 0, 1}, {"etc", 9, 0, 1}}, r.Images[0].Platforms[0].Sizes); d != "" {
		t.Errorf("sizes (-want +got):\n%s", d)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	if err := (Options{Ignore: []string{"times", "colour"}}).check(); err == nil || !strings.Contains(err.Error(), `"colour"`) || !strings.Contains(err.Error(), "xattrs") {
		t.Errorf("an unknown word: %v", err)
	}
	for _, word := range []string{"mode", "owner", "xattrs", "config", "files", "packages", "platforms"} {
		if slices.Contains(Semantic(), word) {
			t.Errorf("--semantic ignores %s", word)
		}
	}
	seen := map[string]bool{}
	for _, w := range Words() {
		if seen[w.Name] || w.Means == "" {
			t.Errorf("word %q is there twice, or says nothing", w.Name)
		}
		seen[w.Name] = true
	}
}

// TestFolders: sizes add up the tree, and names of one file count once.
func TestFolders(t *testing.T) {
	t.Parallel()
	const before = "format oci\nimage fx:v1\n  layer\n    file keep k\n    file a/b/shrinks 12345\n    file a/gone 1234\n"
	const after = "format oci\nimage fx:v1\n  layer\n    file keep k\n    file a/b/shrinks 12\n    file a/c/new 123\n    hardlink a/c/twin a/c/new\n"
	p := compareAll(t, openListing(t, before), openListing(t, after), Options{}).Images[0].Platforms[0]
	want := []Folder{{".", 3, 7, 5}, {"a", 3, 7, 5}, {"a/b", 0, 3, 1}, {"a/c", 3, 0, 2}}
	if d := cmp.Diff(want, p.Sizes); d != "" {
		t.Errorf("sizes (-want +got):\n%s", d)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	lines := func(n int, from string) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, "%s%d\n", from, i)
		}
		return out.String()
	}
	for _, tt := range []struct {
		name, before, after string
		want                TextDiff
	}{
		{"a line", "a\nb\nc\n", "a\nB\nc\n", TextDiff{Unified: "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", Inserted: 1, Deleted: 1}},
		{"no line end", "a", "a\n", TextDiff{Unified: "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", Inserted: 1, Deleted: 1}},
		{"from nothing", "", "a\n", TextDiff{Unified: "@@ -0,0 +1 @@\n+a\n", Inserted: 1}},
		{"to nothing", "a\n", "", TextDiff{Unified: "@@ -1 +0,0 @@\n-a\n", Deleted: 1}},
		{"binary", "a\x00", "b", TextDiff{Why: "binary"}},
		{"no UTF-8", "a", "b\xff", TextDiff{Why: "binary"}},
	} {
		if d := cmp.Diff(&tt.want, diffTexts([]byte(tt.before), []byte(tt.after))); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
	long := diffTexts([]byte(lines(500, "a")), []byte(lines(500, "b")))
	if got := strings.Count(long.Unified, "\n"); got != maxTextLines || long.Cut != 801 || long.Inserted != 500 || long.Deleted != 500 {
		t.Errorf("a long diff: %d lines, %d cut, +%d -%d", got, long.Cut, long.Inserted, long.Deleted)
	}
}

// TestContent: only changed text is shown, and what is left out is told.
func TestContent(t *testing.T) {
	t.Parallel()
	const before = "format oci\nimage fx:v1\n  layer\n    file a \"1\\n\"\n    file bin \"\\x00\"\n    random big 200KiB 1\n    file mode x\n    hardlink a2 a\n"
	after := strings.NewReplacer(`"1\n"`, `"2\n"`, `\x00`, `\x00\x00`, "200KiB 1", "200KiB 2", "mode x", "mode x mode=0600").Replace(before)
	p := compareAll(t, openListing(t, before), openListing(t, after), Options{Content: true}).Images[0].Platforms[0]
	var got []string
	for i := range p.Files.Changes {
		if c := &p.Files.Changes[i]; c.Text != nil {
			got = append(got, c.Path+" "+c.Text.Why+strings.ReplaceAll(c.Text.Unified, "\n", "|"))
		}
	}
	want := []string{"a @@ -1 +1 @@|-1|+2|", "a2 @@ -1 +1 @@|-1|+2|", "big over 128 KiB", "bin binary"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("texts (-want +got):\n%s", d)
	}
	if d := cmp.Diff(&TextStats{Shown: 2, Skipped: 2}, p.Texts); d != "" {
		t.Errorf("stats (-want +got):\n%s", d)
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	status := func(version string) string {
		return fmt.Sprintf("Package: openssl\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: %s\\n\\nPackage: bash\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: 5.2\\n", version)
	}
	listing := func(status, python, extra string) string {
		return "format oci\nimage fx:v1\n  layer\n    dir var\n    dir var/lib\n    dir var/lib/dpkg\n    dir usr\n    file usr/same same\n  layer\n" +
			"    file var/lib/dpkg/status \"" + status + "\"\n" +
			"    file usr/lib/python3/site-packages/six-" + python + ".dist-info/METADATA \"Metadata-Version: 2.1\\nName: six\\nVersion: " + python + "\\n\"\n" + extra
	}
	const dpkg = "    file var/lib/dpkg/status.d/tz \"Package: tz\\nVersion: 1\\nArchitecture: all\\n\"\n"
	a, b := openListing(t, listing(status("3.0.11"), "1.15", "")), openListing(t, listing(status("3.0.13"), "1.16", dpkg))
	packages := func(opts Options) []string {
		return slices.DeleteFunc(lines(compareAll(t, a, b, opts)), func(s string) bool { return !strings.HasPrefix(s, "packages") })
	}
	want := []string{"packages ~ dpkg openssl 3.0.11 → 3.0.13 amd64", "packages + dpkg tz 1 all", "packages ~ python six 1.15 → 1.16"}
	if d := cmp.Diff(want, packages(Options{})); d != "" {
		t.Errorf("packages (-want +got):\n%s", d)
	}
	if d := cmp.Diff(want, packages(Options{Paths: []string{"/none"}})); d != "" {
		t.Errorf("packages with --path /none (-want +got):\n%s", d)
	}
	if got := packages(Options{Ignore: []string{"packages"}}); len(got) > 0 {
		t.Errorf("packages that are ignored: %q", got)
	}
}

func TestAlign(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ a, b, want string }{
		{"", "", ""}, {"abc", "abc", "aa bb cc"}, {"abc", "ac", "aa b- cc"}, {"ac", "abc", "aa -b cc"},
		{"ab", "cd", "a- b- -c -d"}, {"abcd", "acbd", "aa b- cc -b dd"}, {"xaby", "zabw", "x- -z aa bb y- -w"},
	} {
		a, b := strings.Split(tt.a, ""), strings.Split(tt.b, "")
		spell := func(pairs []pair, a, b []string) string {
			var out []string
			for _, p := range pairs {
				s := ""
				for _, side := range []struct {
					i    int
					list []string
				}{{p.a, a}, {p.b, b}} {
					if side.i < 0 {
						s += "-"
					} else {
						s += side.list[side.i]
					}
				}
				out = append(out, s)
			}
			return strings.Join(out, " ")
		}
		got := spell(align(a, b), a, b)
		sortedWords := func(s string) string { w := strings.Fields(s); slices.Sort(w); return strings.Join(w, " ") }
		if tt.a != "abcd" && got != tt.want {
			t.Errorf("align %q and %q: %q, want %q", tt.a, tt.b, got, tt.want)
		}
		var back []string
		for word := range strings.FieldsSeq(spell(align(b, a), b, a)) {
			back = append(back, word[1:]+word[:1])
		}
		if sortedWords(strings.Join(back, " ")) != sortedWords(got) {
			t.Errorf("align %q and %q: %q, and the other way round %q", tt.a, tt.b, got, back)
		}
	}
	long := make([]string, 5000)
	for i := range long {
		long[i] = fmt.Sprint(i)
	}
	back := slices.Clone(long)
	slices.Reverse(back)
	if got := len(align(long, back)); got != 10000 {
		t.Errorf("align of lists that are too long: %d pairs, want 10000", got)
	}
}
