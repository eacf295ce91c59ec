// Package licence tells the modules that a program is built of and the licences
// that they are under.
package licence

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// Module is a module with packages in a program.
type Module struct {
	Path, Version string
	// SPDX is the expression of all licences that its packages are under.
	SPDX string
	// Texts are its licences and notices.
	Texts []Text
}

// Text is the content of a file that tells of a licence.
type Text struct {
	Name    string // slash-separated, below the module
	Content []byte
}

// sure is how much of a licence file must be the words of known licences, in
// percent. Less means that something else stands there too.
const sure = 75

// isText tells names of files with licences or notices. Those of documentation
// do not count: it is not part of a program.
var isText = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|unlicense)(\.txt|\.md|[-.](apache|bsd|isc|mit|mpl)[^/]*)?$`)

// isTerms tells which of them must hold a known licence.
var isTerms = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)`)

// read finds the licences of a module: the files in the folders of its packages
// and above them, or where there are none, what the sources begin with.
func (m *Module) read(root string, packages []string) error {
	folders := map[string]bool{root: true}
	for _, folder := range packages {
		for ; folder != root && strings.HasPrefix(folder, root); folder = filepath.Dir(folder) {
			folders[folder] = true
		}
	}
	licences := map[string]bool{}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		if err := m.readFolder(root, folder, licences); err != nil {
			return fmt.Errorf("%s@%s: %w", m.Path, m.Version, err)
		}
	}
	if len(licences) == 0 {
		if err := m.readHeaders(packages, licences); err != nil {
			return fmt.Errorf("%s@%s: %w", m.Path, m.Version, err)
		}
	}
	m.SPDX = strings.Join(slices.Sorted(maps.Keys(licences)), " AND ")
	return nil
}

func (m *Module) readFolder(root, folder string, licences map[string]bool) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !isText.MatchString(entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		m.Texts = append(m.Texts, Text{filepath.ToSlash(name), content})
		if !isTerms.MatchString(entry.Name()) {
			continue
		}
		if err := classify(content, sure, licences); err != nil {
			return fmt.Errorf("%s: %w", filepath.ToSlash(name), err)
		}
	}
	return nil
}

// readHeaders takes the comment that each source begins with as its licence.
func (m *Module) readHeaders(packages []string, licences map[string]bool) error {
	for _, folder := range packages {
		sources, err := fs.Glob(os.DirFS(folder), "*.go")
		if err != nil {
			return err
		}
		for _, name := range sources {
			content, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			header, _, _ := strings.Cut(string(content), "\npackage ")
			if err := classify([]byte(header), 0, licences); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			m.Texts = append(m.Texts, Text{name, []byte(header)})
		}
	}
	if len(licences) == 0 {
		return errors.New("no licence")
	}
	return nil
}

// classify adds the licences that text holds to licences.
func classify(text []byte, least float64, licences map[string]bool) error {
	found := licensecheck.Scan(text)
	if len(found.Match) == 0 {
		return errors.New("no licence that is known")
	}
	if found.Percent < least {
		return fmt.Errorf("only %.0f%% are words of known licences", found.Percent)
	}
	for _, match := range found.Match {
		licences[match.ID] = true
	}
	return nil
}
