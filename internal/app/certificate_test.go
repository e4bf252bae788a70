package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writePair puts a new self-signed pair into the two files, with modification
// times of their own.
func writePair(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), serial)
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), serial)
}

func write(t *testing.T, file string, content []byte, minute int64) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(60*minute, 0)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestAChangedCertificateIsTakenUp(t *testing.T) {
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	log := new(strings.Builder)
	writePair(t, certFile, keyFile, 1)
	c, err := newCertificate(certFile, keyFile, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	served := func() int64 {
		c.checked = time.Time{} // as if the pause between two looks were over
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	if n := served(); n != 1 {
		t.Errorf("serves %d", n)
	}

	write(t, certFile, []byte("half written"), 2)
	for range 2 {
		if n := served(); n != 1 {
			t.Errorf("a broken file made it serve %d", n)
		}
	}
	if n := strings.Count(log.String(), "not taken up"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log)
	}

	writePair(t, certFile, keyFile, 3)
	if n := served(); n != 3 {
		t.Errorf("serves %d after a change", n)
	}
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	if n := served(); n != 3 {
		t.Errorf("serves %d after the key file went", n)
	}
	if _, err := newCertificate(certFile, keyFile, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started without a key file")
	}
}
