package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgtool/imgtool/archive/claim"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// writeDir writes a new dir: folder.
func writeDir(ctx context.Context, path string, c *Content, opts WriteOptions) error {
	files, err := dirFiles(c)
	if err != nil {
		return err
	}
	vacant, err := isVacant(path)
	if err != nil {
		return err
	}
	if !vacant && abandonedMark(path, markOf(dirVersionFile)) == "" {
		return withHint(fmt.Errorf("folder is there and not empty: %w", fs.ErrExist), "name a new folder")
	}
	return newFolder(ctx, path, files, opts)
}

// markOf names the mark in a folder that is filled, after the file that comes last.
func markOf(last string) string { return last + "-filling" }

// writeLayout writes a new OCI layout folder, or adds to the one that is there.
func writeLayout(ctx context.Context, path string, c *Content, opts WriteOptions) error {
	vacant, err := isVacant(path)
	if err != nil {
		return err
	}
	if vacant || isFilling(path) {
		err := newFolder(ctx, path, layoutFiles(c), opts)
		if !errors.Is(err, errTaken) {
			return err
		}
	}
	for _, name := range []string{layoutFile, indexFile} {
		info, err := os.Lstat(filepath.Join(path, name))
		if isFault(err) {
			return err
		}
		if err != nil || !info.Mode().IsRegular() {
			return withHint(fmt.Errorf("it is there and has no %s: %w", name, fs.ErrExist), "name a new folder or an OCI layout")
		}
	}
	return addToLayout(ctx, path, c, opts)
}

// isVacant reports that nothing is at path, or an empty folder. It fails where that
// cannot be told.
func isVacant(path string) (bool, error) {
	entries, err := os.ReadDir(path)
	if isFault(err) {
		return false, err
	}
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0, nil
}

// isFilling reports a folder that may be about to become a layout: one to wait for.
func isFilling(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	_, err = os.Lstat(filepath.Join(path, layoutFile))
	return errors.Is(err, fs.ErrNotExist)
}

// newFolder writes files into a folder beside path, which then gets its name. An
// empty folder that is there is filled in place.
func newFolder(ctx context.Context, path string, files []file, opts WriteOptions) (err error) {
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		sweepBeside(path, opts.Warn)
		return fillEmpty(ctx, path, files, opts)
	}
	parent, name, err := openParent(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parent.Close()) }()
	claim.Sweep(parent, name, opts.warn)
	held, err := claim.Folder(parent, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release()) }()
	err = fillFolder(ctx, parent, held, files, opts)
	if err == nil {
		if err = parent.Rename(held.Name, name); err != nil {
			if vacant, fault := isVacant(path); fault == nil && !vacant {
				err = fmt.Errorf("%w: %w", errTaken, err)
			}
		}
	}
	if err != nil {
		return errors.Join(err, parent.RemoveAll(held.Name))
	}
	return syncFolder(parent, ".")
}

// fillFolder writes files into the folder below parent that is held.
func fillFolder(ctx context.Context, parent *os.Root, held *claim.Claim, files []file, opts WriteOptions) error {
	root, err := parent.OpenRoot(held.Name)
	if err != nil {
		return err
	}
	_, err = writeFiles(ctx, root, held, files, opts)
	return errors.Join(err, root.Close())
}

// writeFiles writes files below root, several at a time, and leaves those alone
// that are there and right. The files get their names, in order, when all are
// written and durable; until then they have names of c. It gives those that have
// their names, on an error too.
func writeFiles(ctx context.Context, root *os.Root, c *claim.Claim, files []file, opts WriteOptions) ([]*pending, error) {
	folders := []string{"."}
	for i := range files {
		if files[i].isFolder() {
			folders = append(folders, files[i].name)
			if err := root.MkdirAll(files[i].name, 0o777); err != nil {
				return nil, err
			}
		}
	}
	written, err := writePending(ctx, root, c, files, opts)
	if err != nil {
		return nil, err
	}
	named, err := nameAll(ctx, written, opts)
	for _, name := range folders {
		if err == nil {
			err = syncFolder(root, name)
		}
	}
	return named, err
}

// writePending writes the files that are not there yet beside their places.
func writePending(ctx context.Context, root *os.Root, c *claim.Claim, files []file, opts WriteOptions) ([]*pending, error) {
	all := make([]*pending, len(files))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(opts.jobs())
	for i := range files {
		if files[i].isFolder() {
			continue
		}
		group.Go(func() (err error) {
			f := &files[i]
			if f.blob == nil || !isStored(groupCtx, root, f.name, f.blob.Descriptor, opts) {
				all[i], err = writeFile(groupCtx, root, c, f, opts)
			}
			return err
		})
	}
	err := group.Wait()
	written := slices.DeleteFunc(all, func(p *pending) bool { return p == nil })
	if err != nil {
		return nil, errors.Join(err, discardAll(written))
	}
	return written, nil
}

// writeFile writes one file beside its place.
func writeFile(ctx context.Context, root *os.Root, c *claim.Claim, f *file, opts WriteOptions) (*pending, error) {
	p, err := createPending(root, f.name, c)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.copyTo(ctx, p, opts), p.Close()); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	return p, nil
}

// nameAll makes what was written durable, and then gives it its names. It gives
// those that it named.
func nameAll(ctx context.Context, written []*pending, opts WriteOptions) ([]*pending, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(opts.jobs())
	for _, p := range written {
		group.Go(func() error { return errors.Join(ctx.Err(), p.sync()) })
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, discardAll(written))
	}
	for i, p := range written {
		if err := p.rename(); err != nil {
			return written[:i], errors.Join(err, discardAll(written[i:]))
		}
	}
	return written, nil
}

func discardAll(written []*pending) error {
	var errs []error
	for _, p := range written {
		errs = append(errs, p.discard())
	}
	return errors.Join(errs...)
}

// isStored reports that the file name is d already. It is read to be sure: a
// layout that is damaged is mended by adding to it, not trusted.
func isStored(ctx context.Context, root *os.Root, name string, d ocispec.Descriptor, opts WriteOptions) bool {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != d.Size {
		return false
	}
	file, err := root.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	digest, err := hashing(ctx, io.Discard, fileBlob{file, d.Size}, d.Digest.Algorithm(), opts.Progress)
	return err == nil && digest == d.Digest
}

// addToLayout adds to the layout at path: blobs first, index.json last and at
// once, so that readers see a whole layout at any time. Other imgtool processes
// that add to it wait for each other. Nothing is written outside the folder,
// whatever links it holds. Blobs that a failure leaves there are named by
// nothing.
func addToLayout(ctx context.Context, path string, c *Content, opts WriteOptions) (err error) {
	members, err := openFolder(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, members.Close()) }()
	silent := WriteOptions{}
	if _, err := joinedIndex(members, c, silent); err != nil { // before anything is written
		return err
	}
	sweepBeside(path, opts.Warn)
	sweepFolder(members.root, layoutFile, opts)
	mark, err := claim.Mark(members.root, markOf(layoutFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mark.Discard()) }()
	if _, err := writeFiles(ctx, members.root, mark, blobFiles(c), opts); err != nil {
		return err
	}
	unlock, err := lockLayout(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	index, err := joinedIndex(members, c, opts)
	if err != nil {
		return err
	}
	_, err = writeFiles(ctx, members.root, mark, []file{{name: indexFile, data: index}}, opts)
	return err
}

// joinedIndex is the index.json of the layout with the images of c in it.
func joinedIndex(members *folder, c *Content, opts WriteOptions) ([]byte, error) {
	raw, err := newLoader(&Archive{members: members}, OpenOptions{}).member(indexFile)
	if err != nil {
		return nil, err
	}
	old, err := rawDescriptors(raw)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", indexFile, err)
	}
	fields, err := indexFields(raw)
	if err != nil {
		return nil, err
	}
	for key, value := range c.IndexFields {
		if have, ok := fields[key]; ok && !SameJSON(have, value) {
			opts.warn("%s field %q stays as it is in the layout", indexFile, key)
			continue
		}
		fields[key] = value
	}
	roots := make([]root, len(old))
	for i, raw := range old {
		if roots[i], err = parseRoot(raw); err != nil {
			return nil, fmt.Errorf("read %s: descriptor %d: %w", indexFile, i, err)
		}
	}
	roots = joinRoots(roots, rootsOf(c.Images), opts.warn)
	index := indexJSON(fields, roots)
	return index, checkIndex(index, len(roots))
}
