//go:build !windows

package convert

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/apex/log"
	umoci "github.com/opencontainers/umoci/oci/layer"
	"github.com/opencontainers/umoci/pkg/fseval"
)

// unpackTar extracts a tar below dir with umoci, which confines every path.
func unpackTar(dir string, tar io.Reader, opts UnpackOptions) error {
	messages := &umociLog{counts: map[string]int{}}
	defer messages.tell(opts.Warn)
	defer messages.listen()()
	return umoci.UnpackLayer(dir, tar, &umoci.UnpackOptions{
		OnDiskFormat: umoci.DirRootfs{MapOptions: umoci.MapOptions{Rootless: opts.Rootless}},
	})
}

// removeUnpacked removes what was unpacked, folders without write permission too.
func removeUnpacked(dir string) error { return fseval.Rootless.RemoveAll(dir) }

// restoreFolder gives a folder the owner and the mode that it had.
func restoreFolder(dir string, before fs.FileInfo) error {
	now, err := os.Stat(dir)
	if err != nil {
		return err
	}
	was, is := before.Sys().(*syscall.Stat_t), now.Sys().(*syscall.Stat_t)
	if was.Uid != is.Uid || was.Gid != is.Gid {
		if err := os.Chown(dir, int(was.Uid), int(was.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(dir, before.Mode())
}

// umociLog collects what umoci logs, which has one logger for the whole process:
// one unpacking at a time can have it.
type umociLog struct {
	order  []string
	counts map[string]int
	more   int // messages that there was no room for
}

// maxMessages bounds the messages that are told: an image can cause any number
// of them.
const maxMessages = 20

// devicePart is in the messages of device nodes, which unpackable counts.
const devicePart = "in place of device"

var umociLogging sync.Mutex

// listen takes umoci's messages until the function that it gives is called.
func (u *umociLog) listen() (restore func()) {
	umociLogging.Lock()
	log.SetHandler(log.HandlerFunc(u.handle))
	return func() {
		log.SetHandler(log.HandlerFunc(func(*log.Entry) error { return nil }))
		umociLogging.Unlock()
	}
}

// handle counts warnings by what they say of a file.
func (u *umociLog) handle(e *log.Entry) error {
	if e.Level < log.WarnLevel || strings.Contains(e.Message, devicePart) {
		return nil
	}
	message := withoutSubject(e.Message)
	switch {
	case u.counts[message] > 0:
	case len(u.order) == maxMessages:
		u.more++
		return nil
	default:
		u.order = append(u.order, message)
	}
	u.counts[message]++
	return nil
}

// withoutSubject cuts the file that a message of umoci is about, as in
// `xattr{PATH} ignoring …`, so that a thousand of them are one.
func withoutSubject(message string) string {
	head, rest, opened := strings.Cut(message, "{")
	end := strings.LastIndexByte(rest, '}')
	if !opened || end < 0 {
		return message
	}
	return head + ":" + rest[end+1:]
}

func (u *umociLog) tell(warn func(string)) {
	if warn == nil {
		return
	}
	for _, message := range u.order {
		if n := u.counts[message]; n > 1 {
			message = fmt.Sprintf("%s (%d times)", message, n)
		}
		warn(message)
	}
	if u.more > 0 {
		warn(fmt.Sprintf("and %d more messages about the files", u.more))
	}
}
