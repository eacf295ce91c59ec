package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/cli"
	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts that compare with it")

// TestMain makes imgtool a command that scripts and tests find on PATH.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"imgtool": func() { os.Exit(cli.Main(context.Background(), os.Args, cli.System())) },
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	fixtures, err := filepath.Abs(filepath.Join("..", "testdata", "archives"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition:           condition,
		Setup: func(env *testscript.Env) error {
			env.Setenv("FIXTURES", fixtures)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkarchive": makeArchive,
			"exits":     exits,
			"capture":   capture,
			"tarlist":   tarList,
			"tartree":   tarTree,
			"blobs":     checkBlobs,
			"sametree":  sameTree,
			"showtree":  showTree,
			"jsonfield": jsonField,
			"noleft":    noLeft,
			"mkfile":    makeFile,
		},
	})
}

// condition adds [root], for what the super-user may do anyway.
func condition(name string) (bool, error) {
	if name == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// usage stops a script that calls a command wrongly.
func usage(ts *testscript.TestScript, ok bool, text string) {
	if !ok {
		ts.Fatalf("usage: %s", text)
	}
}

// makeArchive builds an archive from a listing and further lines of one:
// mkarchive OUT LISTING [LINE...].
func makeArchive(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "mkarchive OUT LISTING [LINE...]")
	lines := append(slices.Clone(args[2:]), ts.ReadFile(args[1]))
	spec, err := archivetest.Parse(strings.Join(lines, "\n"))
	ts.Check(err)
	ts.Check(spec.Write(ts.MkAbs(args[0])))
}

// exits runs a command that must end with exactly that code:
// exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "exits CODE COMMAND ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// capture puts a file's text, without white space around it, into a variable:
// capture NAME FILE.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "capture NAME FILE")
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// tarList prints mode, owner, time, size and name of each member: tarlist FILE.
func tarList(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "tarlist FILE")
	err := eachMember(ts.MkAbs(args[0]), func(h *tar.Header, _ io.Reader) error {
		_, err := fmt.Fprintf(ts.Stdout(), "%04o %d:%d @%d %6d %s\n", h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), h.Size, h.Name)
		return err
	})
	ts.Check(err)
}

// tarTree prints what kind of thing each member is, mode, owner, size, name and
// where it links to: tartree FILE.
func tarTree(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "tartree FILE")
	kinds := map[byte]string{
		tar.TypeReg: "file", tar.TypeLink: "hardlink", tar.TypeSymlink: "symlink", tar.TypeChar: "char",
		tar.TypeBlock: "block", tar.TypeDir: "dir", tar.TypeFifo: "fifo",
	}
	err := eachMember(ts.MkAbs(args[0]), func(h *tar.Header, _ io.Reader) error {
		line := fmt.Sprintf("%-8s %04o %d:%d %4d %s", kinds[h.Typeflag], h.Mode, h.Uid, h.Gid, h.Size, h.Name)
		if h.Linkname != "" {
			line += " -> " + h.Linkname
		}
		_, err := fmt.Fprintln(ts.Stdout(), line)
		return err
	})
	ts.Check(err)
}

func eachMember(path string, visit func(*tar.Header, io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(header, reader); err != nil {
			return err
		}
	}
}

// checkBlobs hashes the blobs of an OCI layout, folder or tar, and compares
// each with its name and their number with COUNT: blobs LAYOUT COUNT.
func checkBlobs(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "blobs LAYOUT COUNT")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	var names []string
	check := func(name string, r io.Reader) error {
		rest, ok := strings.CutPrefix(filepath.ToSlash(name), "blobs/")
		if !ok {
			return nil
		}
		algorithm, encoded, _ := strings.Cut(rest, "/")
		got, err := digest.Algorithm(algorithm).FromReader(r)
		if err == nil && got.Encoded() != encoded {
			err = fmt.Errorf("blob %s holds %s", name, got)
		}
		if slices.Contains(names, name) {
			err = errors.Join(err, fmt.Errorf("blob %s stands twice", name))
		}
		names = append(names, name)
		return err
	}
	ts.Check(eachFile(ts.MkAbs(args[0]), check))
	if len(names) != want {
		ts.Fatalf("%d blobs, want %d:\n%s", len(names), want, strings.Join(names, "\n"))
	}
}

// eachFile visits the regular files of a folder or a tar.
func eachFile(path string, visit func(name string, r io.Reader) error) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return eachMember(path, func(h *tar.Header, r io.Reader) error {
			if h.Typeflag != tar.TypeReg {
				return nil
			}
			return visit(h.Name, r)
		})
	}
	return filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(path, at)
		if err != nil {
			return err
		}
		return visit(name, bytes.NewReader(content))
	})
}

// showTree prints what sameTree compares: showtree FOLDER.
func showTree(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1, "showtree FOLDER")
	_, err := io.WriteString(ts.Stdout(), treeText(ts, args[0]))
	ts.Check(err)
}

// sameTree compares two folders, by names, modes, links and contents, or with !
// says that they differ: sametree A B.
func sameTree(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 2, "sametree A B")
	one, other := treeText(ts, args[0]), treeText(ts, args[1])
	if same := one == other; same == neg {
		ts.Fatalf("%s:\n%s\n%s:\n%s", args[0], one, args[1], other)
	}
}

func treeText(ts *testscript.TestScript, folder string) string {
	text, err := folderText(ts.MkAbs(folder))
	ts.Check(err)
	return text
}

// folderText tells a folder's names, modes, links and contents.
func folderText(root string) (string, error) {
	var out strings.Builder
	err := filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %s", info.Mode(), strings.TrimPrefix(at, root))
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %s", digest.FromBytes(content))
		}
		if entry.Type() == fs.ModeSymlink {
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " -> %s", target)
		}
		fmt.Fprintln(&out)
		return nil
	})
	return out.String(), err
}

// jsonField checks that a file is one JSON document and that the value at a
// path such as images.0.names.0 is as told: jsonfield FILE PATH WANT. Strings
// are compared as they are, all else as compact JSON. With ! there must be no
// such field: ! jsonfield FILE PATH.
func jsonField(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg && len(args) == 2 || !neg && len(args) == 3, "[!] jsonfield FILE PATH [WANT]")
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &value))
	for step := range strings.SplitSeq(args[1], ".") {
		switch at := value.(type) {
		case map[string]any:
			value = at[step]
		case []any:
			value = nil
			if i, err := strconv.Atoi(step); err == nil && i < len(at) {
				value = at[i]
			}
		default:
			value = nil
		}
	}
	got, isString := value.(string)
	if !isString {
		raw, err := json.Marshal(value)
		ts.Check(err)
		got = string(raw)
	}
	if neg && value != nil || !neg && got != args[2] {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// noLeft checks that no temporary file of imgtool is anywhere below the work
// folder, TMPDIR included: noleft.
func noLeft(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 0, "noleft")
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(at string, _ fs.DirEntry, err error) error {
		if err == nil && (strings.Contains(at, ".imgtool-") || strings.Contains(at, "imgtool-spool-")) {
			return fmt.Errorf("left behind: %s", at)
		}
		return err
	}))
}

// makeFile writes bytes that a script cannot spell: mkfile OUT GO-STRING [COUNT].
func makeFile(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && (len(args) == 2 || len(args) == 3), "mkfile OUT GO-STRING [COUNT]")
	text, err := strconv.Unquote(args[1])
	ts.Check(err)
	count := 1
	if len(args) == 3 {
		count, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(text, count)), 0o666))
}
