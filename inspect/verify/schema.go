package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/opencontainers/image-spec/schema"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

// schemaSite is where image-spec's schemas say that they are. All are in this
// program, and none is ever looked for anywhere else: schema.Validator finds them
// by names in the working folder, and fails or panics where that has a # or a % in
// its path.
const schemaSite = "https://opencontainers.org/schema/image/"

// schemas are those of OCI's documents by media type, compiled once.
var schemas = map[string]func() *jsonschema.Schema{
	ocispec.MediaTypeImageManifest: schemaIn("image-manifest-schema.json"),
	ocispec.MediaTypeImageIndex:    schemaIn("image-index-schema.json"),
	ocispec.MediaTypeImageConfig:   schemaIn("config-schema.json"),
}

func schemaIn(file string) func() *jsonschema.Schema {
	return sync.OnceValue(func() *jsonschema.Schema { return compileSchema(file) })
}

func compileSchema(file string) *jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	compiler.LoadURL = func(url string) (io.ReadCloser, error) { return schema.FileSystem().Open(path.Base(url)) }
	return compiler.MustCompile(schemaSite + file)
}

// validate compares a document with the schema of its media type, and with what
// Go reads into its fields.
func validate(mediaType string, raw []byte) error {
	var value any
	var env []string
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	var err error
	switch mediaType {
	case ocispec.MediaTypeImageManifest:
		err = json.Unmarshal(raw, new(ocispec.Manifest))
	case ocispec.MediaTypeImageIndex:
		err = json.Unmarshal(raw, new(ocispec.Index))
	case ocispec.MediaTypeImageConfig:
		var config ocispec.Image
		err = json.Unmarshal(raw, &config)
		env = config.Config.Env
	}
	if err != nil {
		return err
	}
	for _, e := range env {
		if strings.Index(e, "=") < 1 {
			return fmt.Errorf("unexpected env: %q", e)
		}
	}
	if mediaType == ocispec.MediaTypeImageConfig {
		dropNullEnv(value)
	}
	return schemas[mediaType]().Validate(value)
}

// dropNullEnv takes an Env of null for none. What docker import writes has one, and
// every engine reads it so; the schema has null for other lists of the config.
func dropNullEnv(image any) {
	fields, _ := image.(map[string]any)
	config, _ := fields["config"].(map[string]any)
	if env, there := config["Env"]; there && env == nil {
		delete(config, "Env")
	}
}
