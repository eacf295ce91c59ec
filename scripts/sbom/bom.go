package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/imgtool/imgtool/scripts/licence"
)

// program is a binary and what Go wrote into it.
type program struct {
	info *debug.BuildInfo
	sum  [sha256.Size]byte
}

func read(path string) (*program, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return &program{info, sha256.Sum256(content)}, nil
}

// setting is a setting of the build, such as GOOS or vcs.revision.
func (p *program) setting(key string) string {
	for _, s := range p.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// modules finds the licences of the modules that the binary names. What the module
// here would be built of must be the same.
func (p *program) modules() ([]licence.Module, error) {
	modules, err := licence.Modules(p.setting("GOOS")+"/"+p.setting("GOARCH"), p.info.Path)
	if err != nil {
		return nil, err
	}
	var here, there []string
	for _, m := range modules {
		here = append(here, m.Path+"@"+m.Version)
	}
	for _, m := range p.info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("module %s is replaced", m.Path)
		}
		there = append(there, m.Path+"@"+m.Version)
	}
	if a, b := strings.Join(here, " "), strings.Join(there, " "); a != b {
		return nil, fmt.Errorf("it is built of %s, and here it would be of %s", b, a)
	}
	return modules, nil
}

// describe makes the bill of materials. It depends on the binary alone: its time
// is the commit's, and its serial number is made of the binary's check sum.
func (p *program) describe(version string, modules []licence.Module) (*cdx.BOM, error) {
	if p.setting("vcs.time") == "" {
		return nil, errors.New("it names no commit: build it in a git clone with -buildvcs=true")
	}
	main := p.component(version)
	parts, refs := []cdx.Component{}, []string{}
	for _, m := range modules {
		part := p.part(m)
		parts, refs = append(parts, part), append(refs, part.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = serialNumber(p.sum)
	bom.Metadata = &cdx.Metadata{Timestamp: p.setting("vcs.time"), Component: &main}
	bom.Components = &parts
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	return bom, nil
}

// component is the binary itself.
func (p *program) component(version string) cdx.Component {
	var properties []cdx.Property
	for _, s := range p.info.Settings {
		properties = append(properties, cdx.Property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	name := p.info.Main.Path
	url := fmt.Sprintf("pkg:golang/%s@v%s?goarch=%s&goos=%s", name, version, p.setting("GOARCH"), p.setting("GOOS"))
	return cdx.Component{
		BOMRef: url, Type: cdx.ComponentTypeApplication, Name: name, Version: version, PackageURL: url,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%x", p.sum)}},
		Licenses:   &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		Properties: &properties,
	}
}

// part is a module that the binary is built of.
func (p *program) part(m licence.Module) cdx.Component {
	// Vulnerabilities are listed for std@1.2.3, not std@go1.2.3.
	url := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(strings.TrimPrefix(m.Version, "go"), "+", "%2B")
	part := cdx.Component{
		BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: url,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: m.SPDX}}},
	}
	if strings.Contains(m.SPDX, " ") {
		part.Licenses = &cdx.Licenses{{Expression: m.SPDX}}
	}
	for _, dep := range p.info.Deps {
		if dep.Path == m.Path {
			part.Properties = &[]cdx.Property{{Name: "go:sum", Value: dep.Sum}}
		}
	}
	return part
}

// serialNumber makes a UUID of the custom kind (RFC 9562, version 8).
func serialNumber(sum [sha256.Size]byte) string {
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
