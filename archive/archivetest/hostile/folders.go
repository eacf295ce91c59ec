package hostile

import (
	"errors"
	"os"
	"path/filepath"
)

// folderCases are layout folders with something else in the place of a file. The
// links need a system that has them.
func folderCases() []Case {
	var out []Case
	add := func(name, about string, change func(path string, p parts) error) {
		out = append(out, Case{Name: "folder-" + name, About: about, write: func(path string) error {
			var made parts
			m := image{folder: true, files: func(_ Files, p parts) { made = p }}
			return errors.Join(m.write(path), change(path, made))
		}})
	}
	blob := func(d string) string { return filepath.FromSlash(blobName(d)) }
	replace := func(path string, with func(at string) error) error {
		return errors.Join(os.RemoveAll(path), with(path))
	}
	link := func(target string) func(string) error { return func(at string) error { return os.Symlink(target, at) } }
	mkdir := func(at string) error { return os.Mkdir(at, 0o755) }

	add("good", "a good layout folder, to compare with.", func(string, parts) error { return nil })
	add("index-json-folder", "an index.json that is a folder.", func(path string, _ parts) error { return replace(filepath.Join(path, "index.json"), mkdir) })
	add("index-json-link-to-zeros", "an index.json that is a symlink to a device of zeros; it is not read.", func(path string, _ parts) error {
		return replace(filepath.Join(path, "index.json"), link("/dev/zero"))
	})
	add("index-json-link-out", "an index.json that is a symlink to a file outside.", func(path string, _ parts) error {
		return replace(filepath.Join(path, "index.json"), link("/etc/passwd"))
	})
	add("index-json-pipe", "an index.json that is a named pipe; nothing waits for it.", func(path string, _ parts) error { return replace(filepath.Join(path, "index.json"), makePipe) })
	add("layout-file-pipe", "an oci-layout that is a named pipe; nothing waits for it.", func(path string, _ parts) error { return replace(filepath.Join(path, "oci-layout"), makePipe) })
	add("blobs-missing", "a layout folder without blobs.", func(path string, _ parts) error { return os.RemoveAll(filepath.Join(path, "blobs")) })
	add("blobs-a-file", "blobs is a file.", func(path string, _ parts) error {
		return replace(filepath.Join(path, "blobs"), bytesOf("x"))
	})
	add("blobs-link-out", "blobs is a symlink to a folder outside.", func(path string, _ parts) error { return replace(filepath.Join(path, "blobs"), link("/etc")) })
	add("blob-link-out", "a layer that is a symlink to a file outside; the machine's file is never copied.", func(path string, p parts) error {
		return replace(filepath.Join(path, blob(p.layer)), link("/etc/passwd"))
	})
	add("blob-link-to-zeros", "a layer that is a symlink to a device of zeros.", func(path string, p parts) error {
		return replace(filepath.Join(path, blob(p.layer)), link("/dev/zero"))
	})
	add("blob-link-to-itself", "a layer that is a symlink to itself.", func(path string, p parts) error {
		return replace(filepath.Join(path, blob(p.layer)), link(filepath.Base(blob(p.layer))))
	})
	add("blob-link-inside", "a layer that is a symlink to another blob's place inside; tools share blobs so.", func(path string, p parts) error {
		at := filepath.Join(path, blob(p.layer))
		return errors.Join(os.Rename(at, at+".moved"), os.Symlink(filepath.Base(at)+".moved", at))
	})
	add("blob-pipe", "a layer that is a named pipe; nothing waits for it.", func(path string, p parts) error { return replace(filepath.Join(path, blob(p.layer)), makePipe) })
	add("blob-folder", "a layer that is a folder.", func(path string, p parts) error { return replace(filepath.Join(path, blob(p.layer)), mkdir) })
	add("config-link-to-zeros", "a config that is a symlink to a device of zeros.", func(path string, p parts) error {
		return replace(filepath.Join(path, blob(p.config)), link("/dev/zero"))
	})
	add("manifest-pipe", "a manifest that is a named pipe; nothing waits for it.", func(path string, p parts) error { return replace(filepath.Join(path, blob(p.manifest)), makePipe) })
	add("without-layout-file", "a layout folder without oci-layout.", func(path string, _ parts) error { return os.Remove(filepath.Join(path, "oci-layout")) })
	add("without-index-json", "a layout folder without index.json.", func(path string, _ parts) error { return os.Remove(filepath.Join(path, "index.json")) })
	return append(out, otherFolderCases()...)
}

// otherFolderCases are folders that are no layouts.
func otherFolderCases() []Case {
	return []Case{
		{Name: "folder-empty", About: "an empty folder.", write: func(path string) error { return os.Mkdir(path, 0o755) }},
		{Name: "folder-of-others", About: "a folder of files that are no archive.", write: Files{"README": "x", "data/x": "x"}.Folder},
		{Name: "folder-unpacked-docker-save", About: "a docker-save archive that was unpacked; it is read.", write: Files{"manifest.json": dockerManifest, "config.json": dockerConfig, "layer.tar": baseLayer}.Folder},
		{Name: "folder-dir-without-version", About: "a dir: folder without its version file.", write: dirFolder(nil).Folder},
		{Name: "folder-dir-bad-version", About: "a dir: folder of a version that does not exist.", write: dirFolder(Files{"version": "Directory Transport Version: 9.9\n"}).Folder},
		{Name: "folder-dir-good", About: "a good dir: folder, to compare with.", write: dirFolder(Files{"version": "Directory Transport Version: 1.1\n"}).Folder},
	}
}

// dirFolder is a dir: folder with more files.
func dirFolder(more Files) Files {
	f := Files{}
	describe := func(mediaType, data string) doc {
		d := digestOf(data)
		f[d[len("sha256:"):]] = data
		return doc{"mediaType": mediaType, "digest": d, "size": len(data)}
	}
	config, layer := describe(typeConfig, dockerConfig), describe(typeLayer, baseLayer)
	f["manifest.json"] = marshal(doc{"schemaVersion": 2, "mediaType": typeManifest, "config": config, "layers": []any{layer}})
	for name, data := range more {
		f[name] = data
	}
	return f
}
