//go:build !windows

package convert_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/layer"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/opencontainers/go-digest"
)

// commands are what is done with a hostile image. Each writes to place and keeps
// temporary files in temp.
var commands = map[string]func(a *archive.Archive, place, temp string) error{
	"export": func(a *archive.Archive, place, temp string) error {
		rootfs, err := rootfsOf(a, temp)
		if err != nil {
			return err
		}
		return rootfs.Export(context.Background(), filepath.Join(place, "out"), archive.WriteOptions{})
	},
	"unpack": func(a *archive.Archive, place, temp string) error {
		rootfs, err := rootfsOf(a, temp)
		if err != nil {
			return err
		}
		return rootfs.Unpack(context.Background(), filepath.Join(place, "out"), convert.UnpackOptions{Rootless: true})
	},
	"flatten": func(a *archive.Archive, place, temp string) error {
		to := ref.Ref{Transport: ref.OCI, Path: filepath.Join(place, "out")}
		p, err := convert.NewFlatten([]convert.Source{{Archive: a}}, to, convert.FlattenOptions{})
		if err != nil {
			return err
		}
		return p.Run(context.Background(), convert.RunOptions{Stack: archive.StackOptions{TempDir: temp}})
	},
}

func rootfsOf(a *archive.Archive, temp string) (*convert.Rootfs, error) {
	return convert.NewRootfs(a, archive.Instances(a.Images[0].Node)[0], archive.StackOptions{TempDir: temp})
}

// rawHeader is a ustar header of that type with a right check sum, and content
// behind it, padded.
func rawHeader(typ byte, name, link, content string) string {
	block := make([]byte, 512)
	put := func(offset int, text string) { copy(block[offset:], text) }
	put(0, name)
	put(100, "0000644\x00")
	put(108, "0000000\x00")
	put(116, "0000000\x00")
	put(124, fmt.Sprintf("%011o\x00", len(content)))
	put(136, "00000000000\x00")
	put(148, "        ")
	put(156, string(typ))
	put(157, link)
	put(257, "ustar\x0000")
	sum := 0
	for _, b := range block {
		sum += int(b)
	}
	put(148, fmt.Sprintf("%06o\x00 ", sum))
	padding := strings.Repeat("\x00", (512-len(content)%512)%512)
	return string(block) + content + padding
}

// paxRecord is a record of a PAX header.
func paxRecord(key, value string) string {
	size := len(key) + len(value) + 3
	for {
		text := fmt.Sprintf("%d %s=%s\n", size, key, value)
		if len(text) == size {
			return text
		}
		size = len(text)
	}
}

func rawEntry(bytes string) string { return "    raw " + strconv.Quote(bytes) + "\n" }

// TestHostileEntries: layers that want out of the image, or that cannot be. Each
// command says so and leaves nothing, or takes them for what they mean inside.
func TestHostileEntries(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 256)
	tests := []struct {
		name    string
		entries string // OUTSIDE is a folder that nothing may be written to
		want    error  // nil means that it is fine
		text    string // part of the error
		unpack  error  // where it differs
	}{
		{name: "parent", entries: "    file ../evil x\n", want: layer.ErrUnsafePath, text: `layer 0: entry "../evil" at 512: leaves the root of the image`},
		{name: "parent further on", entries: "    file a/b/../../../evil x\n", want: layer.ErrUnsafePath, text: "leaves the root"},
		{name: "parent that stays", entries: "    file a/../b x\n"},
		{name: "absolute", entries: "    file OUTSIDE/evil x\n"},
		{name: "whiteout of a parent", entries: "    file ../.wh.keep x\n", want: layer.ErrUnsafePath},
		{name: "hardlink to a parent", entries: "    hardlink a ../../../../etc/passwd\n", want: layer.ErrUnsafePath, text: `hardlink to "../../../../etc/passwd"`},
		{name: "hardlink to an absolute path", entries: "    hardlink a OUTSIDE/keep\n", want: layer.ErrMalformed, text: "which is not there"},
		{name: "hardlink through a link", entries: "    symlink l OUTSIDE\n    hardlink a l/keep\n", want: layer.ErrMalformed, text: "which is not there"},
		{name: "hardlink to a folder", entries: "    dir d\n    hardlink a d\n", want: layer.ErrMalformed, text: "which is a folder"},
		{name: "symlink outside", entries: "    symlink a OUTSIDE\n    symlink b ../../../../../../../etc/passwd\n"},
		{name: "write through a symlink", entries: "    symlink l OUTSIDE\n    file l/evil x\n"},
		{name: "write through a symlink upwards", entries: "    symlink l ../../../../../../../../../../../../OUTSIDE\n    file l/evil x\n"},
		{name: "write over a symlink", entries: "    symlink l OUTSIDE/keep\n    file l evil\n"},
		{name: "folder over a symlink", entries: "    symlink l OUTSIDE\n    dir l mode=0700\n    file l/evil x\n"},
		{name: "whiteout through a symlink", entries: "    symlink l OUTSIDE\n  layer\n    whiteout l/keep\n    opaque l\n"},
		{name: "symlinks of two layers", entries: "    symlink a OUTSIDE\n  layer\n    symlink b a\n  layer\n    file b/evil x\n"},
		{name: "symlinks in a circle", entries: "    symlink a b\n    symlink b a\n    file a/x x\n", want: layer.ErrLoop},
		{name: "symlink to itself", entries: "    symlink a a\n    hardlink b a/x\n", want: layer.ErrLoop},
		{name: "file as a folder", entries: "    file a x\n    symlink l a\n    file l/b x\n", want: layer.ErrMalformed},
		{name: "root as a file", entries: "    file . x\n", want: layer.ErrMalformed, text: "the root is a folder"},
		{name: "root as a symlink", entries: "    symlink . OUTSIDE\n", want: layer.ErrMalformed},
		{name: "root as a hardlink", entries: "    file a x\n    hardlink . a\n", want: layer.ErrMalformed},
		{name: "NUL in a PAX path", entries: rawEntry(rawHeader('x', "pax", "", paxRecord("path", "a\x00b")) + rawHeader('0', "a", "", "x")), want: tar.ErrHeader, text: "read tar at"},
		{name: "NUL in a PAX link", entries: rawEntry(rawHeader('x', "pax", "", paxRecord("linkpath", "a\x00b")) + rawHeader('2', "a", "", "")), want: tar.ErrHeader},
		{name: "PAX record that is none", entries: rawEntry(rawHeader('x', "pax", "", "99999 path=a\n") + rawHeader('0', "a", "", "x")), want: tar.ErrHeader},
		{name: "parent in a PAX path", entries: rawEntry(rawHeader('x', "pax", "", paxRecord("path", "../evil")) + rawHeader('0', "fine", "", "x")), want: layer.ErrUnsafePath},
		{name: "parent in a GNU name", entries: rawEntry(rawHeader('L', "././@LongLink", "", "../evil\x00") + rawHeader('0', "fine", "", "x")), want: layer.ErrUnsafePath},
		{name: "PAX header of 2 MiB", entries: rawEntry(rawHeader('x', "pax", "", paxRecord("comment", strings.Repeat("c", 2<<20))) + rawHeader('0', "a", "", "x")), want: tar.ErrFieldTooLong},
		{name: "name of 256 bytes", entries: "    file " + long + " x\n", unpack: layer.ErrTooLarge},
		{name: "path of 4096 bytes", entries: "    file " + strings.Repeat("abcdefg/", 511) + "abcdefgh x\n", unpack: layer.ErrTooLarge},
		{name: "path of 4097 bytes", entries: "    file " + strings.Repeat("abcdefg/", 511) + "abcdefghi x\n", want: layer.ErrTooLarge, text: "path of 4097 bytes"},
		{name: "path of 4097 bytes through a link", entries: "    symlink l " + strings.Repeat("abcdefg/", 500) + "\n    file l/" + strings.Repeat("abcdefg/", 20) + "x x\n", want: layer.ErrTooLarge, text: "through symlinks"},
		{name: "link target of 4097 bytes", entries: "    symlink l " + strings.Repeat("a", 4097) + "\n", want: layer.ErrTooLarge, text: "link target of 4097 bytes"},
		{name: "link target of 4096 bytes", entries: "    symlink l " + strings.Repeat("a/", 2048) + "\n", want: layer.ErrTooLarge, text: "link target of 4096 bytes: over the limit of 4095"},
		{name: "link target of 4095 bytes", entries: "    symlink l " + strings.Repeat("a/", 2047) + "a\n"},
		{name: "symlink without a target", entries: rawEntry(rawHeader('2', "a", "", "")), want: layer.ErrMalformed, text: "symlink without a target"},
		{name: "attribute without a name", entries: rawEntry(rawHeader('x', "pax", "", paxRecord("SCHILY.xattr.", "value")) + rawHeader('0', "a", "", "x")), want: layer.ErrMalformed, text: "extended attribute without a name"},
		{name: "256 folders", entries: "    file " + strings.Repeat("a/", 256) + "x x\n", unpack: layer.ErrTooLarge},
		{name: "255 folders", entries: "    file " + strings.Repeat("a/", 255) + "x x\n"},
		{name: "two thousand folders", entries: "    file " + strings.Repeat("a/", 2000) + "x x\n", unpack: layer.ErrTooLarge},
		{name: "type that there is not", entries: rawEntry(rawHeader('V', "volume", "", "")), want: layer.ErrUnsupported},
		{name: "header that is broken", entries: "    file a x\n" + rawEntry(strings.Repeat("x", 512)), want: tar.ErrHeader},
		{name: "content that ends", entries: rawEntry(rawHeader('0', "a", "", strings.Repeat("x", 2048))[:1024]), want: io.ErrUnexpectedEOF},
		{name: "names that look like markers", entries: "    file .wh. x\n    file .wh..wh.plnk/1.2 x\n    file a/.wh..wh.aufs x\n    file ..x x\n"},
		{name: "names that steer a terminal", entries: "    file \"a\\n\\x1b[2J\\\\b\" x\n    file \"\\xff\\xfe\" x\n"},
	}
	for _, tt := range tests {
		for command, do := range commands {
			t.Run(tt.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				outside, place, temp := t.TempDir(), t.TempDir(), t.TempDir()
				if err := os.WriteFile(filepath.Join(outside, "keep"), []byte("kept"), 0o600); err != nil {
					t.Fatal(err)
				}
				before := folderTree(t, outside, true)
				// The end of a layer that ends in the middle must not be the end of a tar.
				end := ""
				if errors.Is(tt.want, io.ErrUnexpectedEOF) {
					end = " no-end"
				}
				a := open(t, build(t, "format oci\nimage fx:v1\n  layer\n    file first x\n  layer"+end+"\n"+strings.ReplaceAll(tt.entries, "OUTSIDE", outside)))
				want := tt.want
				if command == "unpack" && tt.unpack != nil {
					want = tt.unpack
				}
				err := do(a, place, temp)
				text := strings.Replace(tt.text, "layer 0", "layer 1", 1)
				if want == nil && err != nil || want != nil && (err == nil || !errors.Is(err, want) && want != errAny || !strings.Contains(err.Error(), text)) {
					t.Errorf("%s = %.300v, want %v, %q", command, err, want, text)
				}
				if diff := cmp.Diff(before, folderTree(t, outside, true)); diff != "" {
					t.Errorf("outside (-before +after):\n%s", diff)
				}
				if left, _ := os.ReadDir(temp); len(left) > 0 {
					t.Errorf("left in the folder of temporary files: %v", left)
				}
				made, _ := os.ReadDir(place)
				if want != nil && len(made) > 0 || want == nil && (len(made) != 1 || made[0].Name() != "out") {
					t.Errorf("beside the output: %v", made)
				}
			})
		}
	}
}

// errAny stands for an error of the system.
var errAny = errors.New("any error")

// gzipped compresses.
func gzipped(t testing.TB, content string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestHostileBlobs: layers whose stored bytes are not what they should be.
func TestHostileBlobs(t *testing.T) {
	t.Parallel()
	good := rawHeader('0', "a", "", strings.Repeat("content ", 1000)) + strings.Repeat("\x00", 1024)
	const typ = "application/vnd.oci.image.layer.v1.tar+gzip"
	hex := digest.FromString("something else").Encoded()
	for _, tt := range []struct {
		name, blob     string
		digest, size   string // where they lie
		is             error
		text           string
		maxExpansion   int64
		onlyNotFlatten bool
	}{
		{name: "good", blob: gzipped(t, good)},
		{name: "cut gzip", blob: gzipped(t, good)[:60], is: io.ErrUnexpectedEOF},
		{name: "cut gzip trailer", blob: gzipped(t, good)[:len(gzipped(t, good))-4], is: io.ErrUnexpectedEOF},
		{name: "wrong gzip check sum", blob: gzipped(t, good)[:len(gzipped(t, good))-8] + "\x00\x00\x00\x00" + gzipped(t, good)[len(gzipped(t, good))-4:], is: errAny, text: "gzip"},
		{name: "garbage behind gzip", blob: gzipped(t, good) + "garbage", is: errAny, text: "behind the end of the tar"},
		{name: "gzip of no tar", blob: gzipped(t, strings.Repeat("no tar ", 1000)), is: tar.ErrHeader},
		{name: "gzip of nothing", blob: gzipped(t, "")},
		{name: "zeros in gzip", blob: gzipped(t, strings.Repeat("\x00", 10240))},
		{name: "no tar at all", blob: strings.Repeat("no tar ", 1000), is: tar.ErrHeader},
		{name: "wrong digest", blob: good, digest: hex, is: errAny, text: "sha256:" + hex},
		{name: "wrong size", blob: good, size: "77", is: errAny, text: "descriptor says 77 bytes, blob has 9728"},
	} {
		for command, do := range commands {
			t.Run(tt.name+"/"+command, func(t *testing.T) {
				t.Parallel()
				sum, size := "HEX(layer)", "SIZE(layer)"
				blobs := map[string]string{"layer": tt.blob, "other": gzipped(t, rawHeader('0', "b", "", "x"))}
				if tt.digest != "" {
					sum = tt.digest
				}
				if tt.size != "" {
					size = tt.size
				}
				blobs["config"] = `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:` + hex + `","sha256:` + hex + `"]}}`
				dir := layoutOf(t, `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:HEX(config)","size":SIZE(config)},
"layers":[{"mediaType":"`+typ+`","digest":"sha256:HEX(other)","size":SIZE(other)},{"mediaType":"`+typ+`","digest":"sha256:`+sum+`","size":`+size+`}]}`,
					`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:HEX(manifest)","size":SIZE(manifest)}`, blobs)
				if tt.digest != "" {
					if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", hex), []byte(tt.blob), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				place, temp := t.TempDir(), t.TempDir()
				err := do(open(t, dir), place, temp)
				if tt.is == nil && err != nil || tt.is != nil && (err == nil || tt.is != errAny && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.text)) {
					t.Errorf("%s = %v, want %v, %q", command, err, tt.is, tt.text)
				}
				made, _ := os.ReadDir(place)
				if left, _ := os.ReadDir(temp); len(left) > 0 || tt.is != nil && len(made) > 0 || tt.is == nil && len(made) != 1 {
					t.Errorf("left %v and %v", left, made)
				}
			})
		}
	}
}

// TestHostileBombs: what grows beyond all measure stops with an error that says
// which flag raises the limit, or at least what was passed.
func TestHostileBombs(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("unpacks some GiB of zeros")
	}
	const size = 1<<30 + 300<<20
	var bomb bytes.Buffer
	w, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	tw := tar.NewWriter(w)
	if err := tw.WriteHeader(&tar.Header{Name: "bomb", Mode: 0o644, Size: size}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		if _, err := tw.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	// A sparse file of GNU tar's PAX form 1.0: a map of no data, and a size.
	sparse := rawHeader('x', "pax", "", paxRecord("GNU.sparse.major", "1")+paxRecord("GNU.sparse.minor", "0")+
		paxRecord("GNU.sparse.name", "sparse")+paxRecord("GNU.sparse.realsize", strconv.FormatInt(1<<40, 10))) +
		rawHeader('0', "GNUSparseFile.0/sparse", "", "1\n"+strconv.FormatInt(1<<40, 10)+"\n0\n"+strings.Repeat("\x00", 494)) + strings.Repeat("\x00", 1024)
	for name, blob := range map[string]string{"gzip": bomb.String(), "sparse": sparse} {
		listing := map[string]string{"layer": blob, "other": rawHeader('0', "b", "", "x"),
			"config": `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`}
		dir := layoutOf(t, `{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:HEX(config)","size":SIZE(config)},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:HEX(other)","size":SIZE(other)},{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:HEX(layer)","size":SIZE(layer)}]}`,
			`{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:HEX(manifest)","size":SIZE(manifest)}`, listing)
		for command, do := range commands {
			t.Run(name+"/"+command, func(t *testing.T) {
				place, temp := t.TempDir(), t.TempDir()
				if err := do(open(t, dir), place, temp); !errors.Is(err, codec.ErrExpansion) {
					t.Errorf("%s = %v, want %v", command, err, codec.ErrExpansion)
				}
				made, _ := os.ReadDir(place)
				if left, _ := os.ReadDir(temp); len(left) > 0 || len(made) > 0 {
					t.Errorf("left %v and %v", left, made)
				}
			})
		}
	}
}
