// Package archivetest builds container image archives for tests from a text
// listing: every form that real tools write, whole or damaged on purpose. The
// same listing gives the same bytes every time. It imports no other package of
// this module, so that a reader under test is never checked against itself.
//
// Everything is built in memory, so a listing should stay below some hundred
// megabytes.
//
// A listing is line based. Two spaces of indentation put a line below the one
// before it, a word that starts with # begins a comment, and any word may be a
// Go string in double quotes or back quotes:
//
//	format docker-save
//	image app:v1 app:latest
//	  platform linux/arm64/v8
//	  layer
//	    dir etc
//	    file etc/motd "hello\n" mode=0600 uid=1000
//	  layer
//	    whiteout etc/motd
//
// # Whole archive
//
//	format NAME           see below; the one line that every listing needs
//	outer KIND            compress the tar: gzip, zstd, xz, gzip-members (several gzip members, joined)
//	media oci|docker      media types of indexes, manifests, configs and layers; default oci
//	prefix ./             put before every member name
//	no-end                leave out the end-of-archive blocks
//	tail BYTES            append to the finished file
//	truncate N            cut the finished file (after tail) to N bytes; a negative N cuts -N bytes off
//	extra PATH CONTENT    add a file
//	index-field KEY JSON  a field of index.json in a layout; KEY may be manifests.0.KEY
//	replace PATH CONTENT  change a file's content after its digest was taken
//	remove PATH           leave a member out
//	flip PATH OFFSET      invert the lowest bit of one byte; a negative OFFSET counts from the end
//
// # Formats
//
//	docker-save            Docker 1.10 to 24: layer folders, shared layers as symlinks, repositories
//	docker-save-1.0        repositories and parent chains only, no manifest.json; an empty line becomes an empty layer
//	docker-save-podman     skopeo and podman: DIFFID.tar, and symlinks to it from layer folders
//	docker-save-crane      config named sha256:HEX, layers HEX.tar.gz, whatever their compression
//	docker-save-bare       config.json, layer0.tar, layer1.tar and so on
//	docker-hybrid          Docker 25 to 28: OCI layout and manifest.json over the same plain layers
//	docker-hybrid-25.0     the same, but the OCI manifests have null for layers
//	docker-hybrid-25.0-null  the same, but index.json has null for manifests
//	docker-containerd      Docker 29: OCI layout and manifest.json, gzip layers, no repositories
//	oci-archive, oci       OCI layout in a tar, or as a folder
//	dir                    skopeo's dir: folder; holds one image or index and no name
//	tar                    a plain tar; entries stand at top level and there are no images
//
// Layers are gzip in docker-save-crane, docker-containerd, oci-archive, oci and
// dir, and plain in the others, unless they say otherwise.
//
// # Images
//
//	image [NAME...]             at top level
//	image [absent]              below an index; absent means named by the index but not stored
//	  platform OS/ARCH[/VARIANT]  default linux/amd64
//	  created TIME|none           RFC 3339
//	  env K=V, label K V, user U, workdir DIR, entrypoint WORD..., cmd WORD...
//	  annotation K V              of the manifest
//	  config-field KEY JSON       the rest of the line is JSON; replaces a field of that name; config.KEY goes inside config
//	  manifest-field KEY JSON     the same in the manifest
//	  layer [COMPRESSION] [absent] [no-end]  absent means named but not stored
//	    ENTRY
//	  history TEXT|none           created_by of the last layer; none leaves out all history
//	  empty TEXT                  a history entry without a layer
//	index [NAME...]             a nested index; below an index it takes absent, too
//	  annotation K V
//	  image, index, artifact TYPE, referrer TYPE
//	  attestation                 BuildKit's, for the image before it
//	artifact NAME TYPE          a manifest with artifactType, the empty config and one blob
//	referrer TYPE               an artifact whose subject is the image or index before it
//
// COMPRESSION is plain, gzip, gzip-members, zstd, zstd-frames (two frames among
// skippable ones) or xz. A layer with no-end has no end-of-archive blocks.
//
// The docker-save formats keep the first image of an index that is not absent
// and drop the other children; docker-hybrid and docker-containerd keep all,
// and name that first one in manifest.json.
//
// # Entries
//
//	dir PATH, file PATH CONTENT, random PATH SIZE [SEED], fifo PATH
//	symlink PATH TARGET, hardlink PATH TARGET
//	char PATH MAJOR MINOR, block PATH MAJOR MINOR
//	whiteout PATH, opaque DIR
//	raw BYTES
//
// SIZE is bytes, or a number with KiB, MiB or GiB; content follows from SEED
// alone, which is PATH unless given. After these come options: mode= (octal),
// uid=, gid=, uname=, gname=, mtime= (Unix seconds, with a fraction), xattr.NAME=, pax.NAME=
// and format= (ustar, pax, gnu). The BYTES of raw stand in the tar as they are:
// headers that the others cannot describe, or what follows the end.
//
// # Paths in edits
//
// The PATH of extra, replace, remove and flip is a member name without the
// prefix, or one of these, with numbers from 0 in listing order:
//
//	@index           index.json, or manifest.json in dir
//	@NAME            NAME
//	blob:config:I, blob:manifest:I, blob:layer:I:J   of image I, children of indexes counted
//	blob:index:K     nested index K
//	blob:artifact:K  manifest of attestation, artifact or referrer K
package archivetest
