package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/claim"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Cache is a folder of compressed layers that were made before, so that the next
// build of an image is compressed only where it is new. An entry is a file
//
//	DIFFID/SETTING-DIGEST
//
// with the stored bytes of the layer. It appears whole under its name, and is
// hashed before it is used; one that is damaged is dropped. Many processes may
// use one cache at once. It belongs to one user: an entry is trusted to be the
// layer with that diffID.
//
// A nil Cache has nothing and keeps nothing.
type Cache struct {
	dir   string
	limit int64
	warn  func(string)
}

// Names in a cache.
const (
	cacheVersion = "v1"
	entryName    = "entry" // one that is being written is called after it
	// staleTemp is how old such a file must be for its writer to be gone, where no
	// lock tells.
	staleTemp = 24 * time.Hour
)

// OpenCache gives the cache in dir, which is made where it is not there. It holds
// limit stored bytes at most once [Cache.Trim] was called. warn is told of damaged
// entries and of what cannot be kept, from any goroutine; it may be nil.
func OpenCache(dir string, limit int64, warn func(string)) (*Cache, error) {
	if limit < 0 {
		return nil, fmt.Errorf("cache of %d bytes: %w", limit, archive.ErrUnsupported)
	}
	if warn == nil {
		warn = func(string) {}
	}
	c := &Cache{dir: filepath.Join(dir, cacheVersion), limit: limit, warn: warn}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return c, nil
}

// prefix begins the names of entries that were made with s. The revision is in it
// since the same flags are to give the same bytes with a cache and without.
func prefix(s codec.Setting) string {
	s = s.Settled()
	return fmt.Sprintf("%s-%d-r%d-", s.Compression, s.Level, codec.WriterRevision)
}

// find gives the layer with that diffID as s makes it, and its stored bytes, which
// the caller closes; nil where there is none.
func (c *Cache) find(ctx context.Context, diffID digest.Digest, s codec.Setting) (archive.Layer, archive.Blob) {
	if c == nil || diffID.Validate() != nil {
		return archive.Layer{}, nil
	}
	folder := filepath.Join(c.dir, diffID.Encoded())
	entries, _ := os.ReadDir(folder) // it may not be there
	for _, entry := range entries {
		hex, ok := strings.CutPrefix(entry.Name(), prefix(s))
		stored := digest.NewDigestFromEncoded(digest.SHA256, hex)
		if !ok || stored.Validate() != nil {
			continue
		}
		blob, err := openEntry(ctx, filepath.Join(folder, entry.Name()), stored)
		if err != nil {
			c.drop(ctx, filepath.Join(folder, entry.Name()), err)
			continue
		}
		d := ocispec.Descriptor{MediaType: archive.LayerMediaType(s.Compression), Digest: stored, Size: blob.Size()}
		return archive.Layer{Descriptor: d, DiffID: diffID, Compression: s.Compression}, blob
	}
	return archive.Layer{}, nil
}

// openEntry opens an entry and hashes it.
func openEntry(ctx context.Context, path string, want digest.Digest) (_ *cacheBlob, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	blob := &cacheBlob{io.NewSectionReader(file, 0, info.Size()), file}
	d := ocispec.Descriptor{Digest: want, Size: info.Size()}
	if err := archive.Copy(ctx, io.Discard, blob, d, nil); err != nil {
		return nil, err
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // used last; where that fails it goes earlier
	return blob, nil
}

// drop removes an entry that cannot be used.
func (c *Cache) drop(ctx context.Context, path string, why error) {
	if ctx.Err() != nil || errors.Is(why, fs.ErrNotExist) {
		return
	}
	c.warn(fmt.Sprintf("cache: dropped %s: %v", path, why))
	_ = os.Remove(path) // another process may have been faster
}

// keep stores a layer that was made. What fails is told and no error: the layer is
// there all the same.
func (c *Cache) keep(ctx context.Context, l archive.Layer, s codec.Setting, source archive.Source) {
	if c == nil || l.Descriptor.Size > c.limit {
		return
	}
	if err := c.store(ctx, l, s, source); err != nil && ctx.Err() == nil {
		c.warn(fmt.Sprintf("cache: layer %s is not kept: %v", l.DiffID, err))
	}
}

func (c *Cache) store(ctx context.Context, l archive.Layer, s codec.Setting, source archive.Source) (err error) {
	blob, err := source.Open(l.Descriptor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	root, held, file, err := c.begin(l.DiffID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Release(), root.Close()) }()
	err = errors.Join(archive.Copy(ctx, file, blob, l.Descriptor, nil), file.Close())
	if err == nil {
		err = root.Rename(held.Name, prefix(s)+l.Descriptor.Digest.Encoded())
	}
	if err != nil {
		return errors.Join(err, root.Remove(held.Name))
	}
	return nil
}

// begin makes the file of an entry. Another process that trims the cache may
// remove its folder while that is empty; then it is made again.
func (c *Cache) begin(diffID digest.Digest) (root *os.Root, held *claim.Claim, file *os.File, err error) {
	folder := filepath.Join(c.dir, diffID.Encoded())
	for range 100 {
		if err = os.MkdirAll(folder, 0o700); err != nil {
			break
		}
		if root, err = os.OpenRoot(folder); err == nil {
			if held, file, err = claim.File(root, entryName); err == nil {
				return root, held, file, nil
			}
			err = errors.Join(err, root.Close())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return nil, nil, nil, err
}

// cacheEntry is a file of a cache.
type cacheEntry struct {
	path string
	size int64
	used time.Time
}

// Trim removes the entries that were not used for longest until the cache has no
// more bytes than it may, and what writers left that were killed, which is told.
func (c *Cache) Trim() error {
	if c == nil {
		return nil
	}
	entries, err := c.entries()
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	slices.SortFunc(entries, func(a, b cacheEntry) int {
		return cmp.Or(b.used.Compare(a.used), cmp.Compare(a.path, b.path))
	})
	var total int64
	for _, e := range entries {
		if total += e.size; total <= c.limit {
			continue
		}
		total -= e.size
		if err := os.Remove(e.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cache: %w", err)
		}
		_ = os.Remove(filepath.Dir(e.path)) // where it is empty now
	}
	return nil
}

// entries gives all files but those that are being written.
func (c *Cache) entries() ([]cacheEntry, error) {
	var entries []cacheEntry
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		if entry.IsDir() {
			c.sweep(path)
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		switch {
		case !claim.Is(entry.Name()):
			entries = append(entries, cacheEntry{path, info.Size(), info.ModTime()})
		case !claim.Locks && time.Since(info.ModTime()) > staleTemp:
			return ignoreMissing(os.Remove(path))
		}
		return nil
	})
	return entries, err
}

// sweep removes what writers left in a folder of the cache that were killed.
func (c *Cache) sweep(folder string) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return // it is gone, or reading it tells
	}
	defer root.Close()
	claim.SweepFolder(root, func(format string, args ...any) { c.warn("cache: " + fmt.Sprintf(format, args...)) })
}

// ignoreMissing is for what another process may have removed.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// cacheBlob is an entry that is open.
type cacheBlob struct {
	*io.SectionReader
	file *os.File
}

// Close implements [archive.Blob].
func (b *cacheBlob) Close() error { return b.file.Close() }
