package archive

import (
	"encoding/json"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// indexJoin adds the descriptors of images to those of an index.json.
type indexJoin struct {
	joined []RawJSON
	// present are the digests that joined names, named what it names so.
	present map[digest.Digest]bool
	named   map[naming]bool
}

// joinDescriptors gives the descriptors of an index.json with those of images
// in it. What is there stays as it is stored. Only a name that another image
// has there moves; that image stays without the name.
func joinDescriptors(old []RawJSON, images []*Image, opts WriteOptions) []RawJSON {
	j := indexJoin{present: map[digest.Digest]bool{}, named: map[naming]bool{}}
	owners := map[string]digest.Digest{}
	comes, named := map[naming]bool{}, map[digest.Digest]bool{}
	for _, image := range images {
		for _, name := range image.Names {
			owners[name.key()] = image.Descriptor.Digest
			comes[naming{name.key(), image.Descriptor.Digest}] = true
			named[image.Descriptor.Digest] = true
		}
	}
	var moved []*Node
	for _, raw := range old {
		var d ocispec.Descriptor
		if json.Unmarshal(raw, &d) != nil {
			j.joined = append(j.joined, raw) // not ours to judge
			continue
		}
		key := ""
		names := descriptorNames(d)
		if len(names) > 0 {
			key = names[0].key()
		}
		switch owner := owners[key]; {
		case key == "" && named[d.Digest]:
			// it comes again, with its names
		case owner != "" && !comes[naming{key, d.Digest}]:
			opts.warn("name %q moves from %s to %s", names[0], d.Digest, owner)
			moved = append(moved, &Node{Descriptor: d, RawDescriptor: raw})
		default:
			j.add(d.Digest, key, raw)
		}
	}
	j.addImages(images)
	for _, n := range moved {
		j.addNameless(n)
	}
	return j.joined
}

func (j *indexJoin) add(d digest.Digest, key string, raw RawJSON) {
	j.joined = append(j.joined, raw)
	j.present[d] = true
	j.named[naming{key, d}] = true
}

func (j *indexJoin) addImages(images []*Image) {
	for _, image := range images {
		for _, name := range image.Names {
			if !j.named[naming{name.key(), image.Descriptor.Digest}] {
				j.add(image.Descriptor.Digest, name.key(), nameDescriptor(image.Node, name))
			}
		}
		j.addNameless(image.Node)
	}
}

// addNameless adds a root that no descriptor names yet.
func (j *indexJoin) addNameless(n *Node) {
	if !j.present[n.Descriptor.Digest] {
		j.add(n.Descriptor.Digest, "", nameDescriptor(n, ""))
	}
}
