//go:build !windows

package convert_test

import (
	"bytes"
	"context"
	"errors"
	"io"
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

// job says where what is made goes, and temporary files.
type job struct {
	to     ref.Ref
	stdout io.Writer
	temp   string
}

func (j job) options() convert.RunOptions {
	return convert.RunOptions{WriteOptions: archive.WriteOptions{Stdout: j.stdout}, Stack: archive.StackOptions{TempDir: j.temp}}
}

// rewriting are the ways to make something new of documents, or of what they
// name. None of these may take documents that are not what their digest says.
var rewriting = map[string]func(a *archive.Archive, j job) error{
	"convert": func(a *archive.Archive, j job) error {
		return planAndRun(convert.NewPlan, a, j, convert.Options{})
	},
	"convert --platform": func(a *archive.Archive, j job) error {
		return planAndRun(convert.NewPlan, a, j, convert.Options{Platforms: []string{"linux/amd64"}})
	},
	"convert --for": func(a *archive.Archive, j job) error {
		target, err := convert.TargetByName("docker20")
		if err != nil {
			return err
		}
		j.to.Transport = ref.DockerArchive
		return planAndRun(convert.NewPlan, a, j, convert.Options{For: target})
	},
	"convert --as": func(a *archive.Archive, j job) error {
		return planAndRun(convert.NewPlan, a, j, convert.Options{As: "fx:all"})
	},
	"repair": func(a *archive.Archive, j job) error {
		return planAndRun(convert.NewRepair, a, j, convert.Options{})
	},
	"recompress": func(a *archive.Archive, j job) error {
		opts := convert.RecompressOptions{Compress: codec.Setting{Compression: codec.Zstd}}
		p, err := convert.NewRecompress([]convert.Source{{Archive: a}}, j.to, opts)
		if err != nil {
			return err
		}
		return p.Run(context.Background(), j.options())
	},
	"flatten": func(a *archive.Archive, j job) error {
		p, err := convert.NewFlatten([]convert.Source{{Archive: a}}, j.to, convert.FlattenOptions{})
		if err != nil {
			return err
		}
		return p.Run(context.Background(), j.options())
	},
	"export": func(a *archive.Archive, j job) error {
		rootfs, err := rootfsOf(a, j.temp)
		if err != nil {
			return err
		}
		return rootfs.Export(context.Background(), j.to.Path, archive.WriteOptions{Stdout: j.stdout})
	},
	"unpack": func(a *archive.Archive, j job) error {
		rootfs, err := rootfsOf(a, j.temp)
		if err != nil {
			return err
		}
		return rootfs.Unpack(context.Background(), j.to.Path, convert.UnpackOptions{Rootless: true})
	},
}

func planAndRun(plan func([]convert.Source, ref.Ref, convert.Options) (*convert.Plan, error), a *archive.Archive, j job, opts convert.Options) error {
	p, err := plan([]convert.Source{{Archive: a}}, j.to, opts)
	if err != nil {
		return err
	}
	return p.Run(context.Background(), archive.WriteOptions{Stdout: j.stdout})
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
				err := rewrite(a, job{to: ref.Ref{Transport: ref.OCI, Path: out}, temp: temp})
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
		j := job{to: ref.Ref{Transport: ref.OCI, Path: filepath.Join(t.TempDir(), "out")}}
		if err := planAndRun(convert.NewPlan, a, j, convert.Options{Platforms: []string{"linux/arm64"}}); err != nil {
			t.Errorf("%s of another platform: %v", kind, err)
		}
	}
}
