package convert_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// awkward has what one target or another does not take: an absent platform,
// attestations, several platforms, and zstd layers.
const awkward = `
format docker-containerd
index example.com/a:v1
  image
    platform linux/arm64
    layer zstd
      file etc/motd arm
  attestation
  image
    platform linux/amd64
    layer gzip
      file etc/motd hello
    layer zstd
      file etc/other more
  attestation
  image absent
    platform linux/s390x
image example.com/b:v1
  layer plain
    file etc/motd hello
`

// dockerMedia has Docker's media types.
const dockerMedia = `
format oci
media docker
image example.com/a:v1
  layer gzip
    file etc/motd hello
`

// writeFor writes all that a is for target, to a file, and gives what was told.
func writeFor(t testing.TB, target *convert.Target, transport ref.Transport, a *archive.Archive) (string, []string) {
	t.Helper()
	to := ref.Ref{Transport: transport, Path: filepath.Join(t.TempDir(), "out")}
	plan, err := convert.NewRecompress([]convert.Source{{Archive: a}}, to, convert.RecompressOptions{Options: convert.Options{For: target}})
	if err != nil {
		t.Fatal(err)
	}
	notes := slices.Clone(plan.Plan.Notes)
	opts := convert.RunOptions{WriteOptions: archive.WriteOptions{Warn: func(s string) { notes = append(notes, s) }}}
	if err := plan.Run(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	return to.Path, notes
}

func targetByName(t testing.TB, name string) *convert.Target {
	t.Helper()
	target, err := convert.TargetByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestTargets: what is written for a target has nothing that its line of the table
// says it does not take, and all else is what it was.
func TestTargets(t *testing.T) {
	t.Parallel()
	for _, target := range convert.Targets() {
		for name, listing := range map[string]string{"awkward": awkward, "docker media": dockerMedia} {
			for _, form := range target.Forms {
				t.Run(target.Name+" "+name+" "+string(form), func(t *testing.T) {
					t.Parallel()
					source := open(t, build(t, listing))
					path, notes := writeFor(t, &target, form, source)
					checkTaken(t, &target, open(t, path))
					checkNothingElse(t, source, open(t, path))
					if name == "awkward" && target.Name != "docker29" && target.Name != "oci" && len(notes) == 0 {
						t.Error("nothing is told")
					}
				})
			}
		}
	}
}

// checkTaken fails where a has what the target does not take.
func checkTaken(t *testing.T, target *convert.Target, a *archive.Archive) {
	t.Helper()
	for _, image := range a.Images {
		if n := len(archive.Instances(image.Node)); n != 1 && !target.Platforms {
			t.Errorf("%s has %d platforms", image.Descriptor.Digest, n)
		}
		_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
			switch {
			case n.Kind() == archive.KindAttestation && !target.Attestations:
				t.Errorf("%s is an attestation", n.Descriptor.Digest)
			case n.Absent() && !target.Absent:
				t.Errorf("%s is absent", n.Descriptor.Digest)
			case target.OCI && archive.IsDocker(n.Descriptor.MediaType):
				t.Errorf("%s has the media type %s", n.Descriptor.Digest, n.Descriptor.MediaType)
			}
			for _, l := range n.Layers {
				if !slices.Contains(target.Layers, l.Compression) && n.Kind() == archive.KindImage {
					t.Errorf("layer %s is %s", l.Descriptor.Digest, l.Compression)
				}
				if target.OCI && archive.IsDocker(l.Descriptor.MediaType) {
					t.Errorf("layer %s has the media type %s", l.Descriptor.Digest, l.Descriptor.MediaType)
				}
			}
			return nil
		})
	}
}

// checkNothingElse fails where the first platform for linux/amd64 has other
// diffIDs or another name than before.
func checkNothingElse(t *testing.T, before, after *archive.Archive) {
	t.Helper()
	outlines := func(a *archive.Archive) []string {
		var lines []string
		for _, image := range a.Images {
			for _, n := range archive.Instances(image.Node) {
				if archive.FormatPlatform(n.Platform()) != "linux/amd64" {
					continue
				}
				line := archive.JoinNames(image.Names)
				for _, l := range n.Layers {
					line += " " + l.DiffID.String()
				}
				lines = append(lines, line)
			}
		}
		return lines
	}
	if diff := cmp.Diff(outlines(before), outlines(after)); diff != "" {
		t.Errorf("images (-before +after):\n%s", diff)
	}
}

// TestTargetRefuses: forms and compressions that a target does not load are an
// error before anything is written.
func TestTargetRefuses(t *testing.T) {
	t.Parallel()
	a := open(t, build(t, awkward))
	for _, target := range convert.Targets() {
		for _, form := range []ref.Transport{ref.DockerArchive, ref.OCIArchive, ref.OCI, ref.Dir} {
			to := ref.Ref{Transport: form, Path: filepath.Join(t.TempDir(), "out")}
			_, err := convert.NewPlan([]convert.Source{{Archive: a, Image: "@1"}}, to, convert.Options{For: &target})
			if got, want := err == nil, slices.Contains(target.Forms, form); got != want {
				t.Errorf("%s, %s: NewPlan = %v, want it taken: %v", target.Name, form, err, want)
			}
			if err != nil && !errors.Is(err, archive.ErrUnsupported) {
				t.Errorf("%s, %s: %v, want %v", target.Name, form, err, archive.ErrUnsupported)
			}
		}
	}
	if _, err := convert.TargetByName("docker18"); !errors.Is(err, archive.ErrUnsupported) || !strings.Contains(err.Error(), "docker20, docker25") {
		t.Errorf("TargetByName = %v", err)
	}
}

// TestTargetsLoad lets engines load what was written for them, and shows that they
// refuse it as it was, in every form and compressed in every way that they are
// said to take.
func TestTargetsLoad(t *testing.T) {
	docker := enginetest.StartDocker(t)
	podman := enginetest.StartPodman(t)
	containerd := enginetest.StartContainerd(t)
	source := open(t, build(t, awkward))
	before := filepath.Join(t.TempDir(), "before.tar")
	content := convertTo(t, source.Path, "docker-archive:"+before)
	if text, err := docker.TryLoad(before); err == nil {
		t.Errorf("docker load takes zstd layers: %s", text)
	}
	docker.Reset(t)
	if text, err := containerd.TryImport(before, "--all-platforms"); err == nil {
		t.Errorf("ctr image import --all-platforms takes an absent platform: %s", text)
	}
	containerd.Reset(t)
	full, familiar := engineNames(t, content)

	mended := filepath.Join(t.TempDir(), "mended.tar")
	repair, err := convert.NewRepair([]convert.Source{{Archive: source}}, ref.Ref{Transport: ref.DockerArchive, Path: mended}, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := repair.Run(t.Context(), archive.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	containerd.Import(t, mended, "--all-platforms")
	if n := len(containerd.Images(t)); n != 2 {
		t.Errorf("ctr image import --all-platforms after repair: %d images, want 2", n)
	}
	containerd.Reset(t)

	for _, target := range []string{"docker20", "podman"} {
		for _, outer := range targetByName(t, target).Outer {
			path := writeOuter(t, targetByName(t, target), ref.DockerArchive, outer, source)
			if path == "" {
				continue
			}
			if target == "podman" {
				podman.Load(t, path)
				if diff := cmp.Diff(full, podman.Images(t)); diff != "" {
					t.Errorf("podman load, %s: names and image IDs (-want +got):\n%s", outer, diff)
				}
				podman.Reset(t)
				continue
			}
			docker.Load(t, path)
			if diff := cmp.Diff(familiar, docker.Images(t)); diff != "" {
				t.Errorf("docker load, %s: names and image IDs (-want +got):\n%s", outer, diff)
			}
			docker.Reset(t)
		}
	}
	for _, form := range targetByName(t, "containerd").Forms {
		for _, outer := range targetByName(t, "containerd").Outer {
			path := writeOuter(t, targetByName(t, "containerd"), form, outer, source)
			containerd.Import(t, path, "--all-platforms")
			if n := len(containerd.Images(t)); n != 2 {
				t.Errorf("ctr image import --all-platforms, %s in %s: %d images, want 2", form, outer, n)
			}
			containerd.Reset(t)
		}
	}
}

// writeOuter writes for target a whole file compressed so, and gives no path where
// imgtool does not write that.
func writeOuter(t *testing.T, target *convert.Target, form ref.Transport, outer codec.Compression, a *archive.Archive) string {
	t.Helper()
	if outer == codec.Bzip2 {
		return "" // nobody writes it
	}
	to := ref.Ref{Transport: form, Path: filepath.Join(t.TempDir(), "out")}
	plan, err := convert.NewRecompress([]convert.Source{{Archive: a}}, to, convert.RecompressOptions{Options: convert.Options{For: target}})
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Run(t.Context(), convert.RunOptions{WriteOptions: archive.WriteOptions{Outer: codec.Setting{Compression: outer}}}); err != nil {
		t.Fatal(err)
	}
	return to.Path
}

// TestUmociTakesOCI: umoci knows OCI's media types alone.
func TestUmociTakesOCI(t *testing.T) {
	t.Parallel()
	enginetest.Require(t, "umoci")
	path, notes := writeFor(t, targetByName(t, "oci"), ref.OCI, open(t, build(t, dockerMedia)))
	enginetest.Run(t, "umoci", "unpack", "--rootless", "--image", path+":example.com/a:v1", filepath.Join(t.TempDir(), "bundle"))
	if len(notes) != 1 || !strings.Contains(notes[0], "become OCI's") {
		t.Errorf("told %q", notes)
	}
}
