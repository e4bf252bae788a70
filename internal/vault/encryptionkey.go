package vault

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"time"
)

// validity of a certificate. Graph does not check it, and keys are rotated long
// before; it is only that X.509 wants an end.
const validity = 10 * 365 * 24 * time.Hour

// EncryptionKey is a key pair that Graph encrypts notifications for.
// Formatting one in any way shows its id alone.
type EncryptionKey struct {
	ID          string          // unique, e.g. pb-2026-11-23-1f0c9a2b; Graph takes up to 128 characters
	Private     *rsa.PrivateKey `json:"-"`
	Certificate []byte          // DER, self-signed, without personal data
	Thumbprint  string          // upper-case hex SHA-1 of Certificate, as Graph sends it
	Created     time.Time
	Retired     time.Time // zero while current
	Seen        time.Time // when an instance last told the others that it was in use, once retired
}

// Format shows the id, whatever the verb.
func (k EncryptionKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "encryption key "+k.ID) }

// LogValue shows the id.
func (k EncryptionKey) LogValue() slog.Value { return slog.StringValue(k.ID) }

func newEncryptionKey(bits int, now time.Time) (EncryptionKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return EncryptionKey{}, fmt.Errorf("make RSA key: %w", err)
	}
	now = now.UTC().Truncate(time.Second)
	random := make([]byte, 4+16)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	random[4] &= 0x7f        // a serial number is positive
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(random[4:]),
		Subject:      pkix.Name{CommonName: "Presence Bridge notifications"},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return EncryptionKey{}, fmt.Errorf("make certificate: %w", err)
	}
	return EncryptionKey{
		ID:          "pb-" + now.Format(time.DateOnly) + "-" + hex.EncodeToString(random[:4]),
		Private:     private,
		Certificate: der,
		Thumbprint:  thumbprint(der),
		Created:     now,
	}, nil
}

// thumbprint as in encryptionCertificateThumbprint of a notification.
func thumbprint(der []byte) string {
	sum := sha1.Sum(der) // a name, not a protection; Graph chose it
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
