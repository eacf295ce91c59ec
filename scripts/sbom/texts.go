package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/scripts/licence"
)

var rule = strings.Repeat("-", 80)

// licenceTexts is our own licence and those of all modules, each text once.
func licenceTexts(own []byte, modules []licence.Module) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "imgtool: Apache-2.0\n%s\n\n%s\n", rule, own)
	modules = slices.Clone(modules)
	slices.SortStableFunc(modules, func(a, b licence.Module) int { return cmp.Compare(a.Path, b.Path) })
	written := map[string]bool{}
	for _, m := range modules {
		for _, text := range m.Texts {
			head := fmt.Sprintf("%s %s: %s", m.Path, m.Version, text.Name)
			if written[head] {
				continue
			}
			written[head] = true
			fmt.Fprintf(&out, "%s\n%s\n\n%s\n\n", head, rule, bytes.TrimSpace(text.Content))
		}
	}
	return out.Bytes()
}
