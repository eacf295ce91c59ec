//go:build linux

package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/opencontainers/go-digest"
)

// bench has every engine, started once.
type bench struct {
	docker     *enginetest.Docker
	podman     *enginetest.Podman
	buildah    *enginetest.Buildah
	containerd *enginetest.Containerd
	registry   string
}

func startBench(t *testing.T) *bench {
	t.Helper()
	for _, name := range []string{"skopeo", "umoci", "crane", "regctl", "tar", "unshare"} {
		enginetest.Require(t, name)
	}
	return &bench{
		docker:     enginetest.StartDocker(t),
		podman:     enginetest.StartPodman(t),
		buildah:    enginetest.StartBuildah(t),
		containerd: enginetest.StartContainerd(t),
		registry:   enginetest.StartRegistry(t),
	}
}

// took is what an engine made of a form.
type took struct {
	images []string            // "NAME ID", or IDs where the engine tells no names
	trees  map[string][]string // ID to the filesystem, where it has one
}

func (k *took) add(line, id string, tree []string) {
	k.images = append(k.images, line)
	if k.trees == nil {
		k.trees = map[string][]string{}
	}
	k.trees[id] = tree
}

// way is one way to give a form to an engine.
type way struct {
	name  string
	kinds string // of forms
	names bool   // the engine tells names
	id    func(madeImage) string
	sight sight
	load  func(*testing.T, *bench, made, sight) (took, error)
}

func byConfig(m madeImage) string   { return m.config }
func byManifest(m madeImage) string { return m.manifest }
func byRoot(m madeImage) string     { return m.root }

var (
	// Docker adds to a container what it needs; of attributes its tar has file
	// capabilities.
	dockerSight = sight{noDirTimes: true, xattrs: "security.capability", without: []string{".dockerenv", "dev", "etc", "proc", "sys"}}
	diskSight   = sight{noDirTimes: true}
)

// ways are all of them.
var ways = []way{
	{"docker load", "docker-archive", true, byConfig, dockerSight, dockerLoad},
	{"podman load", "docker-archive oci-archive", true, byConfig, diskSight, podmanLoad},
	{"podman pull", "oci dir", false, byConfig, diskSight, podmanPull},
	{"buildah pull", "docker-archive oci-archive oci dir", false, byConfig, diskSight, buildahPull},
	{"skopeo copy", "docker-archive oci-archive oci dir", false, byConfig, whole, skopeoCopy},
	{"umoci unpack", "oci", false, byManifest, whole, umociUnpack},
	{"ctr images import", "docker-archive oci-archive", true, byRoot, diskSight, ctrImport},
	{"crane validate", "docker-archive", false, byConfig, whole, craneValidate},
	{"crane push", "docker-archive oci", false, byConfig, whole, cranePush},
	{"regctl image import", "docker-archive oci-archive", false, byRoot, whole, regctlImport},
	{"regctl image copy", "oci", false, byRoot, whole, regctlCopy},
	{"registry", "oci-archive oci dir", false, byRoot, whole, registryCopy},
	{"registry", "docker-archive", false, byConfig, whole, registryCopy},
	{"docker import", "rootfs", false, nil, dockerSight, dockerImport},
	{"podman import", "rootfs", false, nil, diskSight, podmanImport},
}

var loadedName = regexp.MustCompile(`(?m)^Loaded image(?:\(s\)| ID)?: (.+)$`)

// namesIn are the names that a load tells, or the IDs of images without.
func namesIn(out string) []string {
	var names []string
	for _, m := range loadedName.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1])
	}
	return names
}

// nameAndID spells a loaded image, whose name may be its ID.
func nameAndID(name, id string) string {
	if name == id {
		return id
	}
	return name + " " + id
}

func dockerLoad(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	out, err := b.docker.TryLoad(m.path)
	if err != nil {
		return k, err
	}
	for _, name := range namesIn(out) {
		id, err := try(b.docker.Command("image", "inspect", "--format", "{{.Id}}", name))
		if err != nil {
			return k, err
		}
		if tree := k.trees[id]; tree != nil {
			k.add(nameAndID(name, id), id, tree)
			continue
		}
		var root bytes.Buffer
		if err := b.docker.TryExport(id, &root); err != nil {
			return k, err
		}
		k.add(nameAndID(name, id), id, s.of(t, &root))
	}
	return k, nil
}

func podmanLoad(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	out, err := b.podman.TryLoad(m.path)
	if err != nil {
		return k, err
	}
	for _, name := range namesIn(out) {
		id, tree, err := podmanTree(t, b.podman, name, s)
		if err != nil {
			return k, err
		}
		k.add(nameAndID(name, id), id, tree)
	}
	return k, nil
}

// podmanLoadIDs is podmanLoad without names.
func podmanLoadIDs(t *testing.T, b *bench, m made, s sight) (took, error) {
	k, err := podmanLoad(t, b, m, s)
	for n, image := range k.images {
		k.images[n] = image[strings.LastIndexByte(image, ' ')+1:]
	}
	return k, err
}

// podmanTree mounts an image, which vfs does without a mount, and lists it.
func podmanTree(t *testing.T, p *enginetest.Podman, image string, s sight) (id string, tree []string, err error) {
	id, dir, err := podmanFolder(p, image)
	if err != nil {
		return "", nil, err
	}
	return id, s.ofFolder(t, dir), nil
}

// podmanFolder gives the ID of an image and where its files are.
func podmanFolder(p *enginetest.Podman, image string) (id, dir string, err error) {
	id, err = try(p.Command("image", "inspect", "--format", "sha256:{{.Id}}", image))
	if err != nil {
		return "", "", err
	}
	dir, err = try(p.Command("image", "mount", image))
	return id, dir, err
}

func podmanPull(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	for _, ref := range m.references() {
		id, err := try(b.podman.Command("pull", "--quiet", ref))
		if err != nil {
			return k, err
		}
		id, tree, err := podmanTree(t, b.podman, id, s)
		if err != nil {
			return k, err
		}
		k.add(id, id, tree)
	}
	return k, nil
}

func buildahPull(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	for _, ref := range m.references() {
		id, err := b.buildah.TryPull(ref)
		if err != nil {
			return k, err
		}
		dir, err := b.buildah.TryMount(strings.TrimPrefix(id, "sha256:"))
		if err != nil {
			return k, err
		}
		k.add(id, id, s.ofFolder(t, dir))
	}
	return k, nil
}

// references spell the images of a form as containers-transports(5) has it: by
// name, or the only one without.
func (m made) references() []string {
	var refs []string
	for _, image := range m.images {
		if len(image.names) == 0 {
			refs = append(refs, m.kind+":"+m.path)
		}
		for _, name := range image.names {
			refs = append(refs, m.kind+":"+m.path+":"+name)
		}
	}
	return refs
}

func skopeo(args ...string) error {
	_, err := tool("skopeo", append([]string{"--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"}, args...)...)
	return err
}

// skopeoCopy copies each image to a folder with a manifest, all platforms of it,
// and lets imgtool read that.
func skopeoCopy(t *testing.T, _ *bench, m made, s sight) (k took, err error) {
	for _, ref := range m.references() {
		out := filepath.Join(t.TempDir(), "copy")
		if err := skopeo("--all", ref, "dir:"+out); err != nil {
			return k, err
		}
		image := readImages(t, out)[0]
		k.add(image.config, image.config, s.of(t, exportOf(t, out)))
	}
	return k, nil
}

func umociUnpack(t *testing.T, _ *bench, m made, s sight) (k took, err error) {
	for _, ref := range m.references() {
		bundle := filepath.Join(t.TempDir(), "bundle")
		if _, err := tool("umoci", "unpack", "--image", strings.TrimPrefix(ref, "oci:"), bundle); err != nil {
			return k, err
		}
		id, err := umociManifest(bundle)
		if err != nil {
			return k, err
		}
		k.add(id, id, s.ofFolder(t, filepath.Join(bundle, "rootfs")))
	}
	return k, nil
}

// umociManifest is the digest of the manifest that a bundle was made from.
func umociManifest(bundle string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(bundle, "umoci.json"))
	if err != nil {
		return "", err
	}
	var meta struct {
		From struct {
			Walk []struct{ Digest string } `json:"descriptor_walk"`
		} `json:"from_descriptor_path"`
	}
	if err := json.Unmarshal(raw, &meta); err != nil || len(meta.From.Walk) == 0 {
		return "", fmt.Errorf("find the manifest in umoci.json: %w: %s", err, raw)
	}
	return meta.From.Walk[len(meta.From.Walk)-1].Digest, nil
}

var unpacking = regexp.MustCompile(`(?m)^unpacking (\S+) \((sha256:[0-9a-f]+)\)\.\.\.`)

// ctrImport lets ctr mount what containerd unpacked.
func ctrImport(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	out, err := b.containerd.TryImport(m.path)
	if err != nil {
		return k, err
	}
	for _, found := range unpacking.FindAllStringSubmatch(out, -1) {
		tree, err := ctrTree(t, b, found[1])
		if err != nil {
			return k, err
		}
		k.add(found[1]+" "+found[2], found[2], s.of(t, tree))
	}
	return k, nil
}

// ctrTree packs an image in a mount namespace that ends with it.
func ctrTree(t *testing.T, b *bench, name string) (io.Reader, error) {
	dir := t.TempDir()
	mount := b.containerd.Command("images", "mount", name, dir)
	script := `"$@" >&2 && exec tar --format=pax --xattrs --xattrs-include='*' --numeric-owner -C "$0" -cf - .`
	c := exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, dir}, mount.Args...)...)
	var out, messages bytes.Buffer
	c.Stdout, c.Stderr = &out, &messages
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("ctr images mount: %w\n%s", err, &messages)
	}
	return &out, nil
}

// craneValidate reads every byte of a tarball as crane does.
func craneValidate(t *testing.T, _ *bench, m made, s sight) (k took, err error) {
	_, err = tool("crane", "validate", "--tarball", m.path)
	for _, image := range m.images {
		k.images = append(k.images, image.config)
	}
	return k, err
}

// cranePush pushes to the registry and exports from there.
func cranePush(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	there := b.registry + "/crane/" + m.row + ":v1"
	args := []string{"push", m.path, there}
	if m.source == "platforms" && m.kind == "oci" {
		args = append(args, "--index")
	}
	if _, err := tool("crane", args...); err != nil {
		return k, err
	}
	return k, k.addRemote(t, there, true, s)
}

func craneTree(t *testing.T, there string, s sight) ([]string, error) {
	root := filepath.Join(t.TempDir(), "root.tar")
	if _, err := tool("crane", "export", there, root); err != nil {
		return nil, err
	}
	file, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return s.of(t, file), nil
}

// regctlImport imports into a layout, which imgtool reads.
func regctlImport(t *testing.T, _ *bench, m made, s sight) (k took, err error) {
	for _, image := range m.images {
		for _, name := range append(image.names, "")[:max(1, len(image.names))] {
			out := filepath.Join(t.TempDir(), "layout")
			if _, err := tool("regctl", "image", "import", "--name="+name, "ocidir://"+out+":v1", m.path); err != nil {
				return k, err
			}
			got := readImages(t, out)
			n := slices.IndexFunc(got, func(i madeImage) bool { return slices.Contains(i.names, "v1") })
			if n < 0 {
				return k, fmt.Errorf("find v1 in %+v", got)
			}
			k.add(got[n].root, got[n].root, s.of(t, exportOf(t, out, "--image", "v1")))
		}
	}
	return k, nil
}

// regctlCopy copies a layout to the registry.
func regctlCopy(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	for n, image := range m.images {
		there := fmt.Sprintf("%s/regctl/%s:v%d", b.registry, m.row, n)
		// Of the names in a layout, regctl takes tags alone.
		from := "ocidir://" + m.path + "@" + image.root
		if _, err := tool("regctl", "--host", "reg="+b.registry+",tls=disabled", "image", "copy", from, there); err != nil {
			return k, err
		}
		if err := k.addRemote(t, there, false, s); err != nil {
			return k, err
		}
	}
	return k, nil
}

// addRemote adds what crane reads in the registry: the digest of the manifest or
// index there, or of the config.
func (k *took) addRemote(t *testing.T, there string, ofConfig bool, s sight) error {
	id, err := tool("crane", "digest", there)
	if ofConfig && err == nil {
		id, err = tool("crane", "config", there)
		id = digest.FromString(id).String()
	}
	if err != nil {
		return err
	}
	tree, err := craneTree(t, there, s)
	k.add(id, id, tree)
	return err
}

// registryCopy lets skopeo push, and crane read.
func registryCopy(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	for n, ref := range m.references() {
		there := fmt.Sprintf("%s/skopeo/%s:v%d", b.registry, m.row, n)
		flags := []string{"--all", "--preserve-digests"}
		if m.kind == "docker-archive" { // has manifests that skopeo does not look for
			flags = nil
		}
		if err := skopeo(append(flags, ref, "docker://"+there)...); err != nil {
			return k, err
		}
		if err := k.addRemote(t, there, m.kind == "docker-archive", s); err != nil {
			return k, err
		}
	}
	return k, nil
}

func dockerImport(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	// Docker wants a command to make a container.
	id, err := try(b.docker.Command("import", "--change", "CMD /none", m.path))
	if err != nil {
		return k, err
	}
	var root bytes.Buffer
	err = b.docker.TryExport(id, &root)
	k.add("", "", s.of(t, &root))
	return k, err
}

func podmanImport(t *testing.T, b *bench, m made, s sight) (k took, err error) {
	id, err := try(b.podman.Command("import", "--quiet", m.path))
	if err != nil {
		return k, err
	}
	_, tree, err := podmanTree(t, b.podman, strings.TrimPrefix(id, "sha256:"), s)
	k.add("", "", tree)
	return k, err
}

// takes reports whether a way is for a form.
func (w way) takes(f form) bool { return slices.Contains(strings.Fields(w.kinds), f.kind) }
