//go:build linux

package cli_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgtool/imgtool/archive/archivetest"
	"github.com/imgtool/imgtool/archive/enginetest"
	"github.com/imgtool/imgtool/cli"
)

// TestEncrypted: of layers that skopeo encrypted, imgtool says so, and carries them
// to where skopeo decrypts them.
func TestEncrypted(t *testing.T) {
	t.Parallel()
	enginetest.Require(t, "skopeo")
	public, private := writeKeys(t)
	plain, secret, moved := lowerTempDir(t), lowerTempDir(t)+"/out", lowerTempDir(t)+"/out"
	archivetest.Build(t, plain+"/app.tar", smallListing)
	imgtool(t, "convert", "-q", plain+"/app.tar", "oci:"+plain+"/layout", "--compress", "gzip", "--name", "app:v1")
	if err := skopeo("--encryption-key", "jwe:"+public, "oci:"+plain+"/layout:app:v1", "oci:"+secret+":v1"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--strict", secret},
		{"export", secret, "-o", moved},
		{"unpack", secret, moved},
		{"ls", secret},
		{"convert", secret, moved, "--compress", "zstd"},
	} {
		code, out, messages := run(cli.Env{}, args...)
		if code == 0 || !strings.Contains(out+messages, "is encrypted") {
			t.Errorf("imgtool %q: exit code %d\n%s%s\nwant an error, and that it is encrypted", args, code, out, messages)
		}
	}
	if page := imgtool(t, "inspect", secret); !strings.Contains(page, "  encrypted  ") {
		t.Errorf("inspect: no encrypted layer in\n%s", page)
	}
	imgtool(t, "convert", "-q", secret, "oci-archive:"+moved)
	back := filepath.Join(lowerTempDir(t), "back")
	if err := skopeo("--decryption-key", private, "oci-archive:"+moved+":v1", "oci:"+back+":v1"); err != nil {
		t.Fatal(err)
	}
	if want, got := exported(t, plain+"/layout"), exported(t, back); got != want {
		t.Errorf("the filesystem differs after encryption, conversion and decryption")
	}
}

// writeKeys makes a pair of keys, in files.
func writeKeys(t *testing.T) (public, private string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("public.pem", "PUBLIC KEY", der), write("private.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}
