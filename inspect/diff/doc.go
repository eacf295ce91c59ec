// Package diff compares container images at every level: names and annotations,
// index and platforms, manifest, config, history, layers, the merged filesystem,
// sizes of folders, and packages. [Archives] compares images of two archives,
// [Layers] two layers of one image, and [Effect] tells what one layer did. All give
// a [Report], which [WriteJSON], [WriteMarkdown] and [WriteHTML] show.
//
// Digests and diffIDs count as the archives state them: layers of one diffID are
// the same layer, and are not read to find that out. `imgtool verify` proves them.
package diff
