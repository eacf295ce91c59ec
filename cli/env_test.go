package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
)

const smallListing = `
format docker-save
image app:v1
  layer
    file a "a\n"
  history "RUN a command that is far too long for a narrow terminal and has to be cut somewhere before its end"
`

// run runs one command line in env and gives its exit code and output.
func run(env cli.Env, args ...string) (code int, stdout, stderr string) {
	var out, messages bytes.Buffer
	env.Stdin, env.Stdout, env.Stderr = strings.NewReader(""), &out, &messages
	if env.Getenv == nil {
		env.Getenv = func(string) string { return "" }
	}
	code = cli.Main(context.Background(), append([]string{"imgtool"}, args...), env)
	return code, out.String(), messages.String()
}

func TestTerminalColour(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.tar")
	archivetest.Build(t, path, smallListing)
	tests := []struct {
		name        string
		width       int
		environment map[string]string
		want        bool
	}{
		{"pipe", 0, nil, false},
		{"terminal", 80, nil, true},
		{"NO_COLOR", 80, map[string]string{"NO_COLOR": "1"}, false},
		{"dumb terminal", 80, map[string]string{"TERM": "dumb"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := cli.Env{StdoutWidth: test.width, Getenv: func(key string) string { return test.environment[key] }}
			code, stdout, stderr := run(env, "inspect", path)
			if code != 0 || stderr != "" {
				t.Fatalf("inspect: code %d, stderr %q", code, stderr)
			}
			if got := strings.Contains(stdout, "\x1b["); got != test.want {
				t.Errorf("inspect: colour %v, want %v:\n%s", got, test.want, stdout)
			}
		})
	}
}

// The table is cut at the edge of the terminal, and in a pipe not at all.
func TestTerminalWidth(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.tar")
	archivetest.Build(t, path, smallListing)
	noColour := func(key string) string { return map[string]string{"NO_COLOR": "1"}[key] }
	for _, width := range []int{90, 120, 0} {
		_, stdout, _ := run(cli.Env{StdoutWidth: width, Getenv: noColour}, "inspect", path)
		for line := range strings.Lines(stdout) {
			line = strings.TrimSuffix(line, "\n")
			if !strings.Contains(line, "RUN ") {
				continue
			}
			if n := utf8.RuneCountInString(line); width > 0 && n > width {
				t.Errorf("inspect on %d columns: %d in %q", width, n, line)
			}
			if width == 0 && !strings.HasSuffix(line, "its end") {
				t.Errorf("inspect in a pipe cuts %q", line)
			}
		}
		if !strings.Contains(stdout, "RUN a command") {
			t.Errorf("inspect on %d columns tells no command:\n%s", width, stdout)
		}
	}
}

// An archive is no text for a terminal; a plan is.
func TestTerminalTakesNoArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.tar")
	archivetest.Build(t, path, smallListing)
	env := cli.Env{StdoutWidth: 80, StderrWidth: 80}
	code, stdout, stderr := run(env, "convert", path, "-")
	const want = "imgtool: standard output is a terminal, no place for an archive\nimgtool: redirect it, or name a file\n"
	if code != 2 || stdout != "" || stderr != want {
		t.Errorf("convert to a terminal: code %d, stdout %q, stderr %q; want 2, nothing, %q", code, stdout, stderr, want)
	}
	code, stdout, stderr = run(env, "convert", "--dry-run", path, "-")
	if code != 0 || !strings.HasPrefix(stdout, "would write docker-archive:-: 1 image, ") || stderr != "" {
		t.Errorf("convert --dry-run to a terminal: code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// Whatever progress is shown, the digest stands alone on stdout.
func TestProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "app.tar")
	archivetest.Build(t, path, smallListing)
	for _, how := range []string{"auto", "plain", "none"} {
		for _, width := range []int{0, 80} {
			code, stdout, stderr := run(cli.Env{StderrWidth: width}, "convert", "--progress", how, path, filepath.Join(dir, how+".tar"))
			if code != 0 || len(stdout) != len("sha256:\n")+64 || strings.Contains(stderr, "imgtool: ") {
				t.Errorf("convert --progress %s on %d columns: code %d, stdout %q, stderr %q", how, width, code, stdout, stderr)
			}
		}
	}
}

// An interrupt ends the reading of a stream, of one that goes on and on and of
// one that has come to a halt, and leaves nothing.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no process can be interrupted here")
	}
	tests := []struct {
		name string
		args []string
		halt bool
	}{
		{"inspect a stream", []string{"inspect", "-"}, false},
		{"inspect a halted stream", []string{"inspect", "-"}, true},
		{"list a stream", []string{"ls", "-", "/etc"}, false},
		{"cat out of a halted stream", []string{"cat", "-", "/etc/passwd"}, true},
		{"history of a stream", []string{"history", "-"}, false},
		{"convert a stream to a file", []string{"convert", "-", "out.tar"}, false},
		{"convert a halted stream to a layout", []string{"convert", "-", "oci:layout"}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command("imgtool", test.args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "TMPDIR="+dir)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			interruptReading(t, cmd, test.halt)
			if cmd.ProcessState.ExitCode() != 2 || stdout.Len() > 0 || stderr.String() != "imgtool: interrupted\n" {
				t.Errorf("%v: %v, stdout %q, stderr %q; want exit code 2, nothing, and that it was interrupted",
					test.args, cmd.ProcessState, &stdout, &stderr)
			}
			if left := names(t, dir); len(left) > 0 {
				t.Errorf("%v: left %v", test.args, left)
			}
		})
	}
}

// interruptReading runs cmd, interrupts it once it has read more than a pipe
// holds, and waits for its end. Unless the stream halts, it goes on.
func interruptReading(t *testing.T, cmd *exec.Cmd, halt bool) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	block := bytes.Repeat([]byte("imgtool "), 8<<10)
	for range 16 {
		if _, err := stdin.Write(block); err != nil {
			t.Errorf("write to %v: %v", cmd.Args, err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	for !halt {
		if _, err := stdin.Write(block); err != nil {
			break // it reads no more
		}
		time.Sleep(time.Millisecond)
	}
	cmd.Wait() // the caller looks at the state
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return slices.Sorted(slices.Values(names))
}
