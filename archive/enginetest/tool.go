package enginetest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// requireVariable is set to 1 where every tool has to be present.
const requireVariable = "IMGTOOL_REQUIRE_TOOLS"

// Require returns the path of a tool. Where the tool is absent it skips the
// test, or fails it with IMGTOOL_REQUIRE_TOOLS=1.
func Require(t testing.TB, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		lack(t, fmt.Sprintf("needs %s, which is not installed", tool))
	}
	return path
}

// Run runs a tool that [Require] finds and returns its standard output. Where
// the tool fails, the test fails with what it wrote to standard error.
func Run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	Require(t, name)
	out, err := output(exec.Command(name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// lack ends the test, which cannot run here for the given reason.
func lack(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(requireVariable) == "1" {
		t.Fatalf("%s (%s=1)", reason, requireVariable)
	}
	t.Skip(reason)
}

// requireEngine ends the test where it cannot start an engine: with -short, as
// another user than root, or without one of the tools.
func requireEngine(t testing.TB, tools ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a container engine; skipped with -short")
	}
	for _, tool := range tools {
		Require(t, tool)
	}
	if os.Geteuid() != 0 {
		lack(t, "starts a container engine, which needs root")
	}
}

// output runs c and returns its standard output; the error holds the command
// line and its standard error.
func output(c *exec.Cmd) ([]byte, error) {
	var stdout bytes.Buffer
	c.Stdout = &stdout
	err := run(c)
	return stdout.Bytes(), err
}

// run runs c, whose standard output is set by the caller; the error holds the
// command line and the standard error.
func run(c *exec.Cmd) error {
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// combined runs c and returns what it wrote to both of its streams, in order.
// The error holds the command line and the same text.
func combined(c *exec.Cmd) (string, error) {
	out, err := c.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return text, fmt.Errorf("%s: %w\n%s", strings.Join(c.Args, " "), err, text)
	}
	return text, nil
}

// environ is the environment of the test without the variables of the given
// prefixes, which would lead a client elsewhere, and with extra ones.
func environ(without []string, extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !hasAnyPrefix(kv, without) {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// lastLine returns the last line of the output of a tool.
func lastLine(out []byte) string {
	text := strings.TrimSpace(string(out))
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// lines splits the output of a tool; an empty output has no lines.
func lines(out []byte) []string {
	text := strings.TrimSpace(string(out))
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
