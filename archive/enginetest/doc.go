// Package enginetest starts and drives real container engines and tools for
// tests: dockerd, podman, buildah, containerd, a registry on loopback, and
// command-line tools such as skopeo and umoci.
//
// An engine belongs to the test that starts it: its data, sockets and
// configuration live in a folder of its own under [os.TempDir], nothing of the
// host's configuration is read where the engine lets that be chosen, and the
// cleanup of the test stops the processes by their process ID and removes the
// folder. A daemon runs in a mount namespace of its own, so its mounts end
// with it, also after a kill. Left behind on the host are what the engines
// write to fixed places: /etc/docker/key.json (Docker 20.10), /run/docker,
// and the blob cache of podman, buildah and skopeo in /var/lib/containers/cache.
//
// A test is skipped where a tool is absent or the user is not root, and with
// -short where it needs an engine. With IMGTOOL_REQUIRE_TOOLS=1 in the
// environment an absent tool, or another user than root, fails the test
// instead; -short still skips.
//
// The methods of one engine may be called from several goroutines, as the
// engine itself allows that.
package enginetest
