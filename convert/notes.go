package convert

import (
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
)

// warnings notes what the target form cannot hold, and what common targets of
// it do not take.
func (b *builder) warnings() {
	for _, gap := range b.plan.Content.Gaps {
		b.warnGap(gap)
	}
	for _, r := range b.order {
		if b.target != nil {
			b.warnTarget(r)
			continue
		}
		switch b.plan.To.Transport {
		case ref.Dir:
			b.warnDir(r)
		case ref.DockerArchive:
			b.warnDocker(r)
		}
	}
}

// warnGap tells what the target will name and not hold.
func (b *builder) warnGap(gap archive.Gap) {
	switch {
	case gap.Foreign:
		b.note("layer %s is non-distributable and not in the source: engines fetch it from elsewhere", gap.Descriptor.Digest)
	case gap.Of == nil:
		b.note("%s %s is not in the source: its index names it all the same, and `ctr image import --all-platforms` refuses that",
			archive.FormatPlatform(gap.Descriptor.Platform), gap.Descriptor.Digest)
	default:
		b.note("%s %s lacks %s and cannot run: it is not in the source",
			archive.FormatPlatform(gap.Of.Platform()), gap.Of.Descriptor.Digest, gap.Descriptor.Digest)
	}
}

// warnTarget tells what the target will not see of what is written.
func (b *builder) warnTarget(r *root) {
	if b.plan.To.Transport == ref.DockerArchive && !b.target.Platforms && b.plan.Content.DockerInstance(r.image) == nil {
		b.note("%s is no whole image: %s passes over it", r.image.Descriptor.Digest, b.target.Name)
	}
	if !b.target.OCI {
		b.warnNames(r.image)
	}
}

// warnDir tells that a dir: folder has no place for names.
func (b *builder) warnDir(r *root) {
	if len(r.image.Names) > 0 {
		b.note("a dir: folder has no place for names: %s stay behind", archive.JoinNames(r.image.Names))
	}
}

// warnDocker tells what Docker before 25, podman and others that read
// manifest.json do not see.
func (b *builder) warnDocker(r *root) {
	instance := b.plan.Content.DockerInstance(r.image)
	if instance == nil {
		b.note("%s is no whole image: `docker load` passes over it", r.image.Descriptor.Digest)
		return
	}
	if len(archive.Instances(r.image.Node)) > 1 {
		b.note("manifest.json has room for one platform of %s: Docker before 25 and podman load %s; --platform takes another",
			title(r.image), archive.FormatPlatform(instance.Platform()))
	}
	for _, layer := range instance.Layers {
		if layer.Compression == codec.Zstd {
			b.note("%s has zstd layers, which Docker before 23 cannot load", title(r.image))
			break
		}
	}
	b.warnNames(r.image)
}

// warnNames tells which names `docker load` cannot give.
func (b *builder) warnNames(image *archive.Image) {
	for _, name := range image.Names {
		if name.Full() != "" {
			continue
		}
		reason := "no name that Docker takes"
		if name.IsTag() {
			reason = "a tag without a repository"
		}
		b.note("%q is %s: `docker load` leaves the image without it; --name gives it one", name, reason)
	}
}

// title is what to call an image in a message.
func title(image *archive.Image) string {
	if len(image.Names) > 0 {
		return string(image.Names[0])
	}
	return image.Descriptor.Digest.String()
}
