//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/enginetest"
)

// TestPages compares what the README and the pages of docs show with what is so:
// sessions, listings and documents of archives. -update writes sessions and
// listings, and documents into blocks that are empty.
func TestPages(t *testing.T) {
	t.Parallel()
	enginetest.Require(t, "skopeo")
	imgtool := buildImgtool(t)
	for _, p := range pages(t) {
		t.Run(strings.TrimPrefix(filepath.ToSlash(p), "../"), func(t *testing.T) {
			t.Parallel()
			checkPage(t, p, &blockRunner{bin: filepath.Dir(imgtool), place: pagePlace(t)})
		})
	}
}

// pages are the pages that show what is so.
func pages(t *testing.T) []string {
	t.Helper()
	docs := filepath.Join("..", "docs")
	formats, err := filepath.Glob(filepath.Join(docs, "formats", "*.md"))
	if err != nil || len(formats) == 0 {
		t.Fatalf("no pages of formats: %v", err)
	}
	return append(formats, filepath.Join("..", "README.md"), filepath.Join(docs, "threat-model.md"), filepath.Join(docs, "resources.md"))
}

// pagePlace is a folder of all archives that pages show: those of testdata, and
// those that listings describe.
func pagePlace(t *testing.T) string {
	t.Helper()
	place := t.TempDir()
	if err := os.CopyFS(place, os.DirFS(filepath.Join("..", "testdata", "archives"))); err != nil {
		t.Fatal(err)
	}
	listings, err := filepath.Glob(filepath.Join("testdata", "pages", "*.txt"))
	if err != nil || len(listings) == 0 {
		t.Fatalf("no listings: %v", err)
	}
	for _, path := range listings {
		listing, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		archivetest.Build(t, filepath.Join(place, strings.TrimSuffix(filepath.Base(path), ".txt")), string(listing))
	}
	return place
}

// checkPage compares each block of a page with what it shows, and looks for the
// names that its text has, such as `48dce5b7e134…`, in the blocks.
func checkPage(t *testing.T, path string, run *blockRunner) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out, text, shown strings.Builder
	for i, part := range strings.Split(string(raw), "```") {
		if i%2 == 0 {
			out.WriteString(part)
			text.WriteString(part)
			continue
		}
		info, body, _ := strings.Cut(part, "\n")
		got := run.checkBlock(t, info, body)
		fmt.Fprintf(&out, "```%s\n%s```", info, got)
		shown.WriteString(got)
	}
	for _, name := range cutHex.FindAllString(text.String(), -1) {
		if !strings.Contains(shown.String(), strings.TrimSuffix(name, "…")) {
			t.Errorf("the text tells of %s, which is not shown", name)
		}
	}
	if shown.Len() == 0 {
		t.Error("the page shows nothing")
	}
	if *update && out.String() != string(raw) {
		if err := os.WriteFile(path, []byte(out.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var cutHex = regexp.MustCompile(`\b[0-9a-f]{12}…`)

// checkBlock gives what a block is to hold, and compares it with what it has.
func (b *blockRunner) checkBlock(t *testing.T, info, body string) string {
	t.Helper()
	got, err := b.block(t, info, body)
	if err != nil {
		t.Errorf("block %q: %v", info, err)
		return body
	}
	if diff := cmp.Diff(body, got); diff != "" && !*update {
		t.Errorf("block %q (-page +run):\n%s", info, diff)
	}
	return got
}

// blockRunner makes what blocks of one page show, in a folder of its own.
type blockRunner struct{ bin, place string }

// block gives what a block is to hold. Its first line names its kind and, for
// listings and documents, an archive and what of it.
func (b *blockRunner) block(t *testing.T, info, body string) (string, error) {
	words := strings.Fields(info)
	switch {
	case slices.Equal(words, []string{"console"}):
		return b.session(t, body), nil
	case len(words) == 2 && words[0] == "text":
		return listArchive(filepath.Join(b.place, words[1]))
	case len(words) == 3 && words[0] == "json":
		stored, err := memberOf(filepath.Join(b.place, words[1]), words[2])
		if err != nil {
			return "", err
		}
		return shownDocument(body, stored)
	}
	return "", fmt.Errorf("it is neither `console`, `text ARCHIVE` nor `json ARCHIVE MEMBER`")
}

// session runs the commands of a session and gives it with what they print.
func (b *blockRunner) session(t *testing.T, session string) string {
	t.Helper()
	var got bytes.Buffer
	for line := range strings.Lines(session) {
		shown, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		got.WriteString(line)
		got.Write(runShown(t, b.bin, b.place, shown))
	}
	return got.String()
}

// runShown runs one command line with imgtool on PATH and gives all that it
// prints, whatever its exit code.
func runShown(t *testing.T, bin, place, line string) []byte {
	t.Helper()
	command := exec.Command("sh", "-c", line)
	command.Dir = place
	command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	return out
}
