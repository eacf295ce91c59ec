package enginetest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 60 * time.Second // until a daemon answers
	stopLimit  = 20 * time.Second // from SIGTERM until SIGKILL
	logTail    = 4 << 10          // bytes of the log that a failure shows
)

// daemon is a process that was started and has not been waited for.
type daemon struct {
	cmd  *exec.Cmd
	log  string        // path of what it writes
	done chan struct{} // closed once the process has been reaped
	err  error         // how it ended; valid after done
}

// startDaemon starts c, whose output goes to the file log, waits until ready
// returns nil, and stops it when the test ends.
func startDaemon(t testing.TB, c *exec.Cmd, log string, ready func(context.Context) error) *daemon {
	t.Helper()
	d, err := launch(c, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := d.await(startLimit, ready); err != nil {
		t.Fatal(err)
	}
	return d
}

// launch starts c in a mount namespace and a process group of its own.
func launch(c *exec.Cmd, log string) (*daemon, error) {
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the process holds its own descriptor
	c.Stdout, c.Stderr = f, f
	isolate(c)
	d := &daemon{cmd: c, log: log, done: make(chan struct{})}
	started := make(chan error)
	go d.supervise(started)
	if err := <-started; err != nil {
		return nil, err
	}
	return d, nil
}

// supervise starts the process and reaps it. It keeps its thread until then:
// the signal that [isolate] asks for comes when the starting thread ends, not
// the whole test process.
func (d *daemon) supervise(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := d.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	d.err = d.cmd.Wait()
	close(d.done)
}

// await calls ready until it returns nil. The error tells why that did not
// come about, with the end of the log.
func (d *daemon) await(limit time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-d.done:
			return fmt.Errorf("%s ended while starting: %v\n%s", d.cmd.Path, d.err, d.tail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer after %v: %w\n%s", d.cmd.Path, limit, err, d.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process and returns once it is gone: SIGTERM first, SIGKILL
// where that is not enough, which is reported as an error.
func (d *daemon) stop() error {
	// Signal fails where the process has ended already, which done tells.
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
		return nil
	case <-time.After(stopLimit):
	}
	_ = d.cmd.Process.Kill()
	<-d.done
	return fmt.Errorf("%s did not end within %v of SIGTERM and was killed\n%s", d.cmd.Path, stopLimit, d.tail())
}

// tail returns the end of the log.
func (d *daemon) tail() []byte {
	b, err := os.ReadFile(d.log)
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(b[max(0, len(b)-logTail):])
}
