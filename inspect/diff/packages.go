package diff

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/packages"
	"golang.org/x/sync/errgroup"
)

// databases are folders in which packages.Find looks under a fixed name. Where
// one of them, or what it lies in, is replaced, files that did not change can tell
// of other packages.
var databases = []string{"var/lib/dpkg/status.d", "var/lib/dpkg/status", "lib/apk/db", "usr/lib/apk/db", "var/lib/rpm", "usr/lib/sysimage/rpm"}

// touch notes what differs, whether or not it is told, for packages: files that
// may tell of others now.
func (c *comparison) touch(found layer.Change) {
	const content = layer.Added | layer.Removed | layer.TypeChanged | layer.ContentChanged | layer.LinkChanged
	if found.Aspects&content == 0 {
		return
	}
	c.touched[found.Path] = true
	for _, i := range []*layer.Inode{found.Before, found.After} {
		if i == nil || i.Type == layer.Regular || i.Type == layer.Dir && found.Aspects&layer.TypeChanged == 0 {
			continue
		}
		for _, db := range databases {
			c.moved = c.moved || db == found.Path || strings.HasPrefix(db, found.Path+"/")
		}
	}
}

// packages compares the packages of both sides. Files that are the same on both
// are not read. Problems are told one line each.
func (c *comparison) packages(ctx context.Context) (changed []Package, problems []string, err error) {
	if c.ignores("packages") || len(c.touched) == 0 {
		return nil, nil, nil
	}
	var opts packages.Options
	if !c.moved {
		opts.Skip = func(f layer.File) bool { return !c.touched[f.Path] }
	}
	var found [2][]packages.Package
	var faults [2][]packages.Problem
	group, ctx := errgroup.WithContext(ctx)
	for i, side := range []struct {
		f *filesystem
		t *layer.Tree
	}{{c.a, c.trees.a}, {c.b, c.trees.b}} {
		group.Go(func() (err error) {
			if found[i], faults[i], err = packages.Find(ctx, side.f.stack, side.t, opts); err != nil {
				return fmt.Errorf("side %c: packages: %w", 'A'+i, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for i := range faults {
		for _, fault := range faults[i] {
			problems = append(problems, fmt.Sprintf("side %c: %s: %s: %v", 'A'+i, fault.Type, absolute(fault.Path), fault.Err))
		}
	}
	return comparePackages(found[0], found[1]), problems, nil
}

// comparePackages pairs packages of one type, name, architecture and place. Where
// the place has the version in its name, as Python's has, the folder around it
// counts.
func comparePackages(a, b []packages.Package) []Package {
	place := func(p packages.Package) string { return p.Path }
	around := func(p packages.Package) string { return path.Dir(path.Dir(p.Path)) }
	_, a, b = pairUp(a, b, packageKey(func(p packages.Package) string { return p.Path + "\x00" + p.Version }))
	here, a, b := pairUp(a, b, packageKey(place))
	near, a, b := pairUp(a, b, packageKey(around))
	var out []Package
	for _, p := range append(here, near...) {
		if p[0].Version != p[1].Version {
			out = append(out, newPackage(Changed, p[1], p[0].Version, p[1].Version))
		}
	}
	for _, p := range a {
		out = append(out, newPackage(Removed, p, p.Version, ""))
	}
	for _, p := range b {
		out = append(out, newPackage(Added, p, "", p.Version))
	}
	slices.SortStableFunc(out, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Before, b.Before), cmp.Compare(a.After, b.After))
	})
	return out
}

func packageKey(place func(packages.Package) string) func(packages.Package) []string {
	return func(p packages.Package) []string {
		return []string{strings.Join([]string{string(p.Type), p.Name, p.Arch, place(p)}, "\x00")}
	}
}

func newPackage(kind Kind, p packages.Package, before, after string) Package {
	return Package{Kind: kind, Type: string(p.Type), Name: p.Name, Arch: p.Arch, Path: absolute(p.Path), Before: before, After: after}
}
