package verify

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
)

// Finding is one thing that is wrong, or worth knowing.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Where    Where    `json:"where"`
	// Message names both sides where two disagree.
	Message string `json:"message"`
	// Fix says in one line what to do.
	Fix string `json:"fix"`
}

// String says where and what on one line, without rule and severity.
func (f Finding) String() string {
	if where := f.Where.String(); where != "" {
		return where + ": " + f.Message
	}
	return f.Message
}

// Where says where a finding is. Fields that do not apply are zero.
type Where struct {
	// Image is the first name of the image, or its digest.
	Image    string `json:"image,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Digest is the blob that it is about.
	Digest digest.Digest `json:"digest,omitempty"`
	// Layer counts from the lowest layer, 0.
	Layer *int `json:"layer,omitempty"`
	// Entry is a path in the layer, or a member of the archive. Where it is no
	// UTF-8, JSON has U+FFFD in it, and all its bytes in EntryBase64.
	Entry       string `json:"entry,omitempty"`
	EntryBase64 []byte `json:"entryBase64,omitempty"`
	// Offset is where the content of the entry begins in the uncompressed tar.
	Offset *int64 `json:"offset,omitempty"`
}

// String says it on one line.
func (w Where) String() string {
	var parts []string
	add := func(format string, value any) { parts = append(parts, fmt.Sprintf(format, value)) }
	if w.Image != "" {
		add("%s", w.Image)
	}
	if w.Platform != "" {
		add("%s", w.Platform)
	}
	if w.Layer != nil {
		add("layer %d", *w.Layer)
	} else if w.Digest != "" {
		add("%s", w.Digest)
	}
	if w.Entry != "" {
		add("%q", w.Entry)
	}
	return strings.Join(parts, " ")
}

// maxAlike bounds the findings of one rule in one place, the layer or the image:
// an image has thousands of names that Windows cannot hold, and ten tell enough.
const maxAlike = 10

// collector takes findings from several goroutines.
type collector struct {
	severities map[string]Severity

	mu    sync.Mutex
	all   []Finding
	alike map[alikeKey]int
	seen  map[seenKey]bool
	// full are blobs of which one image has told enough; what it left out is not
	// in seen, and must not be told for another image.
	full map[fullKey]alikeKey
}

type alikeKey struct {
	rule, image, platform string
	digest                digest.Digest
	layer                 int
}

type fullKey struct {
	rule   string
	digest digest.Digest
}

type seenKey struct {
	rule, message string
	digest        digest.Digest
	entry         string
}

func newCollector(severities map[string]Severity) *collector {
	c := &collector{severities: map[string]Severity{}, alike: map[alikeKey]int{}, seen: map[seenKey]bool{}, full: map[fullKey]alikeKey{}}
	for _, r := range rules {
		c.severities[r.ID] = r.Severity
	}
	for id, s := range severities {
		c.severities[id] = s
	}
	return c
}

// wants reports that findings of a rule are wanted.
func (c *collector) wants(rule string) bool { return c.severities[rule] != Off }

// add takes a finding, each once: what several images share is told for the
// first of them.
func (c *collector) add(rule string, w Where, format string, args ...any) {
	if !c.wants(rule) {
		return
	}
	if !utf8.ValidString(w.Entry) {
		w.EntryBase64 = []byte(w.Entry)
	}
	r, _ := RuleByID(rule)
	f := Finding{Rule: rule, Severity: c.severities[rule], Where: w, Message: fmt.Sprintf(format, args...), Fix: r.Fix}
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := seenKey{rule, f.Message, w.Digest, w.Entry}
	if c.seen[seen] {
		return
	}
	key, blob := keyOf(rule, w), fullKey{rule, w.Digest}
	if teller, full := c.full[blob]; full && teller != key {
		return
	}
	c.alike[key]++
	if c.alike[key] > maxAlike {
		if w.Digest != "" {
			c.full[blob] = key
		}
		return
	}
	c.seen[seen] = true
	c.all = append(c.all, f)
}

func keyOf(rule string, w Where) alikeKey {
	key := alikeKey{rule: rule, image: w.Image, platform: w.Platform, digest: w.Digest, layer: -1}
	if w.Layer != nil {
		key.layer = *w.Layer
	}
	return key
}

// findings gives what was found, in the order of rules and of places, with a last
// one for those that were too many.
func (c *collector) findings() []Finding {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := sortFindings(c.all)
	for i := range out {
		key := keyOf(out[i].Rule, out[i].Where)
		last := i == len(out)-1 || keyOf(out[i+1].Rule, out[i+1].Where) != key
		if more := c.alike[key] - maxAlike; last && more > 0 {
			out[i].Message += fmt.Sprintf(" (and %d more like it)", more)
		}
	}
	return out
}
