//go:build linux

package cli_test

import "strings"

// writer is one thing that an engine writes.
type writer struct {
	script string // see [desk.run]
	trees  string // filesystems of its images: see [desk.tree]
	kind   written
}

type written int

const (
	sameIDs     written = iota // images keep their IDs
	newIDs                     // the engine makes configs of its own
	rootFS                     // no image, but a root filesystem
	plainAsGzip                // as newIDs, and media types of plain layers say gzip
	wrongData                  // as newIDs, and descriptors embed what is not theirs
	noLayers                   // as newIDs, with no layer at all, which image-spec's schema forbids
)

// writers are all of them.
func writers() []writer {
	all := append(dockerWriters, podmanWriters...)
	all = append(all, buildahWriters...)
	all = append(all, skopeoWriters()...)
	all = append(all, umociWriters...)
	all = append(all, ctrWriters...)
	all = append(all, craneWriters...)
	return append(all, regctlWriters...)
}

var dockerWriters = []writer{
	{"docker save -o {out} {app}", "app", sameIDs},
	{"docker save {small} > {out}", "small", sameIDs},
	{"docker save -o {out} {app} {small}", "app small", sameIDs},
	{"docker save -o {out} {app} {base} {small}", "app base small", sameIDs},
	{"docker save -o {out} {base} example.com/w/base:latest", "base", sameIDs},
	{"docker save -o {out} example.com/w/base", "base", sameIDs},
	{"docker save -o {out} {appid}", "app", sameIDs},
	{"docker build -q -t built:{row} {in}/ctx; docker save -o {out} built:{row}", "docker:built:{row}", newIDs},
	{"docker build -q --label row={row} -t built:{row} -f {in}/ctx/Dockerfile.from {in}/ctx; docker save -o {out} built:{row}", "docker:built:{row}", newIDs},
	{"docker build -q --label row={row} -t built:{row} {in}/ctx; docker save -o {out} built:{row} {small}", "docker:built:{row} small", newIDs},
	{"docker import {in}/ctx/added.tar made:{row}; docker save -o {out} made:{row}", "docker:made:{row}", newIDs},
	{"docker import -m note {in}/ctx/added.tar made:{row}; docker tag made:{row} made:{row}b; docker save -o {out} made:{row} made:{row}b", "docker:made:{row}", newIDs},
	{"docker create --name {row} {app} /none; docker cp {in}/ctx/files/one {row}:/old/new; docker commit {row} made:{row}; docker save -o {out} made:{row}", "docker:made:{row}", newIDs},
	{"docker create --name {row} {app} /none; docker export -o {out} {row}", "", rootFS},
}

var podmanWriters = []writer{
	{"podman save -q -o {out} {app}", "app", sameIDs},
	{"podman save -q -o {out} {appid}", "app", sameIDs},
	{"podman save -q -o {out} {base} example.com/w/base:latest", "base", sameIDs},
	{"podman save -q {small} > {out}", "small", sameIDs},
	{"podman save -q --format docker-archive -o {out} {small}", "small", sameIDs},
	{"podman save -q -m -o {out} {app} {small}", "app small", sameIDs},
	{"podman save -q -m -o {out} {app} {base} example.com/w/base:latest {small}", "app base small", sameIDs},
	{"podman save -q --format oci-archive -o {out} {app}", "app", newIDs},
	{"podman save -q --format oci-archive -o {out} {appid}", "app", newIDs},
	{"podman save -q --format oci-archive --uncompressed -o {out} {app}", "app", plainAsGzip},
	{"podman save -q --format oci-dir -o {out} {app}", "app", newIDs},
	{"podman save -q --format oci-dir --uncompressed -o {out} {base}", "base", plainAsGzip},
	{"podman save -q --format docker-dir -o {out} {app}", "app", plainAsGzip},
	{"podman save -q --format docker-dir --compress -o {out} {app}", "app", sameIDs},
	{"podman push -q {app} docker-archive:{out}:example.com/pushed:v1", "app", sameIDs},
	{"podman push -q {app} oci:{out}:v1", "app", newIDs},
	{"podman push -q {app} oci-archive:{out}:v1", "app", newIDs},
	{"podman push -q {app} dir:{out}", "app", plainAsGzip},
	{"podman build -q -t built:{row} {in}/ctx; podman save -q -o {out} built:{row}", "podman:built:{row}", newIDs},
	{"podman build -q --format docker --layers -t built:{row} {in}/ctx; podman save -q -o {out} built:{row}", "podman:built:{row}", newIDs},
	{"podman build -q --squash-all -t built:{row} -f {in}/ctx/Dockerfile.from {in}/ctx; podman save -q --format oci-archive -o {out} built:{row}", "podman:built:{row}", newIDs},
	{"podman import -q {in}/ctx/added.tar made:{row}; podman save -q -o {out} made:{row}", "podman:made:{row}", newIDs},
	{"podman import -q {in}/ctx/added.tar made:{row}; podman save -q --format oci-archive -o {out} made:{row}", "podman:made:{row}", newIDs},
	{"podman create --name {row} {app} /none; podman cp {in}/ctx/files/one {row}:/old/new; podman commit -q {row} made:{row}; podman save -q -o {out} made:{row}", "podman:made:{row}", newIDs},
	{"podman create --name {row} {app} /none; podman cp {in}/ctx/files/one {row}:/old/new; podman commit -q -f docker -s {row} made:{row}; podman save -q --format docker-dir -o {out} made:{row}", "podman:made:{row}", newIDs},
	{"podman create --name {row} {app} /none; podman export -o {out} {row}", "", rootFS},
}

// What buildah makes of an image with a file less is a whiteout.
const buildahLess = "buildah from --pull-never --name {row} {app}; delete {row} data/big; delete {row} old; buildah copy -q {row} {in}/ctx/files /data/more; "

var buildahWriters = []writer{
	{"buildah push -q {app} docker-archive:{out}:example.com/pushed:v1", "app", sameIDs},
	{"buildah push -q {small} docker-archive:{out}", "small", sameIDs},
	{"buildah push -q --format v2s2 {app} docker-archive:{out}:example.com/pushed:v1", "app", sameIDs},
	{"buildah push -q {app} oci:{out}:v1", "app", newIDs},
	{"buildah push -q --format oci {app} oci:{out}:v1", "app", newIDs},
	{"buildah push -q --compression-format gzip {app} oci:{out}:v1", "app", newIDs},
	{"buildah push -q --compression-format zstd {app} oci:{out}:v1", "app", newIDs},
	{"buildah push -q {app} oci-archive:{out}:v1", "app", newIDs},
	{"buildah push -q --compression-format zstd {app} oci-archive:{out}:v1", "app", newIDs},
	{"buildah push -q {app} dir:{out}", "app", sameIDs},
	{"buildah push -q --format v2s2 {app} dir:{out}", "app", sameIDs},
	{"buildah push -q --format oci {app} dir:{out}", "app", newIDs},
	{"buildah push -q --format oci --compression-format zstd {app} dir:{out}", "app", newIDs},
	{"buildah from --name {row} scratch; buildah copy -q {row} {in}/ctx/files /data; buildah add -q {row} {in}/ctx/added.tar /added; buildah config --env A=b --cmd /none {row}; buildah commit -q {row} made:{row}; buildah push -q made:{row} oci:{out}:v1", "buildah:made:{row}", newIDs},
	{buildahLess + "buildah commit -q {row} made:{row}; buildah push -q made:{row} oci-archive:{out}:v1", "buildah:made:{row}", newIDs},
	{buildahLess + "buildah commit -q --format docker {row} made:{row}; buildah push -q made:{row} docker-archive:{out}:made:{row}", "buildah:made:{row}", newIDs},
	{buildahLess + "buildah commit -q --squash {row} made:{row}; buildah push -q made:{row} oci:{out}:v1", "buildah:made:{row}", newIDs},
	{"buildah build -q --layers -t built:{row} {in}/ctx; buildah push -q built:{row} oci:{out}:v1", "buildah:built:{row}", newIDs},
	{"buildah build -q --squash -t built:{row} {in}/ctx; buildah push -q built:{row} dir:{out}", "buildah:built:{row}", newIDs},
	{"buildah manifest create list:{row}; buildah manifest add --all list:{row} oci:{in}/many:example.com/p/many:v1; buildah manifest push -q --all list:{row} oci:{out}:v1", "many other", newIDs},
	{"buildah manifest create list:{row}; buildah manifest add --all list:{row} oci-archive:{in}/many.tar; buildah manifest push -q --all list:{row} oci-archive:{out}:v1", "many other", newIDs},
	{"buildah manifest create list:{row}; buildah manifest add --all list:{row} oci-archive:{in}/many.tar; buildah manifest push -q --all --format oci list:{row} dir:{out}", "many other", newIDs},
}

// skopeoWriters copy from all transports to all.
func skopeoWriters() []writer {
	all := []writer{
		{"skopeo --dest-compress-format zstd oci:{in}/multi:{app} oci:{out}:v1", "app", newIDs},
		{"skopeo --dest-compress --dest-compress-format zstd docker-archive:{in}/multi.tar:{app} dir:{out} --format oci", "app", newIDs},
		{"skopeo --dest-compress docker-archive:{in}/multi.tar:{app} dir:{out}", "app", sameIDs},
		{"skopeo --dest-decompress oci:{in}/multi:{app} dir:{out}", "app", sameIDs},
		{"skopeo --dest-oci-accept-uncompressed-layers docker-archive:{in}/multi.tar:{app} oci:{out}:v1", "app", plainAsGzip},
		{"skopeo --format v2s2 oci:{in}/multi:{app} dir:{out}", "app", newIDs},
		{"skopeo --additional-tag example.com/more:v2 oci:{in}/multi:{app} docker-archive:{out}:example.com/more:v1", "app", newIDs},
		{"skopeo --all oci:{in}/many:example.com/p/many:v1 oci:{out}:v1", "many other", sameIDs},
		{"skopeo --all oci:{in}/many:example.com/p/many:v1 oci-archive:{out}:v1", "many other", sameIDs},
		{"skopeo --all oci-archive:{in}/many.tar:example.com/p/many:v1 dir:{out}", "many other", sameIDs},
		{"skopeo --all docker://{reg}/p/many:v1 dir:{out}", "many other", sameIDs},
		{"skopeo --all docker://{reg}/p/many:v1 oci:{out}:v1", "many other", sameIDs},
		{"skopeo oci:{in}/multi:{app} oci:{out}:v1; skopeo oci:{in}/multi:{small} oci:{out}:v2; skopeo oci:{in}/multi:{base} oci:{out}", "app small base", newIDs},
	}
	// All but dir: compress.
	for _, from := range []string{"docker-archive:{in}/multi.tar:{app}", "oci:{in}/multi:{app}", "dir:{in}/dir-app", "docker://{reg}/w/app:v1"} {
		for _, to := range []string{"docker-archive:{out}:example.com/copy:v1", "oci:{out}:v1", "oci-archive:{out}:v1", "dir:{out}"} {
			kind := newIDs
			if strings.HasPrefix(from, "docker-archive") && strings.HasPrefix(to, "dir") {
				kind = plainAsGzip
			}
			all = append(all, writer{strings.Join([]string{"skopeo", from, to}, " "), "app", kind})
		}
	}
	return all
}

const umociCopy = "skopeo oci:{in}/multi:{app} oci:{out}:v1; "

var umociWriters = []writer{
	{"umoci init --layout {out}; umoci new --image {out}:v1", "none", noLayers},
	{"umoci init --layout {out}; umoci new --image {out}:v1; umoci insert --image {out}:v1 {in}/ctx/files /data", "umoci:{out}:v1", newIDs},
	{umociCopy + "umoci insert --image {out}:v1 {in}/ctx/files /data", "umoci:{out}:v1", newIDs},
	{umociCopy + "umoci insert --image {out}:v1 --opaque {in}/ctx/files /old", "umoci:{out}:v1", newIDs},
	{umociCopy + "umoci insert --image {out}:v1 --whiteout /data/big", "umoci:{out}:v1", newIDs},
	{umociCopy + "umoci unpack --image {out}:v1 {tmp}; rm -r {tmp}/rootfs/old {tmp}/rootfs/bin/tool; cp {in}/ctx/files/one {tmp}/rootfs/bin/; umoci repack --image {out}:v1 {tmp}", "umoci:{out}:v1", newIDs},
	{umociCopy + "umoci config --image {out}:v1 --author me --config.env A=b", "app", newIDs},
	{umociCopy + "umoci raw add-layer --image {out}:v1 {in}/ctx/added.tar", "umoci:{out}:v1", newIDs},
	{umociCopy + "umoci config --image {out}:v1 --tag v2 --config.user 1000; umoci tag --image {out}:v2 v3; umoci gc --layout {out}", "app app", newIDs},
}

var ctrWriters = []writer{
	{"ctr images export {out} {app}", "app", sameIDs},
	{"ctr images export --skip-manifest-json {out} {app}", "app", sameIDs},
	{"ctr images export {out} {app} {small}", "app small", sameIDs},
	{"ctr images export {out} {base} example.com/w/base:latest", "base", sameIDs},
	{"ctr images export --platform linux/{arch} {out} example.com/p/many:v1", "many", sameIDs},
	{"ctr images export --all-platforms {out} example.com/p/many:v1", "many other", sameIDs},
	{"ctr images export --all-platforms --skip-manifest-json {out} example.com/p/many:v1", "many other", sameIDs},
	{"ctr images convert --oci {app} example.com/{row}:v1; ctr images export {out} example.com/{row}:v1", "app", newIDs},
	{"ctr images convert --oci --uncompress {base} example.com/{row}:v1; ctr images export {out} example.com/{row}:v1", "base", newIDs},
	{"ctr images tag {small} example.com/{row}:v1; ctr images export {out} example.com/{row}:v1", "small", sameIDs},
}

var craneWriters = []writer{
	{"crane pull {reg}/w/app:v1 {out}", "app", sameIDs},
	{"crane pull --format tarball {reg}/w/app:v1 {reg}/w/small:v1 {out}", "app small", sameIDs},
	{"crane pull --format legacy {reg}/w/app:v1 {out}", "app", newIDs},
	{"crane pull --format oci {reg}/w/app:v1 {out}", "app", sameIDs},
	{"crane pull --format oci --annotate-ref {reg}/w/app:v1 {reg}/w/small:v1 {out}", "app small", sameIDs},
	{"crane pull --format oci {reg}/p/many:v1 {out}", "many other", sameIDs},
	{"crane pull --format oci --platform linux/{arch} {reg}/p/many:v1 {out}", "many", sameIDs},
	{"crane pull --platform linux/{arch} {reg}/p/many:v1 {out}", "many", sameIDs},
	{"crane append -b {reg}/w/app:v1 -f {in}/ctx/added.tar -o {out} -t {reg}/{row}:v1; crane append -b {reg}/w/app:v1 -f {in}/ctx/added.tar -t {reg}/{row}:v1", "crane:{reg}/{row}:v1", newIDs},
	{"crane append --oci-empty-base -f {in}/ctx/added.tar -t {reg}/{row}:v1; crane pull --format oci {reg}/{row}:v1 {out}", "crane:{reg}/{row}:v1", newIDs},
	{"crane flatten {reg}/w/app:v1 -t {reg}/{row}:v1; crane pull {reg}/{row}:v1 {out}", "app", newIDs},
	{"crane mutate {reg}/w/app:v1 --label a=b -t {reg}/{row}:v1; crane pull --format oci {reg}/{row}:v1 {out}", "app", newIDs},
	{"crane index append --flatten=false -m {reg}/p/many:v1 -t {reg}/{row}:v1; crane pull --format oci {reg}/{row}:v1 {out}", "many other", sameIDs},
	{"crane index filter {reg}/p/many:v1 --platform linux/{arch} -t {reg}/{row}:v1; crane pull --format oci {reg}/{row}:v1 {out}", "many", sameIDs},
	{"crane export {reg}/w/app:v1 {out}", "", rootFS},
}

const regctlCopied = "regctl image copy {reg}/w/app:v1 ocidir://{out}:v1; "

var regctlWriters = []writer{
	{"regctl image export {reg}/w/app:v1 {out}", "app", sameIDs},
	{"regctl image export --name example.com/{row}:v1 {reg}/w/app:v1 {out}", "app", sameIDs},
	{"regctl image export --compress {reg}/w/app:v1 {out}", "app", sameIDs},
	{"regctl image export {reg}/p/many:v1 {out}", "many other", sameIDs},
	{"regctl image export --platform linux/{arch} {reg}/p/many:v1 {out}", "many", sameIDs},
	{"regctl image export ocidir://{in}/multi@{appdigest} {out}", "app", sameIDs},
	{"regctl image copy {reg}/w/app:v1 ocidir://{out}:v1", "app", sameIDs},
	{"regctl image copy {reg}/p/many:v1 ocidir://{out}:v1", "many other", sameIDs},
	{"regctl image copy --platform linux/{arch} {reg}/p/many:v1 ocidir://{out}:v1", "many", sameIDs},
	{regctlCopied + "regctl image copy {reg}/w/small:v1 ocidir://{out}:v2", "app small", sameIDs},
	{regctlCopied + "regctl image mod ocidir://{out}:v1 --replace --to-docker", "app", newIDs},
	{regctlCopied + "regctl image mod ocidir://{out}:v1 --replace --layer-compress zstd", "app", newIDs},
	{regctlCopied + "regctl image mod ocidir://{out}:v1 --replace --layer-compress none", "app", newIDs},
	{regctlCopied + "regctl image mod ocidir://{out}:v1 --replace --annotation a=b --label c=d", "app", newIDs},
	{"regctl image mod {reg}/p/many:v1 --create ocidir://{out}:v1 --data-max 100000", "many other", wrongData},
}
