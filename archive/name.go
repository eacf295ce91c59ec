package archive

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// Name is a name that an image has in its archive, in the familiar form that
// `docker images` shows: `example.com/app:v1`, or `app:v1` for
// `docker.io/library/app:v1`. In OCI layouts it may be a bare tag; what does not
// parse as a name is kept as it is.
type Name string

// spell gives a name that an archive states its familiar form.
func spell(s string) Name {
	if n := Name(s); n.IsTag() {
		return n
	}
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return Name(s)
	}
	return Name(reference.FamiliarString(named))
}

// ParseName reads a name that a user gives to an image and spells it in the
// familiar form, with a tag: `alpine` is `alpine:latest`.
func ParseName(s string) (Name, error) {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return "", fmt.Errorf("name %q: %w", s, err)
	}
	if _, ok := named.(reference.Digested); ok {
		return "", fmt.Errorf("name %q: a digest is not a name to give: %w", s, ErrMalformed)
	}
	return Name(reference.FamiliarString(reference.TagNameOnly(named))), nil
}

// IsTag reports a bare tag, which OCI layouts may have in place of a name.
func (n Name) IsTag() bool { return !strings.ContainsAny(string(n), ":/") }

// Full is the name as registries know it, `docker.io/library/app:v1`. It is
// empty for a bare tag, a name with a digest, and what is no image name at all.
func (n Name) Full() string {
	if named := n.parse(); named != nil {
		return named.String()
	}
	return ""
}

// Tag is the part behind the colon, or the whole of a bare tag, or empty.
func (n Name) Tag() string {
	if n.IsTag() {
		return string(n)
	}
	if tagged, ok := n.parse().(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

func (n Name) parse() reference.Named {
	if n.IsTag() {
		return nil
	}
	named, err := reference.ParseNormalizedNamed(string(n))
	if err != nil {
		return nil
	}
	if _, ok := named.(reference.Digested); ok {
		return nil
	}
	return reference.TagNameOnly(named)
}

// Key is equal for names that mean the same image.
func (n Name) Key() string {
	if full := n.Full(); full != "" {
		return full
	}
	return string(n)
}

// naming is a name and what it stands for.
type naming struct {
	key    string
	digest digest.Digest
}

// JoinNames puts names into one line, separated by spaces.
func JoinNames(names []Name) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, " ")
}
