// Package verify proves that an image archive is whole, truthful and safe, and
// tells which engines would refuse it.
//
// [Archive] looks at everything that can be reached from the images of an opened
// archive: it reads every blob once, hashes it as stored and uncompressed, and
// goes on after the first finding. Findings are values with a rule, a severity and
// a place; an error means that the question could not be answered.
package verify
