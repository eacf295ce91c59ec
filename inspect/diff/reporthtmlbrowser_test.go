package diff_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/inspect/diff"
)

var screenshots = flag.String("screenshots", "", "folder that keeps the screenshots of TestHTMLLooks")

// tab is a page in a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string

	mu       sync.Mutex
	requests map[network.RequestID]string // all that left, but for the page itself and data
	faults   []string                     // of scripts, the console, and the security policy
}

// open shows a report in a browser of its own, which has no profile.
func open(t *testing.T, r *diff.Report) *tab {
	t.Helper()
	chromium := enginetest.Require(t, "chromium")
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(page(t, r)), 0o644); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()), chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	p := &tab{t: t, requests: map[network.RequestID]string{}, url: (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()}
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(p.listen))
	t.Cleanup(cancel)
	p.ctx = ctx
	p.must(chromedp.EmulateViewport(1200, 900))
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	p.must(chromedp.Navigate(p.url))
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if at := e.Request.URL; at != p.url && !strings.HasPrefix(at, "data:") {
			p.requests[e.RequestID] = at
		}
	case *network.EventLoadingFailed:
		if e.BlockedReason == network.BlockedReasonCsp { // it did not leave
			delete(p.requests, e.RequestID)
		}
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, fmt.Sprint(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		p.faults = append(p.faults, string(e.Type))
	case *log.EventEntryAdded:
		p.faults = append(p.faults, e.Entry.Text)
	}
}

func (p *tab) must(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval gives the value of an expression in the page.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	got, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// wait lets an expression become true.
func (p *tab) wait(expression string) {
	p.t.Helper()
	for range 200 {
		if eval[bool](p, expression) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.t.Fatalf("%s does not become true", expression)
}

// quiet fails where the page asked for something, or a script or the policy
// complained.
func (p *tab) quiet() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) > 0 || len(p.faults) > 0 {
		p.t.Errorf("the page asks for %q, and complains of %q", p.requests, p.faults)
	}
}

const (
	names   = `[...document.querySelectorAll("#part-0-tree .name")].map(e => e.textContent)`
	shown   = `document.querySelector("#part-0 .shown").textContent`
	focused = `document.activeElement.querySelector(".name").textContent`
)

func (p *tab) search(query string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(() => { const s = document.querySelector("#part-0 .search"); s.value = %q; return s.dispatchEvent(new Event("input")); })()`, query))
}

func (p *tab) has(expression string, want ...string) {
	p.t.Helper()
	got := eval[[]string](p, expression)
	if strings.Join(got, "|") != strings.Join(want, "|") {
		p.t.Errorf("the page shows %q, want %q", got, want)
	}
}

// TestHTMLBrowser: the page works in a browser, asks for nothing and breaks none
// of the rules that it gives itself.
func TestHTMLBrowser(t *testing.T) {
	t.Parallel()
	r := sampleReport()
	changes := &r.Images[0].Platforms[0].Files.Changes
	*changes = append((*changes)[:2:2], (*changes)[3:]...) // the hostile name has a slash
	p := open(t, r)

	p.has(`[...document.querySelectorAll("h1, h2, h3")].map(e => e.textContent.replace(/\s+/g, " ").trim())`,
		"They differ", "Only in A", "example.com/shop/web:v1 linux/amd64", "Where it grew and shrank",
		"Files 3 added, 3 removed, 5 changed", "Packages 3", "Layers the lowest first", "Config", "Manifest", "History",
		"example.com/shop/web:v1 linux/arm64", "example.com/shop/web:v1 names and index", "Annotations", "Only in the index of B")
	whole := []string{"app/", "server", "etc/", "motd", "mtab", "usr/", "bin/", "ping", "sudo", "lib/python3/dist-packages/old/", "__init__.py", "data.bin", "share/doc/", "x"}
	p.has(names, whole...)

	p.search("PYTHON3")
	p.wait(shown + ` === "2 of 10 paths"`)
	p.has(names, "usr/lib/python3/dist-packages/old/", "__init__.py", "data.bin")
	p.has(`[...document.querySelectorAll("#part-0-tree mark")].map(e => e.textContent)`, "python3")
	p.search("no such file")
	p.wait(shown + ` === "0 of 10 paths"`)
	p.has(names)
	p.search("")
	p.wait(shown + ` === "10 paths"`)

	p.must(chromedp.Click(chromedp.CSS(`#part-0 [data-kind=c]`)))
	p.wait(shown + ` === "5 of 10 paths"`)
	p.has(names, "app/", "server", "usr/", "lib/python3/dist-packages/old/", "__init__.py", "data.bin", "share/doc/", "x")
	p.must(chromedp.Click(chromedp.CSS(`#part-0 [data-kind=c]`)))

	p.must(chromedp.Click(chromedp.CSS(`#part-0 [data-do=close]`)))
	p.has(names, "app/", "etc/", "usr/")
	p.must(chromedp.Click(chromedp.CSS(`#part-0-tree > li:nth-child(2) > .line`)))
	p.has(names, "app/", "etc/", "motd", "mtab", "usr/")
	p.has(`[document.querySelector("#part-0-tree .detail").textContent]`, "mode0755 → 0700")
	p.must(chromedp.Click(chromedp.CSS(`#part-0-tree > li:nth-child(2) li:nth-child(1) > .line`)))
	p.has(`[...document.querySelectorAll("#part-0-tree .plus-line")].map(e => e.textContent)`, "+to version 2, <b>the new one</b>")
	p.must(chromedp.Click(chromedp.CSS(`#part-0-tree > li:nth-child(2) > .line`)))
	p.has(names, "app/", "etc/", "usr/")

	p.must(chromedp.KeyEvent(kb.ArrowDown))
	p.has("["+focused+"]", "usr/")
	p.must(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	p.has("["+focused+"]", "bin/")
	p.must(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.ArrowDown))
	p.has("["+focused+"]", "ping")
	p.must(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	p.has(names, "app/", "etc/", "usr/")
	p.must(chromedp.KeyEvent(kb.Home))
	p.has("["+focused+"]", "app/")

	p.must(chromedp.Click(chromedp.CSS(`#part-0 .sizes tr:nth-child(2) .goto`)))
	p.wait(shown + ` === "5 of 10 paths"`)
	p.quiet()
}

// TestHTMLPolicy: the page's own policy stops what a fault of ours would let in.
func TestHTMLPolicy(t *testing.T) {
	t.Parallel()
	p := open(t, sampleReport())
	p.quiet()
	eval[bool](p, `(() => {
		const s = document.createElement("script"); s.textContent = "window.hurt = true"; document.body.append(s);
		const i = document.createElement("img"); i.src = "http://127.0.0.1:9/x.png"; document.body.append(i);
		fetch("http://127.0.0.1:9/x").catch(() => {});
		return true; })()`)
	time.Sleep(300 * time.Millisecond)
	if eval[bool](p, "window.hurt === true") {
		t.Error("a script that is not the page's own runs")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) > 0 || len(p.faults) < 3 {
		t.Errorf("the policy lets through %q, and stops %q", p.requests, p.faults)
	}
}

// TestHTMLLooks: light and dark differ, and nothing is wider than a phone.
func TestHTMLLooks(t *testing.T) {
	t.Parallel()
	p := open(t, sampleReport())
	var shots [][]byte
	for _, scheme := range []string{"light", "dark"} {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{1200, 360} {
			p.must(chromedp.EmulateViewport(width, 800))
			if wide := eval[int64](p, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("the page is %d wide on a screen of %d", wide, width)
			}
			shot, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			for i, other := range shots {
				if bytes.Equal(shot, other) {
					t.Errorf("%s at %d looks like screenshot %d", scheme, width, i)
				}
			}
			shots = append(shots, shot)
			if *screenshots != "" {
				if err := os.WriteFile(filepath.Join(*screenshots, fmt.Sprintf("%s-%d.png", scheme, width)), shot, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	p.quiet()
}

// TestHTMLMany: a page of 200,000 files opens, and is searched.
func TestHTMLMany(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("opens a page of 200,000 files; skipped with -short")
	}
	r := sampleReport()
	r.Images[0].Platforms[0].Files = &diff.Files{Changed: 200_000, Changes: manyChanges(200_000)}
	p := open(t, r)
	p.wait(shown + ` === "200,000 paths"`)
	if n := eval[int](p, `document.querySelectorAll("*").length`); n > 10_000 {
		t.Errorf("the page draws %d elements", n)
	}
	p.search("folder-01999/file-42")
	p.wait(shown + ` === "1 of 200,000 paths"`)
	p.has(names, "usr/share/folder-01999/", "file-42")
	p.search("file-42")
	p.wait(shown + ` === "2,000 of 200,000 paths"`)
	p.has(names, "usr/share/")
	p.must(chromedp.Click(chromedp.CSS(`#part-0-tree .line`)))
	p.must(chromedp.Click(chromedp.CSS(`#part-0-tree .further`)))
	p.wait(`document.querySelectorAll("#part-0-tree .name").length > 600`)
	p.quiet()
}

// TestHTMLDeep: folders as deep as a path can be, and names that look the same.
func TestHTMLDeep(t *testing.T) {
	t.Parallel()
	var changes []diff.FileChange
	for depth := range 2000 {
		changes = append(changes, diff.FileChange{Path: strings.Repeat("d/", depth) + "b", Kind: diff.Added, After: fileOf(layer.Regular, 0o644, 1)})
	}
	for _, name := range []string{"z\x1b", `z\x1b`} {
		changes = append(changes, diff.FileChange{Path: name, Kind: diff.Removed, Before: fileOf(layer.Regular, 0o644, 1)})
	}
	r := sampleReport()
	r.Images[0].Platforms[0].Files = &diff.Files{Added: 2000, Removed: 2, Changes: changes}
	p := open(t, r)
	p.wait(shown + ` === "2,002 paths"`)
	p.must(chromedp.Click(chromedp.CSS(`#part-0 [data-do=open]`)))
	p.search("z\\x1b")
	p.wait(shown + ` === "2 of 2,002 paths"`)
	p.has(names, `z\x1b`, `z\x1b`)
	p.search(strings.Repeat("d/", 1990))
	p.wait(shown + ` === "10 of 2,002 paths"`)
	p.quiet()
}
