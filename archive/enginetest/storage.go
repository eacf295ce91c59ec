package enginetest

import (
	"fmt"
	"testing"
)

// storage is where podman and buildah keep images: a folder of its own, with the
// vfs driver, and no configuration of the host.
type storage struct {
	flags []string
	env   []string
}

// newStorage makes empty storage in h.
func newStorage(t testing.TB, h home) storage {
	t.Helper()
	h.write(t, ".config/containers/policy.json", `{"default":[{"type":"insecureAcceptAnything"}]}`+"\n")
	return storage{
		flags: []string{"--root", h.path("root"), "--runroot", h.path("run"), "--storage-driver", "vfs"},
		env: environ([]string{"BUILDAH_", "CONTAINER_", "CONTAINERS_", "STORAGE_", "XDG_"},
			"HOME="+string(h),
			"TMPDIR="+h.mkdir(t, "tmp"), // OCI archives are unpacked here
			// Locks in files of its own: those in shared memory are the machine's,
			// 2,048 in all, and containers that stay would keep them for ever.
			"CONTAINERS_CONF="+h.write(t, "containers.conf", "[engine]\nlock_type = \"file\"\n"),
			"CONTAINERS_STORAGE_CONF="+h.write(t, "storage.conf", fmt.Sprintf(
				"[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", h.path("root"), h.path("run"))),
			"CONTAINERS_REGISTRIES_CONF="+h.write(t, "registries.conf", "unqualified-search-registries = []\n")),
	}
}
