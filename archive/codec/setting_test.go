package codec_test

import (
	"io"
	"testing"

	"github.com/imgtool/imgtool/archive/codec"
)

func TestParseSetting(t *testing.T) {
	t.Parallel()
	const none, layer = "", "it is none, gzip or zstd"
	for _, tt := range []struct {
		text         string
		want         codec.Setting
		outer, layer string // errors
	}{
		{"none", codec.Setting{Compression: codec.None}, none, none},
		{"gzip", codec.Setting{Compression: codec.Gzip}, none, none},
		{"gzip:1", codec.Setting{Compression: codec.Gzip, Level: 1}, none, none},
		{"gzip:9", codec.Setting{Compression: codec.Gzip, Level: 9}, none, none},
		{"zstd", codec.Setting{Compression: codec.Zstd}, none, none},
		{"zstd:1", codec.Setting{Compression: codec.Zstd, Level: 1}, none, none},
		{"zstd:19", codec.Setting{Compression: codec.Zstd, Level: 19}, none, none},
		{"xz", codec.Setting{Compression: codec.XZ}, none, `compression "xz" of a layer: ` + layer},
		{"xz:9", codec.Setting{Compression: codec.XZ, Level: 9}, none, `compression "xz" of a layer: ` + layer},
		{"", codec.Setting{}, `compression "": it is none, gzip, zstd or xz`, `compression "" of a layer: ` + layer},
		{"lz4", codec.Setting{}, `compression "lz4": it is none, gzip, zstd or xz`, `compression "lz4" of a layer: ` + layer},
		{"bzip2", codec.Setting{}, `compression "bzip2": it is none, gzip, zstd or xz`, `compression "bzip2" of a layer: ` + layer},
		{"Gzip", codec.Setting{}, `compression "Gzip": it is none, gzip, zstd or xz`, `compression "Gzip" of a layer: ` + layer},
		{" gzip", codec.Setting{}, `compression " gzip": it is none, gzip, zstd or xz`, `compression " gzip" of a layer: ` + layer},
		{"bzip2:9", codec.Setting{}, `compression "bzip2": it is none, gzip, zstd or xz`, `compression "bzip2" of a layer: ` + layer},
		{":6", codec.Setting{}, `compression "": it is none, gzip, zstd or xz`, `compression "" of a layer: ` + layer},
		{"none:1", codec.Setting{}, "level 1 of none: it has no levels", "level 1 of none: it has no levels"},
		{"none:0", codec.Setting{}, "level 0 of none: it has no levels", "level 0 of none: it has no levels"},
		{"gzip:12", codec.Setting{}, "level 12 of gzip: it is 1 to 9", "level 12 of gzip: it is 1 to 9"},
		{"gzip:0", codec.Setting{}, "level 0 of gzip: it is 1 to 9", "level 0 of gzip: it is 1 to 9"},
		{"gzip:-1", codec.Setting{}, "level -1 of gzip: it is 1 to 9", "level -1 of gzip: it is 1 to 9"},
		{"gzip:", codec.Setting{}, `level "" of gzip: it is 1 to 9`, `level "" of gzip: it is 1 to 9`},
		{"gzip:06", codec.Setting{}, `level "06" of gzip: it is 1 to 9`, `level "06" of gzip: it is 1 to 9`},
		{"gzip:+6", codec.Setting{}, `level "+6" of gzip: it is 1 to 9`, `level "+6" of gzip: it is 1 to 9`},
		{"gzip:6 ", codec.Setting{}, `level "6 " of gzip: it is 1 to 9`, `level "6 " of gzip: it is 1 to 9`},
		{"gzip:6:7", codec.Setting{}, `level "6:7" of gzip: it is 1 to 9`, `level "6:7" of gzip: it is 1 to 9`},
		{"gzip:best", codec.Setting{}, `level "best" of gzip: it is 1 to 9`, `level "best" of gzip: it is 1 to 9`},
		{"gzip:99999999999999999999", codec.Setting{}, `level "99999999999999999999" of gzip: it is 1 to 9`, `level "99999999999999999999" of gzip: it is 1 to 9`},
		{"zstd:20", codec.Setting{}, "level 20 of zstd: it is 1 to 19", "level 20 of zstd: it is 1 to 19"},
		{"xz:0", codec.Setting{}, "level 0 of xz: it is 1 to 9", `compression "xz" of a layer: ` + layer},
		{"xz:10", codec.Setting{}, "level 10 of xz: it is 1 to 9", `compression "xz" of a layer: ` + layer},
	} {
		checkParse(t, "ParseOuterSetting", codec.ParseOuterSetting, tt.text, tt.want, tt.outer)
		checkParse(t, "ParseSetting", codec.ParseSetting, tt.text, tt.want, tt.layer)
	}
}

// checkParse also asks String for the way back.
func checkParse(t *testing.T, name string, parse func(string) (codec.Setting, error), text string, want codec.Setting, wantErr string) {
	t.Helper()
	got, err := parse(text)
	if wantErr != "" {
		if err == nil || err.Error() != wantErr || got != (codec.Setting{}) {
			t.Errorf("%s(%q) = %v, %v, want %s", name, text, got, err, wantErr)
		}
		return
	}
	if err != nil || got != want || got.String() != text {
		t.Errorf("%s(%q) = %v, %v, want %v", name, text, got, err, want)
	}
}

// TestSettingCheck: what was not parsed is checked too.
func TestSettingCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		setting codec.Setting
		want    string
	}{
		{codec.Setting{}, `compression "": it is none, gzip, zstd or xz`},
		{codec.Setting{Compression: codec.Bzip2}, `compression "bzip2": it is none, gzip, zstd or xz`},
		{codec.Setting{Compression: codec.None, Level: 1}, "level 1 of none: it has no levels"},
		{codec.Setting{Compression: codec.Gzip, Level: -1}, "level -1 of gzip: it is 1 to 9"},
		{codec.Setting{Compression: codec.Gzip, Level: 10}, "level 10 of gzip: it is 1 to 9"},
		{codec.Setting{Compression: codec.XZ, Level: 10}, "level 10 of xz: it is 1 to 9"},
		{codec.Setting{Compression: codec.Zstd, Level: 20}, "level 20 of zstd: it is 1 to 19"},
	} {
		if err := tt.setting.Check(); err == nil || err.Error() != tt.want {
			t.Errorf("%#v.Check() = %v, want %s", tt.setting, err, tt.want)
		}
		if w, err := codec.NewWriter(io.Discard, tt.setting, codec.WriterOptions{}); w != nil || err == nil || err.Error() != tt.want {
			t.Errorf("NewWriter(%#v) = %v, %v, want %s", tt.setting, w, err, tt.want)
		}
	}
	if _, err := codec.NewWriter(io.Discard, codec.Setting{Compression: codec.Gzip}, codec.WriterOptions{Concurrency: -1}); err == nil {
		t.Error("NewWriter with a concurrency of -1 = nil, want an error")
	}
}
