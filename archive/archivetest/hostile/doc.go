// Package hostile makes container image archives that are corrupt, hostile or odd
// on purpose, for tests of whatever reads archives: files cut short, lists that lie,
// tars that want out of their folder, bombs, and forms so rare that they look like
// any of these. Everything is made by code, the same bytes every time.
//
// Each [Case] says what is wrong with it and what a reader must make of it. The
// command in scripts/hostile writes all of them to a folder:
//
//	go run github.com/imgtool/imgtool/scripts/hostile corpus
//
// The package imports nothing of this module but archivetest, so that no reader
// under test is checked against itself.
package hostile
