package codec

import (
	"fmt"
	"strconv"
	"strings"
)

// Setting is a compression to write and how much work goes into it. The zero
// value names no compression, so that callers can use it for "as it is".
type Setting struct {
	Compression Compression
	// Level is 1 to 9 for gzip and xz and 1 to 19 for zstd; more is smaller and
	// slower. Zero means the default of the tools: 6, 6 and 3. [None] has no
	// levels.
	Level int
}

// ParseSetting reads what a layer can be compressed with: none, gzip[:1-9] or
// zstd[:1-19].
func ParseSetting(s string) (Setting, error) { return parseSetting(s, Setting.CheckLayer) }

// ParseOuterSetting reads what the file of a whole archive can be compressed
// with: none, gzip[:1-9], zstd[:1-19] or xz[:1-9].
func ParseOuterSetting(s string) (Setting, error) { return parseSetting(s, Setting.Check) }

func parseSetting(s string, check func(Setting) error) (Setting, error) {
	name, text, leveled := strings.Cut(s, ":")
	setting := Setting{Compression: Compression(name)}
	if err := check(setting); err != nil {
		return Setting{}, err
	}
	if !leveled {
		return setting, nil
	}
	level, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(level) != text { // no sign, no zeros in front
		return Setting{}, setting.levelError(strconv.Quote(text))
	}
	if level == 0 {
		return Setting{}, setting.levelError(text) // which is not the default
	}
	setting.Level = level
	if err := check(setting); err != nil {
		return Setting{}, err
	}
	return setting, nil
}

// String gives what [ParseOuterSetting] reads as s.
func (s Setting) String() string {
	if s.Level == 0 {
		return string(s.Compression)
	}
	return fmt.Sprintf("%s:%d", s.Compression, s.Level)
}

// Settled gives s with the default level filled in.
func (s Setting) Settled() Setting {
	if top, _ := s.Compression.topLevel(); top > 0 {
		s.Level = s.level()
	}
	return s
}

// Check is nil for what [NewWriter] can write.
func (s Setting) Check() error {
	top, ok := s.Compression.topLevel()
	if !ok {
		return fmt.Errorf("compression %q: it is none, gzip, zstd or xz", s.Compression)
	}
	if s.Level < 0 || s.Level > top {
		return s.levelError(strconv.Itoa(s.Level))
	}
	return nil
}

// CheckLayer is nil for what a layer can be written with: one that has a media
// type (image-spec v1.1 layer.md, "+gzip Media Types" and "+zstd Media Types").
func (s Setting) CheckLayer() error {
	switch s.Compression {
	case None, Gzip, Zstd:
		return s.Check()
	}
	return fmt.Errorf("compression %q of a layer: it is none, gzip or zstd", s.Compression)
}

func (s Setting) levelError(level string) error {
	top, _ := s.Compression.topLevel()
	if top == 0 {
		return fmt.Errorf("level %s of %s: it has no levels", level, s.Compression)
	}
	return fmt.Errorf("level %s of %s: it is 1 to %d", level, s.Compression, top)
}

// topLevel is the highest level that c is written with, zero where there are no
// levels; ok is false for what is read but never written.
func (c Compression) topLevel() (top int, ok bool) {
	switch c {
	case None:
		return 0, true
	case Gzip, XZ:
		return 9, true
	case Zstd:
		return 19, true
	}
	return 0, false
}

// level is the level of s with the default filled in.
func (s Setting) level() int {
	switch {
	case s.Level != 0:
		return s.Level
	case s.Compression == Zstd:
		return 3
	}
	return 6
}
