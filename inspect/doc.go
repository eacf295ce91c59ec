// Package inspect computes what is told about image archives. It reads what an
// opened archive states, and prints nothing.
package inspect
