package licence

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Platforms are those that imgtool is built for.
var Platforms = []string{
	"darwin/amd64", "darwin/arm64", "linux/386", "linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64",
}

// Modules gives the modules, sorted by path, with packages among those that args
// of go list name and among what these import, on a platform such as linux/amd64.
// The module of the working directory, and Go, are not among them. It downloads
// modules that are not there yet.
func Modules(platform string, args ...string) ([]Module, error) {
	packages, err := list(platform, args...)
	if err != nil {
		return nil, err
	}
	var modules []Module
	for key, folders := range packages {
		m := Module{Path: key.path, Version: key.version}
		if err := m.read(key.root, slices.Compact(slices.Sorted(slices.Values(folders)))); err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b Module) int { return cmp.Compare(a.Path, b.Path) })
	return modules, nil
}

type location struct{ path, version, root string }

// list gives the folders of packages by their module.
func list(platform string, args ...string) (map[location][]string, error) {
	const format = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"
	goos, goarch, _ := strings.Cut(platform, "/")
	out, err := run(append([]string{"list", "-deps", "-f", format}, args...), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	if err != nil {
		return nil, err
	}
	packages := map[location][]string{}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 4 {
			continue
		}
		key := location{fields[0], fields[1], fields[2]}
		packages[key] = append(packages[key], fields[3])
	}
	return packages, nil
}

// Go gives what every Go program is built of besides: the standard library and
// the runtime, of the Go that is on PATH.
func Go() (Module, error) {
	out, err := run([]string{"env", "GOVERSION", "GOROOT"})
	if err != nil {
		return Module{}, err
	}
	version, root, _ := strings.Cut(strings.TrimSpace(out), "\n")
	m := Module{Path: "std", Version: version}
	return m, m.read(filepath.Clean(root), nil)
}

// run runs the go command.
func run(args []string, env ...string) (string, error) {
	command := exec.Command("go", args...)
	command.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}
