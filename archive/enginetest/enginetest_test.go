package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	tinyName    = "example.com/tiny:v1"
	tinyFile    = "hello.txt"
	tinyContent = "hello\n"
)

// image is what the tests expect to find of a loaded archive.
type image struct {
	file string // a docker-save tar
	id   string // the image ID
}

// makeImage writes a docker-save 1.1 tar of one image with one plain layer.
func makeImage(t *testing.T) image {
	t.Helper()
	layer := makeTar(t, member{tinyFile, []byte(tinyContent)})
	diffID := digest(layer)
	config := marshal(t, map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{diffID}},
	})
	id := digest(config)
	manifest := marshal(t, []map[string]any{{
		"Config":   hexOf(id) + ".json",
		"RepoTags": []string{tinyName},
		"Layers":   []string{hexOf(diffID) + "/layer.tar"},
	}})
	file := filepath.Join(t.TempDir(), "tiny.tar")
	content := makeTar(t,
		member{hexOf(id) + ".json", config},
		member{hexOf(diffID) + "/layer.tar", layer},
		member{"manifest.json", manifest})
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return image{file: file, id: id}
}

type member struct {
	name    string
	content []byte
}

func makeTar(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), ModTime: time.Unix(0, 0)}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digest(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

func hexOf(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// checkExport reads an exported root filesystem.
func checkExport(t *testing.T, r io.Reader) {
	t.Helper()
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err != nil {
			t.Fatalf("look for %s in the export: %v", tinyFile, err)
		}
		if h.Name != tinyFile {
			continue
		}
		got, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != tinyContent {
			t.Errorf("%s holds %q, want %q", tinyFile, got, tinyContent)
		}
		return
	}
}

// checkInspect compares the image ID in an answer of Inspect, which podman
// writes without its algorithm.
func checkInspect(t *testing.T, answer []byte, id string) {
	t.Helper()
	var images []struct{ ID string }
	if err := json.Unmarshal(answer, &images); err != nil {
		t.Fatal(err)
	}
	if len(images) != 1 || hexOf(images[0].ID) != hexOf(id) {
		t.Errorf("Inspect(%q) = %+v, want the ID %s", tinyName, images, id)
	}
}

// engine is what Docker and Podman have in common.
type engine interface {
	Load(t testing.TB, file string) string
	TryLoad(file string) (string, error)
	Images(t testing.TB) []string
	Inspect(t testing.TB, ref string) []byte
	Export(t testing.TB, ref string, w io.Writer)
	Reset(t testing.TB)
}

func checkEngine(t *testing.T, e engine) {
	t.Helper()
	img := makeImage(t)
	if out := e.Load(t, img.file); !strings.Contains(out, tinyName) {
		t.Errorf("Load(tiny) = %q, want it to name %s", out, tinyName)
	}
	if diff := cmp.Diff([]string{tinyName + " " + img.id}, e.Images(t)); diff != "" {
		t.Errorf("Images() differs (-want +got):\n%s", diff)
	}
	checkInspect(t, e.Inspect(t, tinyName), img.id)
	var root bytes.Buffer
	e.Export(t, tinyName, &root)
	checkExport(t, &root)
	e.Reset(t)
	if got := e.Images(t); len(got) != 0 {
		t.Errorf("Images() after Reset = %q, want none", got)
	}
	bad := filepath.Join(t.TempDir(), "bad.tar")
	if err := os.WriteFile(bad, makeTar(t, member{"readme", nil}), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := e.TryLoad(bad); err == nil {
		t.Errorf("TryLoad(not an image) = %q, want an error", out)
	}
}

func TestDocker(t *testing.T) {
	t.Parallel()
	checkEngine(t, StartDocker(t))
}

func TestPodman(t *testing.T) {
	t.Parallel()
	checkEngine(t, StartPodman(t))
}

func TestContainerd(t *testing.T) {
	t.Parallel()
	c := StartContainerd(t)
	img := makeImage(t)
	c.Import(t, img.file, "--all-platforms")
	got := c.Images(t)
	if len(got) != 1 || !strings.HasPrefix(got[0], tinyName+" sha256:") {
		t.Errorf("Images() = %q, want %s and a digest", got, tinyName)
	}
	c.Reset(t)
	if got := c.Images(t); len(got) != 0 {
		t.Errorf("Images() after Reset = %q, want none", got)
	}
	if out, err := c.TryImport(filepath.Join(t.TempDir(), "absent.tar")); err == nil {
		t.Errorf("TryImport(absent file) = %q, want an error", out)
	}
}

// TestStartDockerLeavesNothing looks for what a stopped engine could leave.
func TestStartDockerLeavesNothing(t *testing.T) {
	t.Parallel()
	var folder string
	t.Run("engine", func(t *testing.T) {
		d := StartDocker(t)
		d.Load(t, makeImage(t).file)
		folder = filepath.Dir(strings.TrimPrefix(d.host, "unix://"))
	})
	if folder == "" {
		t.Skip("the engine was not started")
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat the folder of the engine: %v, want that it is gone", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(mounts, []byte(folder)) {
		t.Errorf("mounts are left under %s:\n%s", folder, mounts)
	}
	for _, p := range processesNaming(t, folder) {
		t.Errorf("process %s is left", p)
	}
}

// processesNaming lists the processes whose arguments hold s.
func processesNaming(t *testing.T, s string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		args, err := os.ReadFile(f)
		if err == nil && bytes.Contains(args, []byte(s)) { // an error: it has ended
			found = append(found, filepath.Base(filepath.Dir(f)))
		}
	}
	return found
}

func TestDaemonThatDoesNotStart(t *testing.T) {
	t.Parallel()
	Require(t, "sh")
	never := func(context.Context) error { return errors.New("not yet") }
	tests := []struct {
		name, script string
		limit        time.Duration
		want         []string
	}{
		{"ends", "echo no cgroup >&2; exit 3", startLimit, []string{"ended while starting: exit status 3", "no cgroup"}},
		{"hangs", "echo waiting; exec sleep 60", 300 * time.Millisecond, []string{"does not answer after 300ms: not yet", "waiting"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if os.Geteuid() != 0 {
				t.Skip("a mount namespace needs root")
			}
			d, err := launch(exec.Command("sh", "-c", tt.script), filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			got := d.await(tt.limit, never)
			if err := d.stop(); err != nil {
				t.Error(err)
			}
			if got == nil {
				t.Fatal("await = nil, want an error")
			}
			for _, want := range tt.want {
				if !strings.Contains(got.Error(), want) {
					t.Errorf("await = %q, want it to hold %q", got, want)
				}
			}
		})
	}
}

// verdict is a testing.TB that notes how a test ends.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper() {}

func (v *verdict) Skip(args ...any) {
	v.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (v *verdict) Fatal(args ...any) {
	v.failed = fmt.Sprint(args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) { v.Fatal(fmt.Sprintf(format, args...)) }

// judge runs f as a test of its own.
func judge(f func(testing.TB)) *verdict {
	v := new(verdict)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(v)
	}()
	<-done
	return v
}

func TestRequire(t *testing.T) {
	absent := func(t testing.TB) { Require(t, "no-such-tool") }
	const reason = "needs no-such-tool, which is not installed"

	t.Setenv(requireVariable, "")
	if v := judge(absent); v.skipped != reason || v.failed != "" {
		t.Errorf("Require(absent): skipped %q, failed %q, want skipped %q", v.skipped, v.failed, reason)
	}
	t.Setenv(requireVariable, "1")
	if v := judge(absent); v.skipped != "" || !strings.HasPrefix(v.failed, reason) {
		t.Errorf("Require(absent) with %s=1: skipped %q, failed %q, want failed %q", requireVariable, v.skipped, v.failed, reason)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	Require(t, "sh")
	if got := Run(t, "sh", "-c", "echo out; echo err >&2"); string(got) != "out\n" {
		t.Errorf("Run = %q, want %q", got, "out\n")
	}
	v := judge(func(t testing.TB) { Run(t, "sh", "-c", "echo reason >&2; exit 4") })
	for _, want := range []string{"sh -c", "exit status 4", "reason"} {
		if !strings.Contains(v.failed, want) {
			t.Errorf("Run(failing) fails with %q, want it to hold %q", v.failed, want)
		}
	}
}

func TestEnviron(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://elsewhere")
	env := environ([]string{"DOCKER_"}, "DOCKER_CONFIG=/x")
	if slices.Contains(env, "DOCKER_HOST=tcp://elsewhere") || !slices.Contains(env, "DOCKER_CONFIG=/x") {
		t.Errorf("environ = %q, want no DOCKER_HOST, and DOCKER_CONFIG=/x", env)
	}
}

func TestBuildah(t *testing.T) {
	t.Parallel()
	b := StartBuildah(t)
	img := makeImage(t)
	id, err := b.TryPull("docker-archive:" + img.file)
	if err != nil || id != img.id {
		t.Fatalf("TryPull(tiny) = %q, %v; want %s", id, err, img.id)
	}
	if diff := cmp.Diff([]string{tinyName + " " + img.id}, b.Images(t)); diff != "" {
		t.Errorf("Images() differs (-want +got):\n%s", diff)
	}
	dir, err := b.TryMount(tinyName)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, tinyFile)); string(got) != tinyContent {
		t.Errorf("%s holds %q, %v; want %q", tinyFile, got, err, tinyContent)
	}
	if id, err := b.TryPull("docker-archive:" + filepath.Join(t.TempDir(), "absent.tar")); err == nil {
		t.Errorf("TryPull(absent file) = %q, want an error", id)
	}
}

// TestRegistry lets skopeo push to a registry and pull from it.
func TestRegistry(t *testing.T) {
	t.Parallel()
	Require(t, "skopeo")
	address := StartRegistry(t)
	img := makeImage(t)
	there := "docker://" + address + "/tiny:v1"
	back := filepath.Join(t.TempDir(), "back.tar")
	Run(t, "skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "docker-archive:"+img.file, there)
	Run(t, "skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", there, "docker-archive:"+back)
	got := Run(t, "skopeo", "inspect", "--config", "--raw", "docker-archive:"+back)
	if digest(got) != img.id {
		t.Errorf("the config came back as %s, want the image ID %s", digest(got), img.id)
	}
}
