package archivetest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// defaultTime is when images are created and entries modified unless the
// listing says otherwise.
var defaultTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// node is one thing that an index can name.
type node struct {
	kind         string // the word of the listing: image, index, attestation, artifact or referrer
	line         *line
	names        []string
	absent       bool
	artifactType string
	annotations  map[string]string
	kids         []*node // of an index

	// These belong to an image.
	platform       v1.Platform
	created        *time.Time
	config         v1.ImageConfig
	configFields   []field
	manifestFields []field
	layers         []layerSpec
	history        []v1.History
	noHistory      bool
}

// field is a JSON field that is put into a document after it was made.
type field struct {
	key   string
	value json.RawMessage
}

func newNode(l *line) *node {
	created := defaultTime
	return &node{
		kind:        l.words[0],
		line:        l,
		annotations: map[string]string{},
		platform:    v1.Platform{OS: "linux", Architecture: "amd64"},
		created:     &created,
	}
}

// parseItem reads an image, index, artifact or referrer at top level, which
// may have names. Before are the ones that stand above it.
func parseItem(l *line, before []*node) (*node, error) {
	n := newNode(l)
	n.names = slices.Clone(l.words[1:])
	switch n.kind {
	case "attestation":
		return nil, l.errorf("attestation stands outside of an index")
	case "artifact":
		args, err := l.leaf(2, 2)
		if err != nil {
			return nil, err
		}
		n.names, n.artifactType = args[:1:1], args[1]
	case "referrer":
		n.names = nil
		return n, n.parseReferrer(before)
	}
	return n, n.parseBody()
}

// parseChild reads what stands below an index.
func parseChild(l *line, before []*node) (*node, error) {
	n := newNode(l)
	switch n.kind {
	case "image", "index":
		n.absent = slices.Equal(l.words[1:], []string{"absent"})
		if len(l.words) > 1 && !n.absent {
			return nil, l.errorf("%s below an index takes no name", n.kind)
		}
	case "artifact":
		args, err := l.leaf(1, 1)
		if err != nil {
			return nil, err
		}
		n.artifactType = args[0]
	case "referrer", "attestation":
		return n, n.parseReferrer(before)
	default:
		return nil, l.unknown()
	}
	return n, n.parseBody()
}

// parseReferrer reads a referrer or an attestation, which need a subject.
func (n *node) parseReferrer(before []*node) error {
	want := map[string]int{"referrer": 1}[n.kind]
	args, err := n.line.leaf(want, want)
	if err != nil {
		return err
	}
	n.artifactType = strings.Join(args, "")
	subject := lastSubject(before)
	if subject == nil || n.kind == "attestation" && subject.kind != "image" {
		return n.line.errorf("%s has no image before it", n.kind)
	}
	return nil
}

func lastSubject(nodes []*node) *node {
	for _, n := range slices.Backward(nodes) {
		if n.kind == "image" || n.kind == "index" {
			return n
		}
	}
	return nil
}

func (n *node) parseBody() error {
	parse := n.parseImageLine
	if n.kind == "index" {
		parse = n.parseIndexLine
	}
	for _, l := range n.line.kids {
		if err := parse(l); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) parseIndexLine(l *line) error {
	if l.words[0] == "annotation" {
		return n.parsePair(l)
	}
	child, err := parseChild(l, n.kids)
	if err != nil {
		return err
	}
	n.kids = append(n.kids, child)
	return nil
}

func (n *node) parseImageLine(l *line) error {
	switch l.words[0] {
	case "layer":
		return n.parseLayer(l)
	case "annotation", "label":
		return n.parsePair(l)
	case "config-field", "manifest-field":
		return n.parseField(l)
	case "entrypoint", "cmd":
		return n.parseArgv(l)
	case "platform", "created", "env", "user", "workdir", "history", "empty":
		return n.parseSetting(l)
	}
	return l.unknown()
}

func (n *node) parsePair(l *line) error {
	args, err := l.leaf(2, 2)
	if err != nil {
		return err
	}
	if l.words[0] == "annotation" {
		n.annotations[args[0]] = args[1]
		return nil
	}
	if n.config.Labels == nil {
		n.config.Labels = map[string]string{}
	}
	n.config.Labels[args[0]] = args[1]
	return nil
}

func (n *node) parseArgv(l *line) error {
	args, err := l.leaf(1, -1)
	if l.words[0] == "cmd" {
		n.config.Cmd = args
	} else {
		n.config.Entrypoint = args
	}
	return err
}

func (n *node) parseField(l *line) error {
	f, err := parseField(l)
	if l.words[0] == "config-field" {
		n.configFields = append(n.configFields, f)
	} else {
		n.manifestFields = append(n.manifestFields, f)
	}
	return err
}

// parseField reads a line that has JSON in it.
func parseField(l *line) (field, error) {
	args, err := l.leaf(1, 1)
	if err != nil {
		return field{}, err
	}
	f := field{key: args[0]}
	dec := json.NewDecoder(strings.NewReader(l.json))
	if err := dec.Decode(&f.value); err != nil {
		return field{}, l.errorf("bad JSON: %w", err)
	}
	after := strings.TrimSpace(l.json[dec.InputOffset():])
	if after != "" && after[0] != '#' {
		return field{}, l.errorf("bad JSON: %q after the value", after)
	}
	return f, nil
}

func (n *node) parseSetting(l *line) error {
	args, err := l.leaf(1, 1)
	if err != nil {
		return err
	}
	switch l.words[0] {
	case "platform":
		return n.parsePlatform(l, args[0])
	case "created":
		return n.parseCreated(l, args[0])
	case "history":
		return n.parseHistory(l, args[0])
	case "env":
		n.config.Env = append(n.config.Env, args[0])
	case "user":
		n.config.User = args[0]
	case "workdir":
		n.config.WorkingDir = args[0]
	case "empty":
		n.history = append(n.history, v1.History{CreatedBy: args[0], EmptyLayer: true})
	}
	return nil
}

func (n *node) parsePlatform(l *line, s string) error {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return l.errorf("bad platform %q", s)
	}
	n.platform = v1.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		n.platform.Variant = parts[2]
	}
	return nil
}

func (n *node) parseCreated(l *line, s string) error {
	n.created = nil
	if s == "none" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return l.errorf("bad time %q", s)
	}
	n.created = &t
	return nil
}

func (n *node) parseHistory(l *line, s string) error {
	if s == "none" {
		n.noHistory = true
		return nil
	}
	for i := range slices.Backward(n.history) {
		if !n.history[i].EmptyLayer {
			n.history[i].CreatedBy = s
			return nil
		}
	}
	return l.errorf("history has no layer before it")
}
