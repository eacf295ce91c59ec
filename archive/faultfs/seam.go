//go:build linux && !386

package faultfs

import (
	"os"
	"path"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// seam stands between the kernel and the file system proper: each operation
// passes [seam.pass] first. Its methods are those of [fuse.RawFileSystem].
type seam struct {
	fuse.RawFileSystem

	mu     sync.Mutex
	closed *sync.Cond // open went down
	paths  map[uint64]string
	open   int // files and folders that are
	fault  Fault
	ops    []Op
	hit    *Op
	// again is set while the kernel may look up the name once more that it was
	// told nothing about: it does so where it knew the name before.
	again bool

	process *os.Process
	running chan struct{} // closed when process is set
}

// rootID is what the kernel calls the root of each FUSE file system.
const rootID = 1

func newSeam(inner fuse.RawFileSystem) *seam {
	s := &seam{RawFileSystem: inner}
	s.closed = sync.NewCond(&s.mu)
	s.begin(Fault{})
	return s
}

// begin forgets the run before. Nodes are looked up anew by each process.
func (s *seam) begin(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.ops, s.hit, s.again = fault, nil, nil, false
	s.paths = map[uint64]string{rootID: "."}
	s.running = make(chan struct{})
}

func (s *seam) started(p *os.Process) {
	s.process = p
	close(s.running)
}

func (s *seam) result() Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Result{s.ops, s.hit}
}

// meet counts an operation on a name in a node, or on the node itself, and gives
// what goes wrong with it, if anything. A signal has gone out then.
func (s *seam) meet(kind Kind, node uint64, name string) Effect {
	effect := s.count(kind, node, name)
	if signal := effect.signal(); signal != 0 {
		<-s.running
		_ = s.process.Signal(signal) // it may have ended
	}
	return effect
}

// pass lets an operation be done unless it is to fail.
func (s *seam) pass(kind Kind, node uint64, name string, do func() fuse.Status) fuse.Status {
	if status := s.meet(kind, node, name).errno(); !status.Ok() {
		return status
	}
	return do()
}

// count counts an operation and gives what is to happen to it, if anything.
func (s *seam) count(kind Kind, node uint64, name string) Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	op := Op{kind, path.Join(s.paths[node], name)}
	s.ops = append(s.ops, op)
	s.again = s.again && op == *s.hit
	if !s.again && !s.fault.strikes(len(s.ops), kind, s.hit != nil) {
		return ""
	}
	if s.hit == nil {
		s.hit = &op
		s.again = kind == Lookup && s.fault.Effect == EIO
	}
	return s.fault.Effect
}

// found notes where a node is, for what is told about it.
func (s *seam) found(status fuse.Status, parent uint64, name string, node uint64) fuse.Status {
	if status.Ok() {
		s.mu.Lock()
		s.paths[node] = path.Join(s.paths[parent], name)
		s.mu.Unlock()
	}
	return status
}

// opened counts what is open.
func (s *seam) opened(status fuse.Status) fuse.Status {
	if status.Ok() {
		s.mu.Lock()
		s.open++
		s.mu.Unlock()
	}
	return status
}

func (s *seam) release() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
	s.closed.Broadcast()
}

// released waits until nothing is open, and gives up after a while.
func (s *seam) released(limit time.Duration) bool {
	late := false
	timer := time.AfterFunc(limit, func() {
		s.mu.Lock()
		late = true
		s.mu.Unlock()
		s.closed.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.open > 0 && !late {
		s.closed.Wait()
	}
	return s.open == 0
}
