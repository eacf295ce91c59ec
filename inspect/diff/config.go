package diff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
)

// toolFields are fields of a config that tools write and nothing runs by: what is
// known of the container that the image was committed from (Docker image
// specification v1.2 and before), and who built it.
var toolFields = []string{
	"author", "comment", "container", "container_config", "docker_version", "id", "parent", "parent_id", "layer_id", "throwaway",
	"Size", "checksum", "moby.buildkit.buildinfo.v1", "moby.buildkit.buildinfo.v0", "moby.buildkit.cache.v0", "buildinfo",
	"config.Image", "config.Hostname", "config.Domainname", "config.AttachStdin", "config.AttachStdout", "config.AttachStderr",
	"config.Tty", "config.OpenStdin", "config.StdinOnce", "config.MacAddress", "config.NetworkDisabled", "config.Memory",
	"config.MemorySwap", "config.CpuShares", "config.Cpuset",
}

// platformFields tell where an image runs.
var platformFields = []string{"architecture", "os", "os.version", "os.features", "variant"}

// skipConfig reports the fields of a config that are left out.
func (o Options) skipConfig(path string) bool {
	switch {
	case o.ignores("config"):
		return true
	case o.ignores("created") && path == "created":
		return true
	case o.ignores("tool") && slices.Contains(toolFields, path):
		return true
	case o.ignores("platforms") && slices.Contains(platformFields, path):
		return true
	}
	return false
}

// configDocument is a config, taken apart.
type configDocument struct {
	fields  object
	env     any
	history []object
}

// parseConfig takes the config of n apart. DiffIDs are left out: they are told
// of with the layers.
func parseConfig(n *archive.Node) (configDocument, error) {
	var c configDocument
	if n.Config.Err != nil {
		return c, n.Config.Err
	}
	var err error
	if c.fields, err = parseObject(n.Config.Raw); err != nil {
		return c, fmt.Errorf("config: %w", err)
	}
	if rootfs, ok := c.fields["rootfs"].(map[string]any); ok {
		object(rootfs).take("diff_ids")
	}
	steps, _ := c.fields["history"].([]any)
	for _, step := range steps {
		o, ok := step.(map[string]any)
		if !ok {
			return c, fmt.Errorf("config: a step of the history is no object: %w", archive.ErrMalformed)
		}
		c.history = append(c.history, o)
	}
	delete(c.fields, "history")
	if settings, ok := c.fields["config"].(map[string]any); ok {
		c.env = object(settings).take("Env")
	}
	return c, nil
}

// compareConfigs gives the fields that differ.
func (o Options) compareConfigs(a, b configDocument) []Field {
	skip := o.skipConfig
	if o.ignores("tool") && a.fields["os"] != "windows" && b.fields["os"] != "windows" {
		// BuildKit sets it everywhere; Windows alone looks at it.
		skip = func(path string) bool { return path == "config.ArgsEscaped" || o.skipConfig(path) }
	}
	f := &fields{skip: skip, empty: o.ignores("empty"), order: o.ignores("order")}
	f.objects("", a.fields, b.fields)
	if !o.ignores("config") {
		f.environment(a.env, b.env)
	}
	slices.SortStableFunc(f.found, func(a, b Field) int { return strings.Compare(a.Field, b.Field) })
	return f.found
}

// environment compares variables by name. Lists that name one twice, or hold what
// is no variable, are compared as they are.
func (f *fields) environment(a, b any) {
	const path = "config.Env"
	left, leftOK := variables(a)
	right, rightOK := variables(b)
	if !leftOK || !rightOK || len(left)+len(right) == 0 {
		f.values(path, orAbsent(a), orAbsent(b))
		return
	}
	before := len(f.found)
	f.objects(path, left, right)
	if len(f.found) == before {
		f.values(path, a, b) // the order
	}
}

// orAbsent takes a list that was nowhere in the config for an absent one.
func orAbsent(v any) any {
	if v == nil {
		return absent{}
	}
	return v
}

// variables reads a list of NAME=VALUE.
func variables(v any) (object, bool) {
	list, ok := v.([]any)
	if !ok {
		return object{}, v == nil
	}
	vars := object{}
	for _, element := range list {
		s, isString := element.(string)
		name, value, isVariable := strings.Cut(s, "=")
		if _, twice := vars[name]; twice || !isString || !isVariable {
			return nil, false
		}
		vars[name] = value
	}
	return vars, true
}
