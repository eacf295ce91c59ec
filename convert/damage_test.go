//go:build !windows

package convert_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
)

// marked is a layout in which each kind of document has a mark.
const marked = `
format oci
index fx:v1
  annotation note marked-index
  image
    platform linux/amd64
    annotation note marked-manifest
    env NOTE=marked-config
    layer
      file a one
    layer
      file b two
  image
    platform linux/arm64
    layer
      file a one
    layer
      file c three
`

// exchange puts another word of the same length in the place of the mark of the
// documents of that kind; digests stay.
func exchange(t testing.TB, layout, kind string) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(layout, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	exchanged := 0
	for _, blob := range blobs {
		raw, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		other := bytes.ReplaceAll(raw, []byte("marked-"+kind), []byte("forged-"+kind))
		if bytes.Equal(other, raw) {
			continue
		}
		exchanged++
		if err := os.WriteFile(blob, other, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if exchanged == 0 {
		t.Fatalf("no %s has a mark", kind)
	}
}

// rewriting are the ways to make something new of documents, or of what they
// name. None of these may take documents that are not what their digest says.
var rewriting = map[string]func(a *archive.Archive, to ref.Ref, temp string) error{
	"convert": func(a *archive.Archive, to ref.Ref, _ string) error {
		return planAndRun(convert.NewPlan, a, to, convert.Options{})
	},
	"convert --platform": func(a *archive.Archive, to ref.Ref, _ string) error {
		return planAndRun(convert.NewPlan, a, to, convert.Options{Platforms: []string{"linux/amd64"}})
	},
	"convert --for": func(a *archive.Archive, to ref.Ref, _ string) error {
		target, err := convert.TargetByName("docker20")
		if err != nil {
			return err
		}
		to.Transport = ref.DockerArchive
		return planAndRun(convert.NewPlan, a, to, convert.Options{For: target})
	},
	"convert --as": func(a *archive.Archive, to ref.Ref, _ string) error {
		return planAndRun(convert.NewPlan, a, to, convert.Options{As: "fx:all"})
	},
	"repair": func(a *archive.Archive, to ref.Ref, _ string) error {
		return planAndRun(convert.NewRepair, a, to, convert.Options{})
	},
	"recompress": func(a *archive.Archive, to ref.Ref, temp string) error {
		opts := convert.RecompressOptions{Compress: codec.Setting{Compression: codec.Zstd}}
		p, err := convert.NewRecompress([]convert.Source{{Archive: a}}, to, opts)
		if err != nil {
			return err
		}
		return p.Run(context.Background(), convert.RunOptions{Stack: archive.StackOptions{TempDir: temp}})
	},
	"flatten": func(a *archive.Archive, to ref.Ref, temp string) error {
		p, err := convert.NewFlatten([]convert.Source{{Archive: a}}, to, convert.FlattenOptions{})
		if err != nil {
			return err
		}
		return p.Run(context.Background(), convert.RunOptions{Stack: archive.StackOptions{TempDir: temp}})
	},
	"export": func(a *archive.Archive, to ref.Ref, temp string) error {
		rootfs, err := rootfsOf(a, temp)
		if err != nil {
			return err
		}
		return rootfs.Export(context.Background(), to.Path, archive.WriteOptions{})
	},
	"unpack": func(a *archive.Archive, to ref.Ref, temp string) error {
		rootfs, err := rootfsOf(a, temp)
		if err != nil {
			return err
		}
		return rootfs.Unpack(context.Background(), to.Path, convert.UnpackOptions{Rootless: true})
	},
}

func planAndRun(plan func([]convert.Source, ref.Ref, convert.Options) (*convert.Plan, error), a *archive.Archive, to ref.Ref, opts convert.Options) error {
	p, err := plan([]convert.Source{{Archive: a}}, to, opts)
	if err != nil {
		return err
	}
	return p.Run(context.Background(), archive.WriteOptions{})
}

// TestDamagedDocuments: a document that is not what its digest says is no image to
// make another of, with right digests all around it.
func TestDamagedDocuments(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"index", "manifest", "config", "nothing"} {
		for name, rewrite := range rewriting {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				layout, temp := build(t, marked), t.TempDir()
				if kind != "nothing" {
					exchange(t, layout, kind)
				}
				out := filepath.Join(t.TempDir(), "out")
				a := open(t, layout)
				err := rewrite(a, ref.Ref{Transport: ref.OCI, Path: out}, temp)
				if kind == "nothing" {
					if err != nil || len(a.Damaged) > 0 {
						t.Errorf("%s = %v, damaged %v", name, err, a.Damaged)
					}
					return
				}
				var damage *archive.DigestError
				if !errors.As(err, &damage) || !strings.Contains(err.Error(), kind+": descriptor says") || !strings.Contains(err.Error(), layout) {
					t.Errorf("%s = %v, want a DigestError that names the %s and the file", name, err, kind)
				}
				if _, err := os.Lstat(out); err == nil {
					t.Errorf("%s left %s", name, out)
				}
				if len(a.Damaged) != 1 {
					t.Errorf("Damaged = %v, want one", a.Damaged)
				}
			})
		}
	}
}

// TestDamageElsewhere: what is not taken may be damaged.
func TestDamageElsewhere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"manifest", "config"} {
		layout := build(t, marked)
		exchange(t, layout, kind)
		a := open(t, layout)
		to := ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}
		if err := planAndRun(convert.NewPlan, a, to, convert.Options{Platforms: []string{"linux/arm64"}}); err != nil {
			t.Errorf("%s of another platform: %v", kind, err)
		}
	}
}
