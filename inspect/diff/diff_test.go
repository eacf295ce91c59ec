package diff

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/ref"
)

// openListing builds and opens an archive.
func openListing(t testing.TB, listing string) *archive.Archive {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive")
	archivetest.Build(t, path, listing)
	return openFile(t, path)
}

func openFile(t testing.TB, path string) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), ref.Ref{Path: path}, archive.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// compareAll compares all images of two archives.
func compareAll(t testing.TB, a, b *archive.Archive, opts Options) *Report {
	t.Helper()
	r, err := Archives(t.Context(), Input{Archive: a, Images: a.Images}, Input{Archive: b, Images: b.Images}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines tells a report, one difference a line: its level, its sign, and what.
func lines(r *Report) []string {
	var out []string
	add := func(level string, k Kind, format string, args ...any) {
		out = append(out, strings.TrimSpace(level+" "+k.Sign()+" "+fmt.Sprintf(format, args...)))
	}
	fields := func(level string, all []Field) {
		for _, f := range all {
			add(level, f.Kind, "%s", f.Field)
		}
	}
	for _, root := range r.OnlyA {
		add("images", Removed, "%s", strings.Join(root.Names, " "))
	}
	for _, root := range r.OnlyB {
		add("images", Added, "%s", strings.Join(root.Names, " "))
	}
	for _, i := range r.Images {
		fields("names", i.Names)
		fields("annotations", i.Annotations)
		fields("index", i.Index)
		for _, m := range i.OnlyA {
			add("manifests", Removed, "%s %s", m.Kind, m.Platform+m.ArtifactType)
		}
		for _, m := range i.OnlyB {
			add("manifests", Added, "%s %s", m.Kind, m.Platform+m.ArtifactType)
		}
		for k := range i.Platforms {
			platformLines(&i.Platforms[k], add, fields)
		}
	}
	return out
}

func platformLines(p *Platform, add func(string, Kind, string, ...any), fields func(string, []Field)) {
	fields("annotations", p.Annotations)
	fields("manifest", p.Manifest)
	fields("config", p.Config)
	if p.History != nil {
		for _, s := range p.History.Steps {
			if s.Kind != Unchanged {
				add("history", s.Kind, "%s", s.CreatedBy)
			}
		}
	}
	if p.Layers != nil {
		for _, l := range p.Layers.Layers {
			switch {
			case l.Kind == Unchanged:
			case l.A == nil:
				add("layers", l.Kind, "-:%d", l.B.Number)
			case l.B == nil:
				add("layers", l.Kind, "%d:-", l.A.Number)
			default:
				add("layers", l.Kind, "%d:%d", l.A.Number, l.B.Number)
			}
		}
	}
	for _, k := range p.Packages {
		add("packages", k.Kind, "%s", k.Describe())
	}
	if p.Files != nil {
		for i := range p.Files.Changes {
			c := &p.Files.Changes[i]
			add("files", c.Kind, "%s %s", c.Path, strings.Join(c.Aspects.Words(), ","))
		}
	}
}

// mirrored gives what the lines are when the sides are swapped.
func mirrored(all []string) []string {
	var out []string
	for _, s := range all {
		words := strings.SplitN(s, " ", 3)
		switch words[1] {
		case "+":
			words[1] = "-"
		case "-":
			words[1] = "+"
		}
		if words[0] == "layers" {
			a, b, _ := strings.Cut(words[2], ":")
			words[2] = b + ":" + a
		}
		out = append(out, strings.Join(words, " "))
	}
	slices.Sort(out)
	return out
}

// base is an image that the tables change.
const base = `format oci
image fx:v1
  created 2024-01-02T03:04:05Z
  env PATH=/bin
  env LANG=C
  cmd sh
  entrypoint /init
  label a.b one
  user 1000
  workdir /srv
  annotation maker me
  config-field docker_version "20.10"
  layer
    dir etc mtime=1
    file etc/motd "hello\n" mtime=1
    symlink etc/link motd mtime=1
    file data 12345 mtime=1
    hardlink twin data mtime=1
    char null 1 3 mtime=1
  history one
  layer
    file top top mtime=1
  history two
`

func TestLevels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		old, new string // in base
		want     []string
		ignore   string // words that leave nothing
	}{
		{"name", "image fx:v1", "image fx:v2", []string{"names - fx:v1", "names + fx:v2"}, "names"},
		{"annotation", "maker me", "maker you", []string{"annotations ~ maker"}, "annotations"},
		{"manifest", "annotation maker me", "annotation maker me\n  manifest-field artifactType \"application/vnd.oci.image.config.v1+json\"", []string{"manifest + artifactType"}, "manifest"},
		{"env changed", "env PATH=/bin", "env PATH=/usr/bin", []string{"config ~ config.Env.PATH"}, "config"},
		{"env added", "env LANG=C", "env LANG=C\n  env A=1", []string{"config + config.Env.A"}, "config"},
		{"env order", "env PATH=/bin\n  env LANG=C", "env LANG=C\n  env PATH=/bin", []string{"config > config.Env"}, "order"},
		{"cmd", "cmd sh", "cmd sh -l", []string{"config ~ config.Cmd"}, "config"},
		{"entrypoint", "  entrypoint /init\n", "", []string{"config - config.Entrypoint"}, "config"},
		{"label", "label a.b one", "label a.b two", []string{`config ~ config.Labels."a.b"`}, "config"},
		{"user", "user 1000", "user 0", []string{"config ~ config.User"}, "config"},
		{"workdir", "workdir /srv", "workdir /", []string{"config ~ config.WorkingDir"}, "config"},
		{"unknown field", "user 1000", "user 1000\n  config-field x.y {\"deep\":[1,2]}", []string{"config + x.y.deep"}, "config"},
		{"empty field", "user 1000", "user 1000\n  config-field config.Volumes null", []string{"config + config.Volumes"}, "empty"},
		{"tool", `"20.10"`, `"29.0"`, []string{"config ~ docker_version"}, "tool"},
		{"created", "03:04:05", "03:04:06", []string{"config ~ created", "history ~ one", "history ~ two"}, "created"},
		{"platform", "created", "platform linux/arm64\n  created", []string{"config ~ architecture"}, "platforms"},
		{"history", "history two", "history three", []string{"history - two", "history + three"}, "history"},
		{"compression", "  layer\n    file top", "  layer zstd\n    file top", []string{"layers ~ 1:1"}, "compression"},
		{"cut", "  history one\n  layer\n", "", []string{"history - one", "layers - 0:-", "layers - 1:-", "layers + -:0"}, "layers,history"},
		{"type", "file top top", "dir top", []string{"layers ~ 1:1", "files ~ top type"}, ""},
		{"content", "hello", "hallo", []string{"layers ~ 0:0", "files ~ etc/motd content"}, ""},
		{"mode", `"hello\n"`, `"hello\n" mode=0600`, []string{"layers ~ 0:0", "files ~ etc/motd mode"}, "layers,mode"},
		{"owner", `"hello\n"`, `"hello\n" uid=7`, []string{"layers ~ 0:0", "files ~ etc/motd owner"}, "layers,owner"},
		{"owner names", `"hello\n"`, `"hello\n" uname=joe`, []string{"layers ~ 0:0", "files ~ etc/motd ownerNames"}, "layers,ownernames"},
		{"owner names too", `"hello\n"`, `"hello\n" uname=joe`, []string{"layers ~ 0:0", "files ~ etc/motd ownerNames"}, "layers,owner"},
		{"time", `"hello\n" mtime=1`, `"hello\n" mtime=2`, []string{"layers ~ 0:0", "files ~ etc/motd times"}, "layers,times"},
		{"xattr", `"hello\n"`, `"hello\n" xattr.user.a=1`, []string{"layers ~ 0:0", "files ~ etc/motd xattrs"}, "layers,xattrs"},
		{"record", `"hello\n"`, `"hello\n" pax.VENDOR.a=1`, []string{"layers ~ 0:0", "files ~ etc/motd records"}, "layers,records"},
		{"link", "etc/link motd", "etc/link /none", []string{"layers ~ 0:0", "files ~ etc/link link"}, "layers,files"},
		{"mode of a symlink", "etc/link motd", "etc/link motd mode=0700", []string{"layers ~ 0:0"}, "layers"},
		{"hardlink", "hardlink twin data mtime=1", "file twin 12345 mtime=1", []string{"layers ~ 0:0", "files ~ data hardlinks", "files ~ twin hardlinks"}, ""},
		{"device", "null 1 3", "null 1 5", []string{"layers ~ 0:0", "files ~ null device"}, ""},
		{"file added", "file top top", "file a/b/c x mtime=1\n    file top top", []string{"layers ~ 1:1", "files + a", "files + a/b", "files + a/b/c"}, ""},
		{"whiteout", "file top top mtime=1", "file top top mtime=1\n    whiteout etc", []string{"layers ~ 1:1", "files - etc", "files - etc/link", "files - etc/motd"}, ""},
		{"same content again", "file top top mtime=1", "file top top mtime=1\n    file etc/motd \"hello\\n\" mtime=1", []string{"layers ~ 1:1"}, "layers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(base, tt.old, tt.new, 1)
			if changed == base {
				t.Fatalf("%q is not in the listing", tt.old)
			}
			a, b := openListing(t, base), openListing(t, changed)
			r := compareAll(t, a, b, Options{})
			got := lines(r)
			if d := cmp.Diff(tt.want, got); d != "" || r.Same {
				t.Errorf("diff of %q and %q: same %t, want %q, got %q", tt.old, tt.new, r.Same, tt.want, got)
			}
			back := lines(compareAll(t, b, a, Options{}))
			slices.Sort(back)
			if d := cmp.Diff(mirrored(got), back); d != "" {
				t.Errorf("diff of %q and %q is no mirror (-A B, +B A):\n%s", tt.old, tt.new, d)
			}
			if tt.ignore == "" {
				return
			}
			r = compareAll(t, a, b, Options{Ignore: strings.Split(tt.ignore, ",")})
			if rest := lines(r); len(rest) > 0 || !r.Same {
				t.Errorf("diff of %q and %q without %s: same %t, got %q", tt.old, tt.new, tt.ignore, r.Same, rest)
			}
			for word := range strings.SplitSeq(tt.ignore, ",") {
				others := slices.DeleteFunc(wordNames(), func(w string) bool {
					return w == word || w == "config" && tt.ignore != "config" || w == "files" || w == "owner" && word == "ownernames" || word == "owner" && w == "ownernames"
				})
				if r := compareAll(t, a, b, Options{Ignore: others}); r.Same {
					t.Errorf("diff of %q and %q is the same without the word %s", tt.old, tt.new, word)
				}
			}
		})
	}
}

// TestLayerDescriptors: what a manifest says of a layer besides is compared.
func TestLayerDescriptors(t *testing.T) {
	t.Parallel()
	a := openListing(t, "format oci\nimage fx:v1\n  layer\n    file a a\n")
	l := a.Images[0].Layers[0].Descriptor
	b := openListing(t, fmt.Sprintf(`format oci
image fx:v1
  manifest-field layers [{"mediaType":%q,"digest":%q,"size":%d,"annotations":{"k":"v"},"urls":["x"]}]
  layer
    file a a
`, l.MediaType, l.Digest, l.Size))
	for _, tt := range []struct {
		ignore []string
		want   string
	}{
		{nil, "annotations.k urls"}, {[]string{"annotations"}, "urls"}, {[]string{"compression"}, ""},
	} {
		r := compareAll(t, a, b, Options{Ignore: tt.ignore})
		var got []string
		if l := r.Images[0].Platforms[0].Layers; l != nil {
			for _, f := range l.Layers[0].Fields {
				got = append(got, f.Field)
			}
		}
		if strings.Join(got, " ") != tt.want || r.Same != (tt.want == "") {
			t.Errorf("without %q: same %t, got %q, want %q", tt.ignore, r.Same, got, tt.want)
		}
	}
}

// TestSelf: everything is the same as itself, and as itself written elsewhere.
func TestSelf(t *testing.T) {
	t.Parallel()
	a, b := openListing(t, base), openListing(t, base)
	if r := compareAll(t, a, b, Options{}); !r.Same || r.TimesOnly || len(lines(r)) > 0 {
		t.Errorf("an image against itself: same %t, times only %t, %q", r.Same, r.TimesOnly, lines(r))
	}
}

func TestTimesOnly(t *testing.T) {
	t.Parallel()
	later := strings.NewReplacer("mtime=1", "mtime=2", "03:04:05", "13:04:05").Replace(base)
	for _, tt := range []struct {
		name, listing string
		want          bool
	}{
		{"all times", later, true},
		{"times and a mode", strings.Replace(later, `"hello\n"`, `"hello\n" mode=0600`, 1), false},
		{"times and a label", strings.Replace(later, "a.b one", "a.b two", 1), false},
		{"times and a layer", later + "  layer\n    file x x\n", false},
	} {
		r := compareAll(t, openListing(t, base), openListing(t, tt.listing), Options{})
		if r.Same || r.TimesOnly != tt.want {
			t.Errorf("%s: same %t, times only %t, want %t; %q", tt.name, r.Same, r.TimesOnly, tt.want, lines(r))
		}
	}
}

const twoPlatforms = `format oci
index fx:v1
  image
    platform linux/amd64
    layer
      file a a
  attestation
  image
    platform linux/arm64
    layer
      file a arm
`

func TestPairs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, a, b string
		want       []string
	}{
		{"by platform", twoPlatforms, strings.Replace(twoPlatforms, "file a arm", "file a ARM", 1), []string{"layers ~ 0:0", "files ~ a content"}},
		{"a platform goes", twoPlatforms, strings.Replace(twoPlatforms, "linux/arm64", "linux/s390x", 1),
			[]string{"manifests - image linux/arm64", "manifests + image linux/s390x"}},
		{"an attestation goes", twoPlatforms, strings.Replace(twoPlatforms, "  attestation\n", "", 1),
			[]string{"manifests - attestation application/vnd.docker.attestation.manifest.v1+json"}},
		{"by name", "format oci\nimage a:1\n  layer\n    file x 1\nimage b:1\n  layer\n    file x 2\n",
			"format oci\nimage b:1\n  layer\n    file x 3\nimage c:1\n  layer\n    file x 1\n  cmd sh\n",
			[]string{"images - a:1", "images + c:1", "layers ~ 0:0", "files ~ x content"}},
		{"by digest", "format oci\nimage a:1\n  layer\n    file x 1\nimage b:1\n  layer\n    file x 2\n",
			"format oci\nimage c:1\n  layer\n    file x 2\n  cmd sh\nimage d:1\n  layer\n    file x 1\n",
			[]string{"images - b:1", "images + c:1", "names - a:1", "names + d:1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, b := openListing(t, tt.a), openListing(t, tt.b)
			got := lines(compareAll(t, a, b, Options{}))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("diff (-want +got):\n%s", d)
			}
			back := lines(compareAll(t, b, a, Options{}))
			slices.Sort(back)
			if d := cmp.Diff(mirrored(got), back); d != "" {
				t.Errorf("no mirror (-A B, +B A):\n%s", d)
			}
		})
	}
}
