package cli

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/schollz/progressbar/v3"
)

// meter shows how far a long work is. add may be called from several
// goroutines, but not after stop, which may be called again.
type meter interface {
	add(n int64)
	stop()
}

// newMeter makes the meter that the user asked for. A total of 0 is unknown.
func (s *session) newMeter(title string, total int64) meter {
	terminal := s.env.StderrWidth > 0
	switch {
	case s.quiet, s.meter == "none", s.meter == "auto" && !terminal:
		return silent{}
	case s.meter == "plain" || !terminal:
		return newLines(s, title, total)
	}
	return newBar(s, title, total)
}

type silent struct{}

func (silent) add(int64) {}
func (silent) stop()     {}

// bar is drawn on a terminal, with bytes, rate and time left, and goes when the
// work ends.
type bar struct {
	drawn *progressbar.ProgressBar
	once  sync.Once
}

// barDelay is how long work may take before a bar is drawn; most ends at once.
const barDelay = 300 * time.Millisecond

// barText is how many columns percent, bytes, rate and times take beside the
// title and the bar. What does not fit into a line could not be cleared.
const barText = 50

func newBar(s *session, title string, total int64) *bar {
	if total <= 0 {
		total = -1 // a spinner
	}
	width := 20
	if s.env.StderrWidth < 100 {
		width = 10
	}
	title = text.Snip(line(title), max(s.env.StderrWidth-width-barText, 8), "…")
	return &bar{drawn: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(&lateWriter{s.env.Stderr, time.Now().Add(barDelay)}),
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetWidth(width),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // draws when told, not by itself
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	)}
}

func (b *bar) add(n int64) { _ = b.drawn.Add64(n) } // not drawing is no reason to stop

func (b *bar) stop() { b.once.Do(func() { _, _ = b.drawn.Exit(), b.drawn.Clear() }) }

// lateWriter drops what comes before its time.
type lateWriter struct {
	w    io.Writer
	from time.Time
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if time.Now().Before(l.from) {
		return len(p), nil
	}
	return l.w.Write(p)
}

// lines prints a line now and then, for logs.
type lines struct {
	done atomic.Int64
	quit chan struct{}
	left chan struct{}
	once sync.Once
}

// lineInterval is the time between two lines.
const lineInterval = 5 * time.Second

func newLines(s *session, title string, total int64) *lines {
	l := &lines{quit: make(chan struct{}), left: make(chan struct{})}
	go func() {
		defer close(l.left)
		ticker := time.NewTicker(lineInterval)
		defer ticker.Stop()
		for {
			select {
			case <-l.quit:
				return
			case <-ticker.C:
				say(s.env.Stderr, l.text(title, total))
			}
		}
	}()
	return l
}

func (l *lines) text(title string, total int64) string {
	done := l.done.Load()
	if total <= 0 {
		return fmt.Sprintf("%s: %s", title, size(done))
	}
	return fmt.Sprintf("%s: %s of %s (%d%%)", title, size(done), size(total), min(100, 100*done/total))
}

func (l *lines) add(n int64) { l.done.Add(n) }

func (l *lines) stop() {
	l.once.Do(func() { close(l.quit) })
	<-l.left
}
