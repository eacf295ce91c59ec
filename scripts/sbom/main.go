// Command sbom writes beside each binary of a release what it is built of, as
// CycloneDX JSON, and the licences of all of that to one file. It tells what Go
// wrote into the binary, so it must run in the module, at the commit and with the
// Go that the binary was built of.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/imgtool/imgtool/scripts/licence"
)

func main() {
	version := flag.String("version", "", "the release's `VERSION`")
	licences := flag.String("licences", "", "write licences to `FILE`")
	flag.Parse()
	if *version == "" || *licences == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: sbom -version VERSION -licences FILE BINARY...")
		os.Exit(2)
	}
	if err := run(*version, *licences, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "sbom: %v\n", err)
		os.Exit(2)
	}
}

func run(version, licences string, binaries []string) error {
	std, err := licence.Go()
	if err != nil {
		return err
	}
	all := []licence.Module{std}
	for _, path := range binaries {
		modules, err := writeBOM(path, version, std)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, modules...)
	}
	own, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	return os.WriteFile(licences, licenceTexts(own, all), 0o666)
}

// writeBOM describes one binary and gives its modules.
func writeBOM(path, version string, std licence.Module) ([]licence.Module, error) {
	p, err := read(path)
	if err != nil {
		return nil, err
	}
	modules, err := p.modules()
	if err != nil {
		return nil, err
	}
	bom, err := p.describe(version, append([]licence.Module{std}, modules...))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return modules, os.WriteFile(path+".cdx.json", out.Bytes(), 0o666)
}
