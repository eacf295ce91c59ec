package enginetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// listening is the line of the registry's log that holds its address.
var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)

// StartRegistry starts a docker-registry without TLS on a free port of loopback,
// which ends with the test, and returns its address, such as "127.0.0.1:41234".
// It needs docker-registry.
func StartRegistry(t testing.TB) string {
	t.Helper()
	requireEngine(t, "docker-registry")
	h := newHome(t)
	config := h.write(t, "registry.yml", fmt.Sprintf(`version: 0.1
log: {accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %q}}
http: {addr: "127.0.0.1:0"}
`, h.path("registry")))
	log := h.path("registry.log")
	c := exec.Command("docker-registry", "serve", config)
	c.Env = environ([]string{"REGISTRY_", "OTEL_"})
	var address string
	startDaemon(t, c, log, func(ctx context.Context) error {
		said, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		m := listening.FindSubmatch(said)
		if m == nil {
			return fmt.Errorf("find its address in %s: not there", log)
		}
		address = string(m[1])
		return answers(ctx, address)
	})
	return address
}

// answers asks a registry for its version.
func answers(ctx context.Context, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host != "127.0.0.1" {
		return fmt.Errorf("listens on %q", address)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v2/", nil)
	if err != nil {
		return err
	}
	response, err := (&http.Transport{}).RoundTrip(request) // no proxy
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /v2/: %s", response.Status)
	}
	return nil
}
