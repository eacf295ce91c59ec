package archive

// dockerArchiveFiles plans a tar that is an OCI layout and a docker-save archive
// at once, over the same blobs. Docker 25 and later, containerd and skopeo's
// oci-archive: read index.json; older Docker, podman and skopeo's
// docker-archive: read manifest.json.
func dockerArchiveFiles(c *Content) []file {
	files := layoutFiles(c)
	manifest := file{name: dockerManifestFile, data: mustMarshal(dockerEntries(c))}
	return append([]file{files[0], files[1], manifest}, files[2:]...)
}

// dockerEntries gives the entries of manifest.json, which has room for one
// platform of each image: [DockerInstance].
func dockerEntries(c *Content) []dockerImage {
	entries := []dockerImage{}
	for _, image := range c.Images {
		instance := c.DockerInstance(image)
		if instance == nil {
			continue
		}
		entry := dockerImage{
			Config:   layoutBlobName(instance.Manifest.Config.Digest),
			RepoTags: repoTags(image.Names),
			Layers:   []string{},
		}
		for _, layer := range instance.Layers {
			entry.Layers = append(entry.Layers, layoutBlobName(layer.Descriptor.Digest))
		}
		entries = append(entries, entry)
	}
	return entries
}

// DockerInstance gives the platform of image that manifest.json can name: the
// first whole one for linux/amd64, else the first whole one, else nil. It does
// not depend on the machine, for the same input gives the same bytes.
func (c *Content) DockerInstance(image *Image) *Node {
	var first *Node
	for _, n := range Instances(image.Node) {
		if !c.whole(n) {
			continue
		}
		if FormatPlatform(n.Platform()) == "linux/amd64" {
			return n
		}
		if first == nil {
			first = n
		}
	}
	return first
}

// repoTags gives the names that docker load takes; at a bad one it would stop, and
// take nothing behind it. They are written in full, since podman makes
// localhost/app of a familiar app.
func repoTags(names []Name) []string {
	var tags []string
	for _, name := range names {
		if full := name.Full(); full != "" {
			tags = append(tags, full)
		}
	}
	return tags
}
