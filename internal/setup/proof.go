package setup

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/graph/admin"
)

// renewBefore is how long before its end a secret or certificate is replaced by
// a new run: a month, but a third of a short life.
func (r *run) renewBefore() time.Duration { return min(30*24*time.Hour, r.ProofLife/3) }

// proof is what the app proves itself with.
func (r *run) proof(ctx context.Context) error {
	if r.Certificate {
		r.Facts.CertificateFile = r.Files.Secret(r.Facts.Tenant + "-app.pem")
		return r.certificate(ctx)
	}
	r.Facts.SecretFile = r.Files.Secret(r.Facts.Tenant + "-client-secret")
	return r.secret(ctx)
}

func (r *run) secret(ctx context.Context) error {
	file := r.Facts.SecretFile
	if ends, ok := r.secretInUse(file); ok && time.Until(ends) > r.renewBefore() {
		r.say(Found, "client secret in %s, until %s", file, ends.Format(time.DateOnly))
		return nil
	}
	if Exists(file) && len(r.app.Secrets) == 0 && r.app.ID != "" {
		r.say(Waiting, "the secret in %s is none of the app's and is replaced", file)
	}
	ends := time.Now().Add(r.ProofLife)
	return r.do(ctx, Made, fmt.Sprintf("client secret until %s, in %s", ends.Format(time.DateOnly), file), func() error {
		s, err := r.Directory.AddSecret(ctx, r.app.ID, "made by presencebridge setup", ends)
		if err != nil {
			return err
		}
		return Write(file, []byte(s.Value+"\n"))
	})
}

// secretInUse is when the secret in the file ends, if it is one of the app's.
func (r *run) secretInUse(file string) (ends time.Time, ok bool) {
	value, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, false
	}
	for _, s := range r.app.Secrets {
		if s.Hint != "" && strings.HasPrefix(string(value), s.Hint) && s.Ends.After(ends) {
			ends, ok = s.Ends, true
		}
	}
	return ends, ok
}

func (r *run) certificate(ctx context.Context) error {
	file := r.Facts.CertificateFile
	var keys []admin.KeyCredential
	if r.app.ID != "" {
		err := r.patiently(ctx, "certificates of the app", func() (err error) {
			keys, err = r.Directory.Keys(ctx, r.app.ID)
			return err
		})
		if err != nil {
			return err
		}
	}
	cert, there, err := readCertificate(file)
	if err != nil {
		return err
	}
	if there && time.Until(cert.NotAfter) <= r.renewBefore() {
		there = false
	}
	if there && has(keys, cert) {
		r.say(Found, "certificate in %s, until %s", file, cert.NotAfter.Format(time.DateOnly))
		return nil
	}
	if !there {
		// The former one stays beside until the new one is uploaded.
		err := r.do(ctx, Made, fmt.Sprintf("certificate and key in %s, until %s", file, time.Now().Add(r.ProofLife).Format(time.DateOnly)), func() (err error) {
			cert, err = makeCertificate(file, r.ProofLife)
			return err
		})
		if err != nil {
			return err
		}
	}
	return r.do(ctx, Made, "certificate uploaded to the app", func() error {
		return r.Directory.SetKeys(ctx, r.app.ID, append(keys, admin.KeyCredential{
			Type: "AsymmetricX509Cert", Usage: "Verify", Name: "CN=" + cert.Subject.CommonName, Key: cert.Raw,
			Begins: cert.NotBefore.UTC(), Ends: cert.NotAfter.UTC(),
		}))
	})
}

func has(keys []admin.KeyCredential, cert *x509.Certificate) bool {
	for _, k := range keys {
		if bytes.Equal(k.Key, cert.Raw) {
			return true
		}
	}
	return false
}

// readCertificate reads the first one of a file, if there is a file.
func readCertificate(file string) (*x509.Certificate, bool, error) {
	if !Exists(file) {
		return nil, false, nil
	}
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, false, fmt.Errorf("read the app's certificate: %w", err)
	}
	for block := new(pem.Block); block != nil; {
		if block, rest = pem.Decode(rest); block != nil && block.Type == "CERTIFICATE" {
			cert, err := x509.ParseCertificate(block.Bytes)
			return cert, err == nil, err
		}
	}
	return nil, false, fmt.Errorf("%s holds no certificate in PEM form: move it away", file)
}

// makeCertificate writes a certificate and its key into one file.
func makeCertificate(file string, life time.Duration) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Presence Bridge"},
		// Clocks differ. Graph was seen to take a year at most by default.
		NotBefore: now.Add(-5 * time.Minute), NotAfter: now.Add(life - 5*time.Minute), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), crypto.PrivateKey(key))
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	cert, err := x509.ParseCertificate(der)
	return cert, errors.Join(err, Write(file, text))
}
