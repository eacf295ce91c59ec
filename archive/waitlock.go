package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often what another process has locked is looked at.
const lockPoll = 50 * time.Millisecond

// lockFolder keeps other imgtool processes from filling the folder.
func lockFolder(ctx context.Context, path string) (unlock func() error, err error) {
	if runtime.GOOS == "windows" { // folders cannot be locked
		return func() error { return nil }, nil
	}
	return waitLock(ctx, path, "folder")
}

// lockLayout keeps other imgtool processes from changing the lists of a layout.
func lockLayout(ctx context.Context, path string) (unlock func() error, err error) {
	return waitLock(ctx, filepath.Join(path, layoutFile), "layout")
}

func waitLock(ctx context.Context, path, what string) (unlock func() error, err error) {
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("lock %s: %w", what, err)
	}
	return lock.Close, nil
}
