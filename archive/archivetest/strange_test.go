package archivetest

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestStrange: whatever the data is, the listing can be built, and all formats come
// up, and what is seldom.
func TestStrange(t *testing.T) {
	t.Parallel()
	const listings = 500
	random := rand.NewChaCha8([32]byte{1})
	words := map[string]bool{}
	for i := range listings {
		data := make([]byte, i%200)
		_, _ = random.Read(data) // it does not fail
		listing := Strange(data)
		spec, err := Parse(listing)
		if err != nil {
			t.Fatalf("Parse: %v of\n%s", err, listing)
		}
		if _, err := spec.members(); err != nil {
			t.Fatalf("build: %v of\n%s", err, listing)
		}
		for _, word := range strings.Fields(strings.ReplaceAll(listing, `"`, " ")) {
			words[word] = true
		}
	}
	for _, word := range append(strangeFormats, "absent", "attestation", "referrer", "opaque", "hardlink", "index-field", "manifest-field", "prefix", "zstd-frames") {
		if !words[word] {
			t.Errorf("%q does not come up in %d listings", word, listings)
		}
	}
	t.Logf("tried: %d strange listings", listings)
}
