package app

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"log/slog"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/config"
)

func TestOpenDecrypt(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("32 bytes of a symmetric key, so.")
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &key.PublicKey, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	for mode, by := range map[string]string{
		config.RSAAuto: "rsa by libcrypto", config.RSALibcrypto: "rsa by libcrypto", config.RSAGo: "rsa by go",
	} {
		var log bytes.Buffer
		decrypt, wipe, err := openDecrypt(mode, key, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := decrypt(key, sealed)
		if err != nil || !bytes.Equal(plain, text) || !strings.Contains(log.String(), by) {
			t.Errorf("%s: %q, %v, log %s", mode, plain, err, &log)
		}
		wipe()
	}
}

// What does not prove itself is not used: here a key that is not precomputed.
func TestOpenDecryptWithoutProof(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key.Precomputed = rsa.PrecomputedValues{}
	_, _, err = openDecrypt(config.RSALibcrypto, key, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "libcrypto cannot be used") || !strings.Contains(err.Error(), "rsa: auto") {
		t.Errorf("error %v", err)
	}
	var log bytes.Buffer
	_, wipe, err := openDecrypt(config.RSAAuto, key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || !strings.Contains(log.String(), "rsa by go, which takes more processor time") {
		t.Errorf("auto: %v, log %s", err, &log)
	}
	wipe()
}
