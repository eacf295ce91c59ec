package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/opencontainers/go-digest"
)

// OpenOptions says how to open an archive. The zero value is good.
type OpenOptions struct {
	// Stdin is what the path `-` reads. Nil means [os.Stdin]. A file is read in
	// place, must stay open, and keeps its position.
	Stdin io.Reader
	// TempDir is where a compressed or piped archive is spooled. Empty means
	// [os.TempDir].
	TempDir string
	// Decompress bounds what a compressed file may expand to.
	Decompress codec.ReaderOptions
	// Mend finds images where the archive's own lists of them are missing or
	// broken, by looking through its members, and takes a document for what it
	// is where its descriptor calls it something else.
	Mend bool
	// Warn is told what was passed over or done beyond the expected, one line
	// each, from the calling goroutine. Nil means that nobody wants to know.
	Warn func(string)
	// Progress is told of stored bytes read since its last call while an archive
	// is spooled, from one goroutine at a time. Nil means that nobody wants to
	// know.
	Progress func(int64)
}

func (o OpenOptions) warn(format string, args ...any) {
	if o.Warn != nil {
		o.Warn(fmt.Sprintf(format, args...))
	}
}

// Open reads what the archive at r says of itself: names, indexes, manifests,
// configs, and the first bytes of each layer. r.Image is not looked at. Each
// index, manifest and config is hashed: [MaxMetadata] bytes at most, which takes
// less than a tenth of a second.
//
// A plain tar costs one pass over its headers, about 200 bytes of memory a
// member. A compressed or piped one is first spooled to a temporary file that
// is gone when the archive is closed. Only docker-save archives that state no
// digests are read further: all layers of docker-save 1.0, and compressed
// layers whose member name says nothing.
//
// It fails with an [*InputError] for what is no image archive, and with
// [ErrTooLarge] past a limit. A fault in one image does not fail it, but is
// kept in that image's Err, and a document that is not what its digest says in
// Damaged. An I/O error fails it, wherever it comes.
func Open(ctx context.Context, r ref.Ref, opts OpenOptions) (*Archive, error) {
	a := &Archive{
		Path:     r.Path,
		Outer:    codec.None,
		Size:     -1,
		located:  map[digest.Digest]string{},
		made:     map[digest.Digest][]byte{},
		blobName: layoutBlobName,
	}
	if err := a.openMembers(ctx, opts); err != nil {
		return nil, err
	}
	if table, ok := a.members.(*tarIndex); ok {
		table.census.warn(opts)
	}
	a.members = &watched{members: a.members}
	err := newLoader(a, opts.whileSound(a)).load(ctx)
	if err == nil {
		err = a.checkTransport(r.Transport)
	}
	if fault := a.Fault(); fault != nil {
		err = fault // whatever came of it
	}
	if err != nil {
		return nil, errors.Join(nameInput(r.Path, err), a.Close())
	}
	return a, nil
}

// whileSound warns as long as reading a meets no error of the system: what is
// told after that need not be true.
func (o OpenOptions) whileSound(a *Archive) OpenOptions {
	if warn := o.Warn; warn != nil {
		o.Warn = func(message string) {
			if a.Fault() == nil {
				warn(message)
			}
		}
	}
	return o
}

// nameInput says which file an error is about, where it does not say it itself.
func nameInput(path string, err error) error {
	var input *InputError
	if errors.As(err, &input) {
		return err
	}
	return fmt.Errorf("open %q: %w", path, err)
}

// openMembers finds the files of the archive, whatever they lie in.
func (a *Archive) openMembers(ctx context.Context, opts OpenOptions) error {
	if a.Path == ref.Stdio {
		stdin := opts.Stdin
		if stdin == nil {
			stdin = os.Stdin
		}
		return a.openStdin(ctx, stdin, opts)
	}
	info, err := os.Stat(a.Path)
	if err != nil {
		return openFault(a.Path, err)
	}
	a.info = info
	if info.IsDir() {
		return a.openFolder()
	}
	file, err := openWaiting(ctx, a.Path, os.O_RDONLY)
	if err != nil {
		return openFault(a.Path, err)
	}
	if info.Mode().IsRegular() {
		a.Size = info.Size()
		return a.openFile(ctx, file, opts)
	}
	err = a.openStream(ctx, file, opts)
	return errors.Join(err, file.Close())
}

// openFault names the file once, and guesses at what a path with a colon means.
func openFault(path string, err error) error {
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	err = fmt.Errorf("open %q: %w", path, err)
	if hint := splitHint(path); hint != "" && errors.Is(err, os.ErrNotExist) {
		return withHint(err, "%s", hint)
	}
	return err
}

func (a *Archive) openFolder() (err error) {
	if a.members, err = openFolder(a.Path); err != nil {
		return openFault(a.Path, err)
	}
	return nil
}

// openFile takes a regular file over: in place if it is a plain tar, else
// through a spool.
func (a *Archive) openFile(ctx context.Context, file *os.File, opts OpenOptions) error {
	var err error
	if a.Outer, err = detect(file); err == nil && a.Outer == codec.None {
		return a.index(ctx, file, a.Size, file.Close, opts.Mend)
	}
	if err == nil {
		err = a.spool(ctx, file, opts)
	}
	return errors.Join(err, file.Close())
}

// openStdin reads standard input in place where it is a file, from where it
// stands, and else as a stream.
func (a *Archive) openStdin(ctx context.Context, stdin io.Reader, opts OpenOptions) error {
	file, ok := stdin.(*os.File)
	if !ok {
		return a.openStream(ctx, stdin, opts)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return a.openStream(ctx, stdin, opts)
	}
	offset, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("read %q: %w", a.Path, err)
	}
	a.info, a.Size = info, info.Size()-offset
	section := io.NewSectionReader(file, offset, a.Size)
	if a.Outer, err = detect(section); err != nil {
		return fmt.Errorf("read %q: %w", a.Path, err)
	}
	if a.Outer != codec.None {
		return a.spool(ctx, section, opts)
	}
	return a.index(ctx, section, a.Size, func() error { return nil }, opts.Mend) // the caller closes it
}

// openStream spools what cannot be read twice.
func (a *Archive) openStream(ctx context.Context, r io.Reader, opts OpenOptions) error {
	r = newPipeReader(ctx, r)
	head := make([]byte, codec.PeekSize)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("read %q: %w", a.Path, err)
	}
	a.Outer = codec.Detect(head[:n])
	return a.spool(ctx, io.MultiReader(bytes.NewReader(head[:n]), r), opts)
}

// index makes the member table of the tar in file, which it takes over. Only to
// mend does it take one without any list of images.
func (a *Archive) index(ctx context.Context, file io.ReaderAt, size int64, closing func() error, mend bool) error {
	table, err := indexTar(ctx, file, size, closing)
	switch {
	case errors.Is(err, errNoTar), table != nil && len(table.entries) == 0 && table.census.unsafes == 0:
		err = a.noTar(file, size)
	case table != nil && !table.hasFace() && !mend:
		err = a.noImage(&table.census)
	}
	if err != nil {
		return errors.Join(nameInput(a.Path, err), closing())
	}
	a.members = table
	return nil
}
