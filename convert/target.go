package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
)

// Target is what a program takes that loads archives. What it does not take is
// left out or made otherwise where a plan is for it, and told.
type Target struct {
	Name string
	// Forms are those that it loads.
	Forms []ref.Transport
	// Outer are the compressions of the whole file that it undoes.
	Outer []codec.Compression
	// Layers are the compressions that it takes for layers. Others become gzip.
	Layers []codec.Compression
	// Platforms says that it keeps several platforms of an image apart. Others
	// get one: that of linux/amd64, else the first.
	Platforms bool
	// Attestations says that it passes over BuildKit's attestations.
	Attestations bool
	// Absent says that it passes over platforms that an index names and the
	// archive does not hold.
	Absent bool
	// OCI says that it wants OCI's media types alone.
	OCI bool
}

// The compressions that targets take.
var (
	layersOfDocker20 = []codec.Compression{codec.None, codec.Gzip, codec.Bzip2, codec.XZ}
	layersOfSpec     = []codec.Compression{codec.None, codec.Gzip, codec.Zstd} // image-spec v1.1 layer.md
	plainAlone       = []codec.Compression{codec.None}                         // as containerd 1.6 does
	plainOrZipped    = []codec.Compression{codec.None, codec.Gzip, codec.Zstd}
	anyCompression   = []codec.Compression{codec.None, codec.Gzip, codec.Bzip2, codec.XZ, codec.Zstd}

	// podman 4.3 and skopeo 1.9 of Debian 12 fail at gzip, whoever wrote it.
	outerOfPodman = []codec.Compression{codec.None, codec.Bzip2, codec.XZ, codec.Zstd}

	dockerForm = []ref.Transport{ref.DockerArchive}
	fileForms  = []ref.Transport{ref.DockerArchive, ref.OCIArchive}
	layoutOnes = []ref.Transport{ref.OCI, ref.OCIArchive, ref.DockerArchive} // the last is a layout, too
)

// targets are all of them. Docker 20 to 28 load with the graph driver, which reads
// manifest.json alone. From 29 on Docker imports as containerd does, and leaves
// out what is absent. k3s and kind call containerd for all platforms.
var targets = []Target{
	{Name: "docker20", Forms: dockerForm, Outer: layersOfDocker20, Layers: layersOfDocker20},
	{Name: "docker25", Forms: dockerForm, Outer: anyCompression, Layers: anyCompression},
	{Name: "docker29", Forms: fileForms, Outer: plainOrZipped, Layers: layersOfSpec, Platforms: true, Attestations: true, Absent: true},
	{Name: "containerd", Forms: fileForms, Outer: plainAlone, Layers: layersOfSpec, Platforms: true},
	{Name: "k3s", Forms: fileForms, Outer: plainOrZipped, Layers: layersOfSpec, Platforms: true},
	{Name: "kind", Forms: fileForms, Outer: plainAlone, Layers: layersOfSpec, Platforms: true},
	{Name: "podman", Forms: dockerForm, Outer: outerOfPodman, Layers: anyCompression},
	{Name: "oci", Forms: layoutOnes, Outer: anyCompression, Layers: layersOfSpec, Platforms: true, Attestations: true, OCI: true},
}

// Targets gives all targets, in the order of the help.
func Targets() []Target { return slices.Clone(targets) }

// TargetByName finds a target. It fails with [archive.ErrUnsupported] and lists
// them.
func TargetByName(name string) (*Target, error) {
	var names []string
	for _, t := range targets {
		if t.Name == name {
			return &t, nil
		}
		names = append(names, t.Name)
	}
	return nil, fmt.Errorf("target %q: %w; it is one of %s", name, archive.ErrUnsupported, strings.Join(names, ", "))
}

// CheckOuter fails with [archive.ErrUnsupported] where t does not undo the
// compression of a whole file.
func (t *Target) CheckOuter(c codec.Compression) error {
	if c == "" || slices.Contains(t.Outer, c) {
		return nil
	}
	return fmt.Errorf("%s loads no file in %s: %w", t.Name, c, archive.ErrUnsupported)
}

// checkForm fails where t does not load the form to.
func (t *Target) checkForm(to ref.Transport) error {
	if t == nil || slices.Contains(t.Forms, to) {
		return nil
	}
	var forms []string
	for _, form := range t.Forms {
		forms = append(forms, string(form)+":")
	}
	return fmt.Errorf("%s does not load the form %s: %w; write to %s", t.Name, to, archive.ErrUnsupported, strings.Join(forms, " or "))
}
