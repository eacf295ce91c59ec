package packages

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// fields calls each for every line `Key: value` of r, for an empty line with
// empty strings, and stops at its first error. Lines that go on begin with a blank
// and are passed over (deb-control(5), RFC 822). It fails at a line of another
// form.
func fields(r io.Reader, each func(key, value string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	number := 0
	for s.Scan() {
		number++
		line := s.Text()
		key, value, ok := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "":
			key, value = "", ""
		case line[0] == ' ', line[0] == '\t':
			continue
		case !ok, key == "":
			return fmt.Errorf("line %d has no name of a field", number)
		}
		if err := each(key, strings.TrimSpace(value)); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: %w", number+1, tooLarge("a line", maxLine, maxLine))
	}
	return s.Err()
}

// stanzas calls each with the fields of every paragraph that has one of keys, in
// the spelling of keys.
func stanzas(r io.Reader, keys map[string]string, each func(map[string]string) error) error {
	stanza := map[string]string{}
	end := func() error {
		if len(stanza) == 0 {
			return nil
		}
		err := each(stanza)
		clear(stanza)
		return err
	}
	err := fields(r, func(key, value string) error {
		if key == "" {
			return end()
		}
		if name, ok := keys[key]; ok {
			stanza[name] = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	return end()
}

var dpkgKeys = map[string]string{"Package": "name", "Status": "status", "Version": "version", "Architecture": "arch"}

// parseDpkg reads a status file (deb-control(5), dpkg(1) "Package states"). A
// package counts whose files are all there, those that wait for triggers too.
// Files of distroless images have no status: what they tell of is there.
func parseDpkg(in *input, add add) error {
	return stanzas(in, dpkgKeys, func(s map[string]string) error {
		if status, ok := s["status"]; ok {
			words := strings.Fields(status)
			if len(words) != 3 {
				return fmt.Errorf("package %q has the status %q", s["name"], status)
			}
			switch words[2] {
			case "installed", "triggers-awaited", "triggers-pending":
			default:
				return nil
			}
		}
		return add(s["name"], s["version"], s["arch"])
	})
}

var apkKeys = map[string]string{"P": "name", "V": "version", "A": "arch"}

// parseAPK reads the database of apk (apk-tools, "Installed Database V2"), whose
// fields have one letter.
func parseAPK(in *input, add add) error {
	return stanzas(in, apkKeys, func(s map[string]string) error { return add(s["name"], s["version"], s["arch"]) })
}

// errKnown ends the reading of metadata.
var errKnown = errors.New("all is known")

// parsePython reads METADATA or PKG-INFO (packaging.python.org, "Core metadata
// specifications"): fields up to an empty line, behind which is a description.
func parsePython(in *input, add add) error {
	var name, version string
	err := fields(in, func(key, value string) error {
		switch {
		case strings.EqualFold(key, "Name"):
			name = value
		case strings.EqualFold(key, "Version"):
			version = value
		}
		if key == "" || name != "" && version != "" {
			return errKnown
		}
		return nil
	})
	if err != nil && !errors.Is(err, errKnown) {
		return err
	}
	return add(name, version, "")
}
