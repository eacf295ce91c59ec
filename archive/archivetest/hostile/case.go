package hostile

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive/archivetest"
)

// Case is one archive.
type Case struct {
	// Name is made of lower-case letters, digits and hyphens, and is unique.
	Name string
	// About tells in one sentence what is wrong and what must happen.
	About string
	// Rules are the rules of imgtool verify (docs/rules.md) that must find it.
	// None means that no finding is asked for.
	Rules []string
	// Host cases are unpacked as far as the file system of the machine takes what
	// they have, such as attributes and times.
	Host bool
	// Heavy cases are large, or take long to make or to read.
	Heavy bool
	// Memory is what any command may take for it, in MiB. Zero means 192.
	Memory int64

	write func(path string) error
}

// Write makes the archive at path, a file or a folder. Its parent folder must be
// there, and nothing at path itself.
func (c Case) Write(path string) error {
	if err := c.write(path); err != nil {
		return fmt.Errorf("make %s: %w", c.Name, err)
	}
	return nil
}

// Cases gives all cases, those of one kind together, always in the same order.
func Cases() []Case {
	return slices.Concat(
		outerCases(), truncatedCases(), memberCases(), typeCases(), folderCases(),
		documentCases(), listCases(), nameCases(), descriptorCases(), indexCases(),
		layerCases(), streamCases(), dialectCases(), numberCases(), metadataCases(),
		pathCases(), linkCases(), hardlinkCases(), whiteoutCases(), terminalCases(),
		limitCases(), heavyCases(),
	)
}

// rules lists rule IDs without the IMG- that all have.
func rules(ids ...string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = "IMG-" + id
	}
	return out
}

// bytesOf writes a file.
func bytesOf(data string) func(string) error {
	return func(path string) error { return os.WriteFile(path, []byte(data), 0o644) }
}

// listed writes what a listing of archivetest describes.
func listed(lines ...string) func(string) error {
	return func(path string) error {
		spec, err := archivetest.Parse(strings.Join(lines, "\n"))
		if err != nil {
			return err
		}
		return spec.Write(path)
	}
}

// good is an image as there are many; the layers of other formats look the same.
const good = "image app:v1\n  layer\n    dir etc\n    file etc/motd \"hello\\n\"\n  layer\n    file usr/bin/app \"app\"\n    symlink bin usr/bin"
