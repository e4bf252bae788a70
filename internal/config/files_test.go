package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the operating system says becomes advice.
func TestUnreadable(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{fs.ErrNotExist, "bridge.yaml: tls.cert_file: the file does not exist"},
		{fs.ErrPermission, "bridge.yaml: tls.cert_file: the file may not be read; let user "},
		{errTooLarge, "bridge.yaml: tls.cert_file: the file is too large"},
		{errNotRegular, "bridge.yaml: tls.cert_file: the file is not a regular file"},
		{io.ErrUnexpectedEOF, "bridge.yaml: tls.cert_file: the file cannot be read"},
	}
	for _, test := range tests {
		r := &reader{file: "bridge.yaml", faults: map[string]bool{}}
		r.unreadable("tls.cert_file", "the file", &fs.PathError{Op: "open", Path: "hunter2", Err: test.err})
		if got := r.mistakes.Error(); !strings.HasPrefix(got, test.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%v becomes %q, want %q…", test.err, got, test.want)
		}
	}
}

// newDir is a directory with what a working configuration names: a matching
// pair cert.pem and key.pem, a key that does not match, and a secret.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, other := newKey(t), newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"presence.example.com"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), encode("CERTIFICATE", der))
	write(t, filepath.Join(dir, "key.pem"), encode("PRIVATE KEY", marshal(t, key)))
	write(t, filepath.Join(dir, "other.pem"), encode("PRIVATE KEY", marshal(t, other)))
	write(t, filepath.Join(dir, "secret"), "Zr8~hunter2\n")
	return dir
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func marshal(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
