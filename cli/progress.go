package cli

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// meter shows how far a long work is. add may be called from several
// goroutines, stop once.
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
	progress *mpb.Progress
	bar      *mpb.Bar
}

// barDelay keeps work that ends at once from flashing a bar.
const barDelay = 200 * time.Millisecond

func newBar(s *session, title string, total int64) *bar {
	shown := make(chan struct{})
	time.AfterFunc(barDelay, func() { close(shown) })
	progress := mpb.New(mpb.WithOutput(s.env.Stderr), mpb.WithWidth(min(40, s.env.StderrWidth)), mpb.WithRenderDelay(shown))
	after := []decor.Decorator{decor.AverageSpeed(decor.SizeB1000(0), "% .0f")}
	if total > 0 {
		after = append(after, decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO))
	}
	return &bar{progress, progress.AddBar(total,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(line(title)+" "), decor.CountersKiloByte("% .0f / % .0f ")),
		mpb.AppendDecorators(after...),
	)}
}

func (b *bar) add(n int64) { b.bar.IncrInt64(n) }

func (b *bar) stop() {
	b.bar.Abort(true)
	b.progress.Wait()
}

// lines prints a line now and then, for logs.
type lines struct {
	done atomic.Int64
	quit chan struct{}
	left chan struct{}
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
	return fmt.Sprintf("%s: %s of %s (%d%%)", title, size(done), size(total), 100*done/total)
}

func (l *lines) add(n int64) { l.done.Add(n) }

func (l *lines) stop() {
	close(l.quit)
	<-l.left
}
