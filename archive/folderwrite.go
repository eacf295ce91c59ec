package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// writeDir writes a new dir: folder.
func writeDir(ctx context.Context, path string, c *Content, opts WriteOptions) error {
	files, err := dirFiles(c)
	if err != nil {
		return err
	}
	if !isVacant(path) {
		return withHint(fmt.Errorf("folder is there and not empty: %w", fs.ErrExist), "name a new folder")
	}
	return newFolder(ctx, path, files, opts)
}

// writeLayout writes a new OCI layout folder, or adds to the one that is there.
func writeLayout(ctx context.Context, path string, c *Content, opts WriteOptions) error {
	if isVacant(path) {
		return newFolder(ctx, path, layoutFiles(c), opts)
	}
	if _, err := os.Stat(filepath.Join(path, layoutFile)); err != nil {
		return withHint(fmt.Errorf("it is there and no OCI layout: %w", fs.ErrExist), "name a new folder or an OCI layout")
	}
	return addToLayout(ctx, path, c, opts)
}

// isVacant reports that nothing is at path, or an empty folder.
func isVacant(path string) bool {
	entries, err := os.ReadDir(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

// newFolder writes files into a folder beside path, which then gets its name.
func newFolder(ctx context.Context, path string, files []file, opts WriteOptions) error {
	path = filepath.Clean(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	made, err := createPendingFolder(path)
	if err != nil {
		return err
	}
	err = writeFiles(ctx, made, files, opts)
	if err == nil {
		err = commitFolder(made, path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(made))
	}
	return nil
}

// writeFiles writes files below folder, several at a time, and leaves those
// alone that are there and right.
func writeFiles(ctx context.Context, folder string, files []file, opts WriteOptions) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(opts.jobs())
	folders := []string{folder}
	for i := range files {
		f := &files[i]
		target := filepath.Join(folder, filepath.FromSlash(f.name))
		if f.isFolder() {
			if err := os.MkdirAll(target, 0o777); err != nil {
				return errors.Join(err, group.Wait())
			}
			folders = append(folders, target)
			continue
		}
		group.Go(func() error { return writeFile(ctx, target, f, opts) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(ctx context.Context, target string, f *file, opts WriteOptions) error {
	if f.blob != nil && isStored(ctx, target, f.blob.Descriptor, opts) {
		return nil
	}
	p, err := createPending(target)
	if err != nil {
		return err
	}
	if err := f.copyTo(ctx, p, opts); err != nil {
		return errors.Join(err, p.discard())
	}
	return p.commit()
}

// isStored reports that the file at target is d already. It is read to be sure:
// a layout that is damaged is mended by adding to it, not trusted.
func isStored(ctx context.Context, target string, d ocispec.Descriptor, opts WriteOptions) bool {
	info, err := os.Stat(target)
	if err != nil || !info.Mode().IsRegular() || info.Size() != d.Size {
		return false
	}
	file, err := os.Open(target)
	if err != nil {
		return false
	}
	defer file.Close()
	digest, err := hashing(ctx, io.Discard, fileBlob{file, d.Size}, d.Digest.Algorithm(), opts.Progress)
	return err == nil && digest == d.Digest
}

// lockPoll is how often a layout that another process writes is looked at.
const lockPoll = 50 * time.Millisecond

// addToLayout adds to the layout at folder: blobs first, index.json last and at
// once, so that readers see a whole layout at any time. Other imgtool processes
// that add to it wait for each other.
func addToLayout(ctx context.Context, folder string, c *Content, opts WriteOptions) (err error) {
	if err := writeFiles(ctx, folder, blobFiles(c), opts); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(folder, layoutFile), flock.SetFlag(os.O_RDONLY))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("lock layout: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	index, err := joinedIndex(folder, c, opts)
	if err != nil {
		return err
	}
	return writeFile(ctx, filepath.Join(folder, indexFile), &file{name: indexFile, data: index}, opts)
}

// joinedIndex is the index.json of the layout with the images of c in it.
func joinedIndex(folder string, c *Content, opts WriteOptions) ([]byte, error) {
	members, err := openFolder(folder)
	if err != nil {
		return nil, err
	}
	defer members.Close()
	l := newLoader(&Archive{Path: folder, members: members}, OpenOptions{})
	raw, err := l.member(indexFile)
	if err != nil {
		return nil, err
	}
	old, err := rawDescriptors(raw)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path.Join(folder, indexFile), err)
	}
	var fields map[string]RawJSON
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("read %s: %w: %v", path.Join(folder, indexFile), ErrMalformed, err)
	}
	delete(fields, "schemaVersion")
	delete(fields, "manifests")
	return indexJSON(fields, joinDescriptors(old, c.Images, opts)), nil
}
