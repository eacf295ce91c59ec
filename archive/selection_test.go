package archive_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestFind: by number, name, tag and digest.
func TestFind(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, `format oci
image example.com/fx/app:v1
  layer
    file a one
image example.com/fx/app:v2 fx:latest docker.io/library/fx:also
  layer
    file a two
image example.com/other:v1 v3
  layer
    file a three
`))
	id := func(i int) string { return a.Images[i].Manifest.Config.Digest.String() }
	manifest := func(i int) string { return a.Images[i].Descriptor.Digest.String() }
	for _, tt := range []struct {
		selectors []string
		want      []int // nil means a SelectionError
	}{
		{[]string{}, []int{0, 1, 2}},
		{[]string{"@0"}, []int{0}},
		{[]string{"@2", "@0"}, []int{0, 2}},
		{[]string{"@3"}, nil},
		{[]string{"@-1"}, nil},
		{[]string{"@"}, nil},
		{[]string{"@99999999999999999999"}, nil},
		{[]string{"example.com/fx/app:v1"}, []int{0}},
		{[]string{"example.com/fx/app"}, nil}, // there is no latest
		{[]string{"fx"}, []int{1}},
		{[]string{"fx:latest"}, []int{1}},
		{[]string{"docker.io/library/fx"}, []int{1}},
		{[]string{"fx:also"}, []int{1}},
		{[]string{"library/fx:also"}, []int{1}},
		{[]string{"v2"}, []int{1}},
		{[]string{"also"}, []int{1}},
		{[]string{"v3"}, []int{2}},
		{[]string{"v1"}, nil}, // two images have it
		{[]string{"v9"}, nil},
		{[]string{""}, nil},
		{[]string{manifest(0)}, []int{0}},
		{[]string{manifest(0)[:20]}, []int{0}},
		{[]string{manifest(0)[:18]}, nil}, // too short
		{[]string{id(2)}, []int{2}},
		{[]string{id(2)[:19]}, []int{2}},
		{[]string{id(2) + "0"}, nil},
		{[]string{"@0", "nothing"}, nil},
		{[]string{"fx", "also", "@1"}, []int{1}},
	} {
		images, err := a.Find(tt.selectors...)
		var got []int
		for _, image := range images {
			got = append(got, slices.Index(a.Images, image))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Find(%q) = %v, %v, want %v", tt.selectors, got, err, tt.want)
		}
		if tt.want == nil {
			checkSelection(t, err, 3)
		}
	}
	if _, err := a.One(); err == nil {
		t.Error("One() of three images = nil, want an error")
	} else {
		checkSelection(t, err, 3)
	}
	if image, err := a.One("@1"); err != nil || image != a.Images[1] {
		t.Errorf("One(@1) = %v, %v", image, err)
	}
}

// checkSelection: the error lists what there is.
func checkSelection(t *testing.T, err error, have int) {
	t.Helper()
	var selection *archive.SelectionError
	if !errors.As(err, &selection) || len(selection.Have) != have || strings.Count(selection.Hint(), "\n") != have {
		t.Errorf("%v, want a SelectionError with %d things to choose from", err, have)
	}
}

// TestInstance: one platform of an index.
func TestInstance(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, `format oci
index fx:v1
  image
    platform linux/amd64
    layer
      file a amd64
  attestation
  image
    platform linux/arm64/v8
    layer
      file a arm64
  image
    platform linux/arm/v6
    layer
      file a armv6
  image
    platform linux/arm/v7
    layer
      file a armv7
  image
    platform windows/amd64
    layer
      file a windows
`))
	root := a.Images[0].Node
	if got := len(archive.Instances(root)); got != 5 {
		t.Fatalf("Instances = %d, want 5", got)
	}
	host := func(s string) ocispec.Platform {
		parts := append(strings.Split(s, "/"), "")
		return ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
	}
	for _, tt := range []struct{ platform, host, want string }{
		{"", "linux/amd64", "linux/amd64"},
		{"", "linux/arm64", "linux/arm64/v8"},
		{"", "linux/arm/v7", "linux/arm/v7"},
		{"", "linux/arm/v6", "linux/arm/v6"},
		{"", "linux/riscv64", ""},
		{"linux/amd64", "linux/arm64", "linux/amd64"},
		{"linux/x86_64", "linux/arm64", "linux/amd64"},
		{"linux/arm64", "linux/amd64", "linux/arm64/v8"},
		{"linux/aarch64", "linux/amd64", "linux/arm64/v8"},
		{"linux/arm/v6", "linux/amd64", "linux/arm/v6"},
		{"linux/arm", "linux/amd64", ""}, // two variants
		{"windows/amd64", "linux/amd64", "windows/amd64"},
		{"linux/s390x", "linux/amd64", ""},
		{"amd64", "linux/amd64", ""},
	} {
		n, err := a.Instance(root, tt.platform, host(tt.host))
		got := ""
		if err == nil {
			got = archive.FormatPlatform(n.Platform())
		}
		if got != tt.want {
			t.Errorf("Instance(%q, host %s) = %q, %v, want %q", tt.platform, tt.host, got, err, tt.want)
		}
		if tt.want == "" && tt.platform != "amd64" {
			checkSelection(t, err, 5)
		}
	}
	only := open(t, build(t, "format oci\nimage fx:v1\n  platform linux/s390x\n")).Images[0].Node
	if n, err := a.Instance(only, "", host("linux/amd64")); err != nil || n != only {
		t.Errorf("Instance of the only image = %v, %v", n, err)
	}
}

// TestParsePlatform and Match.
func TestParsePlatform(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		platform string
		match    []string // of these
	}{
		{"linux/amd64", []string{"linux/amd64", "linux/amd64/v2"}},
		{"linux/x86_64", []string{"linux/amd64", "linux/amd64/v2"}},
		{"Linux/AMD64", []string{"linux/amd64", "linux/amd64/v2"}},
		{"linux/amd64/v2", []string{"linux/amd64/v2"}},
		{"linux/arm64", []string{"linux/arm64", "linux/arm64/v8"}},
		{"linux/arm", []string{"linux/arm", "linux/arm/v6", "linux/arm/v7"}},
		{"linux/arm/v7", []string{"linux/arm", "linux/arm/v7"}},
		{"linux/arm/7", []string{"linux/arm", "linux/arm/v7"}},
		{"windows/amd64", []string{"windows/amd64"}},
	} {
		m, err := archive.ParsePlatform(tt.platform)
		if err != nil {
			t.Errorf("ParsePlatform(%q) = %v", tt.platform, err)
			continue
		}
		var got []string
		for _, s := range []string{"linux/amd64", "linux/amd64/v2", "linux/arm", "linux/arm/v6", "linux/arm/v7", "linux/arm64", "linux/arm64/v8", "windows/amd64"} {
			parts := append(strings.Split(s, "/"), "")
			p := ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
			if m.Match(&p) {
				got = append(got, s)
			}
			if f := archive.FormatPlatform(&p); f != s {
				t.Errorf("FormatPlatform(%s) = %s", s, f)
			}
		}
		if !slices.Equal(got, tt.match) {
			t.Errorf("ParsePlatform(%q) matches %q, want %q", tt.platform, got, tt.match)
		}
		if m.Match(nil) {
			t.Errorf("ParsePlatform(%q) matches no platform", tt.platform)
		}
	}
	for _, s := range badPlatforms {
		if _, err := archive.ParsePlatform(s); !errors.Is(err, archive.ErrMalformed) {
			t.Errorf("ParsePlatform(%q) = %v, want ErrMalformed", s, err)
		}
	}
	if got := archive.FormatPlatform(nil); got != "unknown" {
		t.Errorf("FormatPlatform(nil) = %q", got)
	}
}

var badPlatforms = []string{"", "linux", "amd64", "/", "linux/", "/amd64", "linux/amd64/v8/x", "linux/am d64", "*/*", "linux/*", "lin\x00ux/amd64"}

// TestNames: what each spelling is in full, its tag, and what ParseName makes of it.
func TestNames(t *testing.T) {
	t.Parallel()
	const hex = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, tt := range []struct{ name, full, tag, parsed string }{
		{"alpine", "", "alpine", "alpine:latest"}, // in an archive: a bare tag
		{"v1.2", "", "v1.2", "v1.2:latest"},
		{"alpine:3", "docker.io/library/alpine:3", "3", "alpine:3"},
		{"user/app", "docker.io/user/app:latest", "latest", "user/app:latest"},
		{"docker.io/library/alpine:3", "docker.io/library/alpine:3", "3", "alpine:3"},
		{"index.docker.io/library/alpine:3", "docker.io/library/alpine:3", "3", "alpine:3"},
		{"docker.io/alpine:3", "docker.io/library/alpine:3", "3", "alpine:3"},
		{"docker.io/user/app:v1", "docker.io/user/app:v1", "v1", "user/app:v1"},
		{"localhost/app:v1", "localhost/app:v1", "v1", "localhost/app:v1"},
		{"localhost:5000/app", "localhost:5000/app:latest", "latest", "localhost:5000/app:latest"},
		{"example.com/a/b/c:v1", "example.com/a/b/c:v1", "v1", "example.com/a/b/c:v1"},
		{"[2001:db8::1]:5000/app:v1", "[2001:db8::1]:5000/app:v1", "v1", "[2001:db8::1]:5000/app:v1"},
		{"example.com/app@" + hex, "", "", ""},
		{"example.com/app:v1@" + hex, "", "", ""},
		{"Bad:v1", "", "", ""},
		{"a b:v1", "", "", ""},
		{"app:", "", "", ""},
		{"app:v 1", "", "", ""},
		{":v1", "", "", ""},
		{"", "", "", ""},
		{"/", "", "", ""},
		{hex[7:], "", hex[7:], ""}, // a bare image ID is no name
	} {
		n := archive.Name(tt.name)
		if got := n.Full(); got != tt.full {
			t.Errorf("Name(%q).Full() = %q, want %q", tt.name, got, tt.full)
		}
		if got := n.Tag(); got != tt.tag {
			t.Errorf("Name(%q).Tag() = %q, want %q", tt.name, got, tt.tag)
		}
		parsed, err := archive.ParseName(tt.name)
		if string(parsed) != tt.parsed || (err == nil) != (tt.parsed != "") {
			t.Errorf("ParseName(%q) = %q, %v, want %q", tt.name, parsed, err, tt.parsed)
		}
	}
}

// TestSpelledNames: names in an archive come out in the familiar form.
func TestSpelledNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ stated, want string }{
		{"docker.io/library/fx:v1", "fx:v1"},
		{"index.docker.io/user/fx:v1", "user/fx:v1"},
		{"example.com/fx:v1", "example.com/fx:v1"},
		{"v1", "v1"},
		{"Not A Name:1", "Not A Name:1"},
	} {
		for _, key := range []string{"org.opencontainers.image.ref.name", "io.containerd.image.name"} {
			l := newLayout()
			l.roots = []string{strings.TrimSuffix(l.manifest(l.blob(typeConfig, smallConfig)), "}") + fmt.Sprintf(`,"annotations":{%q:%q}}`, key, tt.stated)}
			a := open(t, l.tar(t))
			if got := archive.JoinNames(a.Images[0].Names); got != tt.want {
				t.Errorf("%s %q gives %q, want %q", key, tt.stated, got, tt.want)
			}
		}
	}
}
