package verify

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/inspect/printable"
	"github.com/opencontainers/go-digest"
)

// What is used of SARIF 2.1.0 (OASIS Standard, errata 01), by the names of its
// properties.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool             sarifTool         `json:"tool"`
		Invocations      []sarifInvocation `json:"invocations"`
		Artifacts        []sarifArtifact   `json:"artifacts,omitempty"`
		LogicalLocations []sarifLogical    `json:"logicalLocations,omitempty"`
		Results          []sarifResult     `json:"results"`
		ColumnKind       string            `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string         `json:"id"`
		Short   sarifText      `json:"shortDescription"`
		Full    sarifText      `json:"fullDescription"`
		Help    sarifText      `json:"help"`
		Default sarifConfig    `json:"defaultConfiguration"`
		Bag     map[string]any `json:"properties"`
	}
	sarifConfig struct {
		Enabled *bool  `json:"enabled,omitempty"`
		Level   string `json:"level,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Overrides     []sarifOverride     `json:"ruleConfigurationOverrides,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifOverride struct {
		Configuration sarifConfig  `json:"configuration"`
		Descriptor    sarifRuleRef `json:"descriptor"`
	}
	sarifRuleRef struct {
		ID    string `json:"id"`
		Index int    `json:"index"`
	}
	sarifNotification struct {
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifArtifact struct {
		Location sarifArtifactRef `json:"location"`
		Bag      map[string]any   `json:"properties,omitempty"`
	}
	sarifArtifactRef struct {
		URI   string `json:"uri"`
		Index *int   `json:"index,omitempty"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Bag          map[string]any    `json:"properties,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifactRef `json:"artifactLocation"`
	}
	sarifLogical struct {
		Name   string `json:"name"`
		Full   string `json:"fullyQualifiedName"`
		Kind   string `json:"kind"`
		Index  *int   `json:"index,omitempty"`
		Parent *int   `json:"parentIndex,omitempty"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifHome   = "https://github.com/imgtool/imgtool"
	// sarifFingerprint names how fingerprints are made; another way needs another name.
	sarifFingerprint = "imgtoolFinding/v1"
)

// WriteSARIF writes a run as SARIF 2.1.0, with all findings. The physical location
// of a finding is the archive; image, layer and entry are the logical one.
func WriteSARIF(w io.Writer, r *Run) error {
	s := &sarifWriter{logical: map[string]int{}}
	s.run = sarifRun{
		Tool:        sarifTool{sarifDriver{toolName, r.Version, sarifHome, sarifRules()}},
		Invocations: []sarifInvocation{{Successful: true, Overrides: r.sarifOverrides()}},
		Results:     []sarifResult{},
		ColumnKind:  "unicodeCodePoints",
	}
	for _, o := range r.Archives {
		s.add(o)
	}
	return encodeJSON(w, sarifLog{sarifSchema, "2.1.0", []sarifRun{s.run}})
}

func sarifRules() []sarifRule {
	var out []sarifRule
	for _, r := range rules {
		out = append(out, sarifRule{
			ID:      r.ID,
			Short:   sarifText{sentence(r.Title)},
			Full:    sarifText{r.Why},
			Help:    sarifText{r.Why + " To mend it: " + r.Fix + "."},
			Default: sarifConfig{Level: r.Severity.String()},
			Bag:     map[string]any{"tags": []string{string(r.Group)}},
		})
	}
	return out
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// sarifOverrides are the rules whose severity was changed.
func (r *Run) sarifOverrides() []sarifOverride {
	var out []sarifOverride
	for i, rule := range rules {
		severity := r.severity(rule)
		if severity == rule.Severity {
			continue
		}
		config := sarifConfig{Level: severity.String()}
		if enabled := false; severity == Off {
			config = sarifConfig{Enabled: &enabled}
		}
		out = append(out, sarifOverride{config, sarifRuleRef{rule.ID, i}})
	}
	return out
}

// sarifWriter collects a run.
type sarifWriter struct {
	run sarifRun
	// logical are the indexes of logical locations by their whole name.
	logical map[string]int
}

func (s *sarifWriter) add(o Outcome) {
	index := len(s.run.Artifacts)
	physical := sarifPhysical{sarifArtifactRef{artifactURI(o.Path), &index}}
	artifact := sarifArtifact{Location: sarifArtifactRef{URI: physical.Artifact.URI}}
	if o.Report == nil {
		failed := &s.run.Invocations[0]
		failed.Successful = false
		failed.Notifications = append(failed.Notifications,
			sarifNotification{"error", sarifText{o.Err.Error()}, []sarifLocation{{Physical: physical}}})
		s.run.Artifacts = append(s.run.Artifacts, artifact)
		return
	}
	artifact.Bag = map[string]any{
		"format": o.Report.Format, "images": o.Report.Images, "blobs": o.Report.Blobs, "bytes": o.Report.Bytes, "fast": o.Report.Fast,
	}
	s.run.Artifacts = append(s.run.Artifacts, artifact)
	alike := map[string]int{}
	for _, f := range o.Report.Findings {
		s.run.Results = append(s.run.Results, sarifResult{
			RuleID:       f.Rule,
			RuleIndex:    slices.IndexFunc(rules, func(r Rule) bool { return r.ID == f.Rule }),
			Level:        f.Severity.String(),
			Message:      sarifText{f.String()}, // not every viewer shows logical locations
			Locations:    []sarifLocation{{physical, s.place(f.Where)}},
			Fingerprints: map[string]string{sarifFingerprint: fingerprint(f, alike)},
			Bag:          sarifBag(f.Where),
		})
	}
}

// place gives the logical location of a finding, the innermost one there is. Its
// parents are in the run's list.
func (s *sarifWriter) place(w Where) []sarifLogical {
	var at *sarifLogical
	step := func(kind, name string) {
		l := sarifLogical{Name: name, Full: name, Kind: kind}
		if at != nil {
			l.Full, l.Parent = at.Full+"/"+name, at.Index
		}
		key := kind + " " + l.Full
		index, known := s.logical[key]
		if !known {
			index = len(s.run.LogicalLocations)
			s.logical[key] = index
			s.run.LogicalLocations = append(s.run.LogicalLocations, l)
		}
		l.Index = &index
		at = &l
	}
	if w.Image != "" {
		step("image", printable.String(w.Image))
	}
	if w.Platform != "" {
		step("platform", printable.String(w.Platform))
	}
	switch {
	case w.Layer != nil:
		step("layer", fmt.Sprintf("layer %d", *w.Layer))
	case w.Digest != "":
		step("blob", printable.String(w.Digest.String()))
	}
	if w.Entry != "" {
		step("entry", printable.String(w.Entry))
	}
	if at == nil {
		return nil
	}
	return []sarifLogical{*at}
}

// sarifBag holds what logical locations have no place for.
func sarifBag(w Where) map[string]any {
	bag := map[string]any{}
	if w.Digest != "" {
		bag["digest"] = w.Digest
	}
	if w.Layer != nil {
		bag["layer"] = *w.Layer
	}
	if w.Offset != nil {
		bag["offset"] = *w.Offset
	}
	if w.EntryBase64 != nil {
		bag["entryBase64"] = w.EntryBase64
	}
	return bag
}

// fingerprint stays the same when an image is built again: there is no digest in
// it, nor the path of the archive, and what has an entry is found by that. Those
// that are alike are numbered.
func fingerprint(f Finding, alike map[string]int) string {
	parts := []string{f.Rule, f.Where.Image, f.Where.Platform, f.Where.Entry}
	if digest.Digest(f.Where.Image).Validate() == nil {
		parts[1] = "" // it has no name
	}
	if f.Where.Entry == "" && f.Where.Layer != nil {
		parts = append(parts, fmt.Sprint(*f.Where.Layer))
	}
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\x00"))))
	alike[sum]++
	return fmt.Sprintf("%s:%d", sum, alike[sum])
}

// artifactURI is where an archive lies: relative as the user wrote it, so that it
// is found below the root of a repository, or a file URI.
func artifactURI(p string) string {
	p = path.Clean(filepath.ToSlash(p))
	if drive := filepath.VolumeName(p); drive != "" && !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	u := url.URL{Path: p}
	if strings.HasPrefix(p, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
