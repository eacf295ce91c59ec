// Package inspect computes what is told about image archives. Summaries and
// histories are what an opened archive states; listings read its layers. Nothing
// is printed here.
package inspect
