package verify

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/imgtool/imgtool/archive"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// checkFaces compares what the documents of an archive say about its images.
func (v *verifier) checkFaces() {
	for _, conflict := range v.archive.Conflicts {
		v.found.add(FacesDiffer, Where{Entry: "manifest.json"}, "%s", conflict)
	}
	v.checkOwners()
	if !v.holdsImage() {
		v.found.add(NoImage, Where{}, "it names no manifest")
	}
	switch v.archive.Format {
	case archive.DockerSaveV10:
		v.found.add(LoadLegacy, Where{}, "the archive has no manifest.json")
	case archive.DockerSave, archive.Hybrid:
		v.checkRepositories()
	case archive.OCILayout:
		if !v.archive.IsFolder() {
			v.found.add(LoadNoManifestJSON, Where{}, "the archive has no manifest.json")
		}
		v.checkLayoutFile()
	}
}

// holdsImage reports that the archive has more in it than empty indexes.
func (v *verifier) holdsImage() bool {
	return slices.ContainsFunc(v.archive.Images, func(image *archive.Image) bool {
		some := false
		_ = archive.Walk([]*archive.Node{image.Node}, func(n *archive.Node) error {
			some = some || n.Index == nil
			return nil
		})
		return some
	})
}

// checkLayoutFile looks for the file that marks a layout.
func (v *verifier) checkLayoutFile() {
	blob, err := v.archive.Member(ocispec.ImageLayoutFile)
	if err != nil {
		v.found.add(LoadNoLayoutFile, Where{Entry: ocispec.ImageLayoutFile}, "%v", err)
		return
	}
	_ = blob.Close() // nothing was read
}

// checkOwners looks for names that stand for several images.
func (v *verifier) checkOwners() {
	owners := map[string]*archive.Image{}
	for _, image := range v.archive.Images {
		for _, name := range image.Names {
			owner := owners[name.Key()]
			if owner == nil {
				owners[name.Key()] = image
				continue
			}
			v.found.add(NameAmbiguous, Where{Image: string(name)}, "it stands for %s and for %s", owner.Descriptor.Digest, image.Descriptor.Digest)
		}
	}
}

// checkRepositories compares the names in `repositories` with all others.
func (v *verifier) checkRepositories() {
	blob, err := v.archive.Member("repositories")
	if err != nil {
		return // most archives have none
	}
	w := Where{Entry: "repositories"}
	raw, err := readCapped(blob, archive.MaxDocument)
	if closeErr := blob.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		v.addReadFault(err, w)
		return
	}
	var names repositories
	if err := json.Unmarshal(raw, &names); err != nil {
		v.found.add(JSONInvalid, w, "%v", err)
		return
	}
	listed := map[string]bool{}
	for repository, tags := range names {
		for tag := range tags {
			name, err := archive.ParseName(repository + ":" + tag)
			if err != nil {
				v.found.add(NameInvalid, w, "%q is no name: %v", repository+":"+tag, err)
				continue
			}
			listed[name.Key()] = true
			if !v.has(name) {
				v.found.add(RepositoriesDiffer, w, "it has the name %q, and no image has", string(name))
			}
		}
	}
	v.checkListed(listed, w)
}

func (v *verifier) has(name archive.Name) bool {
	return slices.ContainsFunc(v.archive.Images, func(image *archive.Image) bool {
		return slices.ContainsFunc(image.Names, func(n archive.Name) bool { return n.Key() == name.Key() })
	})
}

func (v *verifier) checkListed(listed map[string]bool, w Where) {
	for _, image := range v.archive.Images {
		for _, name := range image.Names {
			if name.Full() != "" && !listed[name.Key()] {
				v.found.add(RepositoriesDiffer, w, "it lacks %q, which manifest.json names", string(name))
			}
		}
	}
}

// bareTag is what may stand in a layout in place of a name: a tag as engines take
// it, or what image-spec v1.1 annotations.md, "org.opencontainers.image.ref.name"
// allows beyond that.
var bareTag = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|[A-Za-z0-9]+((--|[-._@+])[A-Za-z0-9]+)*)$`)

// checkNames tells which names engines do not take.
func (v *verifier) checkNames(image *archive.Image) {
	for _, name := range image.Names {
		if name.Full() == "" && !(name.IsTag() && bareTag.MatchString(string(name))) {
			v.found.add(NameInvalid, Where{Image: title(image)}, "%q is no reference", string(name))
		}
	}
}
