package packages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/imgtool/imgtool/archive/layer"
)

// Type says who manages a package.
type Type string

// The types of package.
const (
	Dpkg   Type = "dpkg"
	APK    Type = "apk"
	RPM    Type = "rpm"
	Python Type = "python"
	NPM    Type = "npm"
	Go     Type = "go"
)

// Package is an installed package. Its strings are as they stand in the image,
// which nobody vouches for.
type Package struct {
	Type    Type
	Name    string
	Version string // empty where none is told; rpm's is epoch:version-release
	Arch    string // empty where none is told
	// Path is the database or file that tells of the package, as [layer.File] has
	// it.
	Path string
}

// Problem is a file that should tell of packages and cannot be understood. What
// it told before that was found counts.
type Problem struct {
	Type Type
	Path string // as [layer.File] has it
	Err  error
}

func (p Problem) Error() string { return fmt.Sprintf("%s packages of %q: %v", p.Type, p.Path, p.Err) }

// Unwrap gives the cause.
func (p Problem) Unwrap() error { return p.Err }

// Options says where to look. The zero value looks everywhere.
type Options struct {
	// Skip is true for files that are not to be read, such as those that are known
	// to hold nothing new. Nil skips none.
	Skip func(layer.File) bool
}

// Limits, in bytes. What passes one becomes a [Problem] that matches
// [layer.ErrTooLarge].
const (
	maxText       = 64 << 20 // of all packages together, 128 for each besides its strings
	maxValue      = 4 << 10  // of a name, version or architecture
	maxLine       = 1 << 20  // of a database of lines
	maxDocument   = 1 << 20  // of a package.json
	maxDatabase   = 1 << 30  // of rpm
	maxHeader     = 8 << 20  // of one package of rpm
	maxExecutable = 2 << 30
)

// maxProblems is how many problems are told.
const maxProblems = 1000

// Find gives the packages that the tree holds, sorted, each once, and what could
// not be understood, sorted by path. The tree must be what the stack's layers
// merge to. It fails where a layer cannot be read.
//
// Each layer that holds something of use is read once, as [layer.Stack.Visit]
// says; almost every layer with programs is among them. One content at a time is
// held: up to 8 MiB in memory, more of it in a temporary file of the stack, which
// is needed only for databases of rpm and executables above that in compressed
// layers. Memory is below 32 MiB besides the packages, which take at most about
// 64 MiB, and what reading a layer takes.
func Find(ctx context.Context, stack *layer.Stack, tree *layer.Tree, opts Options) (found []Package, problems []Problem, err error) {
	f := &finder{places: findPlaces(tree), hold: holder{temp: stack.Temp}}
	defer func() { err = errors.Join(err, f.hold.Close()) }()
	want := func(file layer.File) bool {
		_, ok := f.places.source(file)
		return ok && (opts.Skip == nil || !opts.Skip(file))
	}
	err = stack.Visit(ctx, tree, want, func(file layer.File, content io.Reader) error {
		return f.read(ctx, file, content)
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(f.packages, compare)
	slices.SortFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Type, b.Type))
	})
	return slices.Compact(f.packages), f.problems, nil
}

func compare(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version),
		cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Path, b.Path))
}

// finder gathers what is found.
type finder struct {
	places   places
	hold     holder
	packages []Package
	problems []Problem
	text     int64
}

// add takes a package of which a source tells. It fails where that cannot be one.
type add func(name, version, arch string) error

// read takes the packages of one file. Its error is one of reading the layer:
// what is wrong with the content becomes a problem.
func (f *finder) read(ctx context.Context, file layer.File, content io.Reader) error {
	source, _ := f.places.source(file)
	in := &input{ctx: ctx, r: content, size: file.Size}
	err := source.parse(f, in, func(name, version, arch string) error {
		return f.take(Package{source.kind, name, version, arch, file.Path})
	})
	if in.err != nil {
		return in.err
	}
	if err != nil && len(f.problems) < maxProblems {
		if len(f.problems) == maxProblems-1 {
			err = fmt.Errorf("%w; further problems are not told", err)
		}
		f.problems = append(f.problems, Problem{source.kind, file.Path, err})
	}
	return nil
}

func (f *finder) take(p Package) error {
	if p.Name == "" {
		return errors.New("a package has no name")
	}
	for _, value := range []string{p.Name, p.Version, p.Arch} {
		if len(value) > maxValue {
			return tooLarge("a name or version", int64(len(value)), maxValue)
		}
	}
	f.text += int64(128 + len(p.Name) + len(p.Version) + len(p.Arch))
	if f.text > maxText {
		return tooLarge("all packages", f.text, maxText)
	}
	f.packages = append(f.packages, p)
	return nil
}

func tooLarge(what string, n, limit int64) error {
	return fmt.Errorf("%s of %d bytes: %w of %d", what, n, layer.ErrTooLarge, limit)
}

// input is the content of a file. It keeps what reading the layer failed with, so
// that it is not taken for a fault of the content.
type input struct {
	ctx  context.Context // of one Find; it is over when that is
	r    io.Reader
	size int64
	err  error
}

// Read implements [io.Reader].
func (in *input) Read(p []byte) (int, error) {
	if in.err = in.ctx.Err(); in.err != nil {
		return 0, in.err
	}
	n, err := in.r.Read(p)
	if err != nil && err != io.EOF {
		in.err = err
	}
	return n, err
}
