//go:build !windows

package convert

import (
	"fmt"
	"io"
	"strings"
	"sync"

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

// umociLog collects what umoci logs, which has one logger for the whole process:
// one unpacking at a time can have it.
type umociLog struct {
	order  []string
	counts map[string]int
}

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
	if e.Level < log.WarnLevel {
		return nil
	}
	message := withoutSubject(e.Message)
	if u.counts[message] == 0 {
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
	for _, message := range u.order {
		if warn != nil {
			warn(fmt.Sprintf("%s (%d times)", message, u.counts[message]))
		}
	}
}
