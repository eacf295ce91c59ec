package packages

import (
	"path"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive/layer"
)

// source is how one kind of file tells of packages.
type source struct {
	kind  Type
	parse func(f *finder, in *input, add add) error
}

// The sources. A database of rpm tells by its first bytes what it is.
var (
	dpkgSource   = source{Dpkg, streamed(parseDpkg)}
	apkSource    = source{APK, streamed(parseAPK)}
	rpmSource    = source{RPM, held(maxDatabase, parseRPM)}
	walSource    = source{RPM, streamed(refuseLog)}
	pythonSource = source{Python, streamed(parsePython)}
	npmSource    = source{NPM, streamed(parseNPM)}
	goSource     = source{Go, parseExecutable}
)

// streamed makes a source of what is read forward.
func streamed(parse func(in *input, add add) error) func(*finder, *input, add) error {
	return func(_ *finder, in *input, add add) error { return parse(in, add) }
}

// databases are the paths of databases; links on the way are followed.
var databases = map[string]source{
	"var/lib/dpkg/status":                   dpkgSource,
	"lib/apk/db/installed":                  apkSource,
	"usr/lib/apk/db/installed":              apkSource,
	"var/lib/rpm/Packages":                  rpmSource,
	"var/lib/rpm/Packages.db":               rpmSource,
	"var/lib/rpm/rpmdb.sqlite":              rpmSource,
	"var/lib/rpm/rpmdb.sqlite-wal":          walSource,
	"usr/lib/sysimage/rpm/Packages":         rpmSource,
	"usr/lib/sysimage/rpm/Packages.db":      rpmSource,
	"usr/lib/sysimage/rpm/rpmdb.sqlite":     rpmSource,
	"usr/lib/sysimage/rpm/rpmdb.sqlite-wal": walSource,
}

// statusFolder has a file for each package of distroless images.
const statusFolder = "var/lib/dpkg/status.d"

// places are the files of one tree that tell of packages.
type places struct {
	fixed    map[string]source // by their real path
	statuses string            // real path of statusFolder
}

func findPlaces(t *layer.Tree) places {
	p := places{fixed: map[string]source{}, statuses: statusFolder}
	for name, s := range databases {
		if at, err := t.Stat(name); err == nil { // one that is not there is no fault
			p.fixed[at.Path] = s
		}
	}
	if at, err := t.Stat(statusFolder); err == nil {
		p.statuses = at.Path
	}
	return p
}

// source tells how a file tells of packages, if it does.
func (p places) source(f layer.File) (source, bool) {
	if s, ok := p.fixed[f.Path]; ok {
		return s, f.Size > 0 || s.kind != RPM // rpm makes empty ones, and they have none
	}
	dir, base := path.Split(f.Path)
	dir = strings.TrimSuffix(dir, "/")
	switch {
	case dir == p.statuses:
		return dpkgSource, !strings.HasSuffix(base, ".md5sums")
	case isPython(dir, base):
		return pythonSource, true
	case base == "package.json" && isModule(dir):
		return npmSource, true
	}
	return goSource, f.Mode&0o111 != 0 && f.Size > 0
}

// isPython reports the metadata of an installed distribution (packaging.python.org,
// "Recording installed projects", and the older forms of setuptools).
func isPython(dir, base string) bool {
	parent, folder := path.Split(dir)
	switch {
	case base == "METADATA" && strings.HasSuffix(folder, ".dist-info"),
		base == "PKG-INFO" && strings.HasSuffix(folder, ".egg-info"):
		return inSitePackages(strings.TrimSuffix(parent, "/"))
	}
	return strings.HasSuffix(base, ".egg-info") && inSitePackages(dir)
}

func inSitePackages(dir string) bool {
	return slices.Contains([]string{"site-packages", "dist-packages"}, path.Base(dir))
}

// isModule reports node_modules/NAME and node_modules/@SCOPE/NAME.
func isModule(dir string) bool {
	parent, name := path.Split(dir)
	parent = strings.TrimSuffix(parent, "/")
	if strings.HasPrefix(path.Base(parent), "@") {
		parent = path.Dir(parent)
	}
	return path.Base(parent) == "node_modules" && !strings.HasPrefix(name, "@") && !strings.HasPrefix(name, ".")
}
