package ref_test

import (
	"testing"

	"github.com/imgtool/imgtool/archive/ref"
)

// TestStringDoubleSlash: String spells a reference so that Parse gives it back.
// Today Parse takes // off a path that String then does not put back: the
// absolute //abs/a.tar becomes the relative abs/a.tar. Found by FuzzParse with
// "docker-archive:////"; take its TODO out with the fix.
func TestStringDoubleSlash(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"docker-archive:////", "oci:////abs/layout:v1", "dir:////abs"} {
		r, err := ref.Parse(s)
		if err != nil {
			t.Errorf("Parse(%q) = %v", s, err)
			continue
		}
		if again, err := ref.Parse(r.String()); err != nil || again != r {
			t.Errorf("Parse(%q) = %+v, spelled %q, which is %+v, %v", s, r, r.String(), again, err)
		}
	}
}
