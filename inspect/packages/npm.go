package packages

import (
	"bytes"
	"encoding/json"
	"io"
)

// parseNPM reads a package.json (npm CLI documentation, "package.json"). One that has
// neither name nor version sets something for a folder, and is no package.
func parseNPM(in *input, add add) error {
	if in.size > maxDocument {
		return tooLarge("a package.json", in.size, maxDocument)
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxDocument))
	if err != nil {
		return err
	}
	var module struct{ Name, Version string }
	if err := json.Unmarshal(bytes.TrimPrefix(raw, []byte("\ufeff")), &module); err != nil {
		return err
	}
	if module.Name == "" && module.Version == "" {
		return nil
	}
	return add(module.Name, module.Version, "")
}
