package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
)

// SplitPlan says which files [NewSplit] makes of an archive. It is valid until
// the source is closed.
type SplitPlan struct {
	Dir string
	// Parts are the files, in the order of the archive's images.
	Parts []Part
}

// Part is one file of a split, and what goes into it.
type Part struct {
	// Name of the file or folder in the plan's Dir.
	Name  string
	image *archive.Image
	plan  func(dir string) (*Plan, error)
}

// Digest is that of the image's manifest or index before the split; it changes
// with a choice of platforms alone.
func (p Part) Digest() string { return p.image.Descriptor.Digest.String() }

// NewSplit decides which files to make in dir, one for each image that is chosen,
// in the form that transport names. Files are called as the images are. It reads
// no layer.
func NewSplit(source Source, dir string, transport ref.Transport, opts Options) (*SplitPlan, error) {
	if dir == "" {
		return nil, fmt.Errorf("split: no folder is given: %w", archive.ErrUnsupported)
	}
	if source.Holds(dir) {
		return nil, fmt.Errorf("write %q: it %w", dir, archive.ErrSame)
	}
	selectors := opts.Images
	if source.Image != "" {
		selectors = []string{source.Image}
	}
	images, err := source.Find(selectors...)
	if err != nil {
		return nil, err
	}
	p := &SplitPlan{Dir: dir}
	taken := map[string]bool{}
	for i, image := range source.Images {
		if !slices.Contains(images, image) {
			continue
		}
		name := partName(image, transport, taken)
		one := Source{Archive: source.Archive, Image: fmt.Sprintf("@%d", i)}
		opts := Options{Platforms: opts.Platforms, StripAttestations: opts.StripAttestations}
		p.Parts = append(p.Parts, Part{Name: name, image: image, plan: func(dir string) (*Plan, error) {
			return NewPlan([]Source{one}, ref.Ref{Transport: transport, Path: filepath.Join(dir, name)}, opts)
		}})
	}
	if len(p.Parts) == 0 {
		return nil, fmt.Errorf("nothing to write: no image is left: %w", archive.ErrNotFound)
	}
	return p, nil
}

// suffixes are what files of each form end with.
var suffixes = map[ref.Transport]string{ref.DockerArchive: ".tar", ref.OCIArchive: ".tar"}

// partName makes a file name of the image's first name, such as
// docker.io_library_alpine_3.tar, or of its digest. Names that only differ in
// what files cannot hold get a number.
func partName(image *archive.Image, transport ref.Transport, taken map[string]bool) string {
	base := encoded(image.Descriptor.Digest)
	base = strings.Map(fileRune, base[:min(len(base), shortDigest)])
	if len(image.Names) > 0 {
		base = strings.Map(fileRune, string(image.Names[0]))
	}
	base = cmp.Or(strings.TrimLeft(base, ".-"), "image") // no hidden file, and none that looks like a flag
	if len(base) > 200 {                                 // a file system takes 255
		base = base[:200]
	}
	name := base + suffixes[transport]
	for n := 2; taken[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s-%d%s", base, n, suffixes[transport])
	}
	taken[strings.ToLower(name)] = true // of hosts that do not tell cases apart
	return name
}

// fileRune keeps what every file system takes.
func fileRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-':
		return r
	}
	return '_'
}

// Run writes all files into a new or an empty folder, which appears whole or not
// at all, and gives the digest of each image as it was written.
func (p *SplitPlan) Run(ctx context.Context, opts archive.WriteOptions) ([]string, error) {
	var digests []string
	fill := func(dir string) error {
		for _, part := range p.Parts {
			plan, err := part.plan(dir)
			if err != nil {
				return err
			}
			for _, note := range plan.Notes {
				if opts.Warn != nil {
					opts.Warn(part.Name + ": " + note)
				}
			}
			if err := plan.Run(ctx, opts); err != nil {
				return err
			}
			for _, image := range plan.Content.Images {
				digests = append(digests, image.Descriptor.Digest.String())
			}
		}
		return nil
	}
	if err := archive.WriteFolder(ctx, p.Dir, archive.FolderOptions{Warn: opts.Warn}, fill); err != nil {
		return nil, err
	}
	if len(digests) == 0 {
		return nil, errors.New("nothing was written")
	}
	return digests, nil
}
