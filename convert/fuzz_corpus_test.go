package convert_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

// TestCorpus compares the files that fuzzing begins with, an archive of each format
// and kind of damage, with what -update writes. They are compressed, since go test
// spells each zero of a tar with four letters.
func TestCorpus(t *testing.T) {
	t.Parallel()
	made := 0
	for _, format := range formats {
		if format == "oci" || format == "dir" {
			continue // folders
		}
		for name, listing := range map[string]string{"image": listings["one image"], "index": listings["many platforms"]} {
			raw := readFile(t, build(t, "format "+format+"\nouter gzip"+listing))
			how := len(format) + len(name)
			compareSeed(t, "FuzzConvert/"+format+"-"+name, fmt.Sprintf("[]byte(%q)\nbyte(%q)\n", raw, rune(how)))
			compareSeed(t, "FuzzRepair/"+format+"-"+name, fmt.Sprintf("[]byte(%q)\n", raw))
			made += 2
		}
	}
	for name, damage := range map[string]string{
		"config":   "oci-archive\nouter gzip\nflip blob:config:0 5",
		"layer":    "docker-hybrid\nouter gzip\nflip blob:layer:0:0 600",
		"index":    "docker-containerd\nouter gzip\nremove index.json",
		"manifest": "docker-containerd\nouter gzip\nremove manifest.json",
		"truncate": "docker-save\nouter gzip\ntruncate -100",
		"lacking":  "docker-hybrid-25.0\nouter gzip\nremove blob:layer:0:0",
		"tail":     "docker-save-1.0\nouter gzip\ntail garbage",
	} {
		raw := readFile(t, build(t, "format "+damage+listings["one image"]))
		compareSeed(t, "FuzzRepair/damaged-"+name, fmt.Sprintf("[]byte(%q)\n", raw))
		compareSeed(t, "FuzzConvert/damaged-"+name, fmt.Sprintf("[]byte(%q)\nbyte(%q)\n", raw, rune(len(name))))
		made += 2
	}
	for i, seed := range strangeSeeds {
		text := fmt.Sprintf("[]byte(%q)\nbyte(%q)\n", seed, rune(i*5))
		compareSeed(t, fmt.Sprintf("FuzzConvertImage/strange-%d", i), text)
		compareSeed(t, fmt.Sprintf("FuzzFlattenImage/strange-%d", i), text)
		made += 2
	}
	t.Logf("tried: %d files to begin fuzzing with", made)
}

// compareSeed compares a file of a corpus with what it should be, or writes it.
func compareSeed(t *testing.T, name, values string) {
	t.Helper()
	path := filepath.Join("testdata", "fuzz", filepath.FromSlash(name))
	want := "go test fuzz v1\n" + values
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.ReplaceAll(string(readFile(t, path)), "\r\n", "\n"); got != want {
		t.Errorf("%s is not what is made; go test -update writes it", path)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
