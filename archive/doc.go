// Package archive opens and writes container image archives: docker-save
// tarballs of every age, OCI layouts in folders and tars, and skopeo's dir:
// folders.
//
// [Open] turns any of them into the same thing: images as OCI descriptors, the
// raw bytes of their manifests and configs beside the parsed values, and blobs
// that are sections of the file. [Write] takes such images, from one archive or
// from several, and writes any form. Past these two calls nobody has to know
// which form an archive has.
//
// Nothing an archive says is trusted: sizes and digests are claims until
// [Copy] or [Write] has read the bytes.
package archive
