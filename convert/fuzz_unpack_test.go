//go:build !windows

package convert_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/convert"
)

// FuzzUnpack unpacks layers that are any bytes. Nothing beside the folder is
// touched, and on an error nothing is left.
func FuzzUnpack(f *testing.F) {
	for _, layers := range [][2]string{
		{"    file a a\n    dir d\n    symlink l d\n", "    file l/b b\n    hardlink h a\n    fifo f\n    char c 1 3\n"},
		{"    symlink l ../../outside\n    symlink m /outside\n", "    file l/keep x\n    whiteout m/keep\n    hardlink h l/keep\n"},
		{"    dir d mode=0\n    file d/a a mode=7777\n", "    opaque d\n    file ../x x\n"},
		{"    symlink a ..\n    symlink b a/..\n", "    dir b\n    file a/outside/keep x\n"},
	} {
		f.Add(flattenSeed(f, "  layer plain\n"+layers[0]), flattenSeed(f, "  layer plain\n"+layers[1]))
	}
	f.Fuzz(func(t *testing.T, lower, upper []byte) {
		if len(lower)+len(upper) > 64<<10 {
			return // more bytes find nothing else
		}
		place := t.TempDir()
		outside := mkdir(t, place, "outside", 0o755)
		if err := os.WriteFile(filepath.Join(outside, "keep"), []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := folderTree(t, place, true)
		a := openLayers(t, lower, upper)
		rootfs, err := convert.NewRootfs(a, instance(t, a), archive.StackOptions{TempDir: t.TempDir(), MaxExpansion: 1})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(place, "root")
		err = rootfs.Unpack(t.Context(), dir, convert.UnpackOptions{Rootless: true})
		if err == nil {
			makeRemovable(dir)
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(before, folderTree(t, place, true)); diff != "" {
			t.Errorf("Unpack = %v touches what is outside (-before +after):\n%s", err, diff)
		}
	})
}
