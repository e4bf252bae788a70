package graphsim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// serverCert is a trust root and a certificate for the loopback interface, both
// made on the spot.
type serverCert struct {
	ca   []byte // PEM
	leaf tls.Certificate
}

func newServerCert() *serverCert {
	caKey, caTemplate := newCertTemplate("Presence Bridge simulator root")
	caTemplate.IsCA, caTemplate.BasicConstraintsValid = true, true
	caTemplate.KeyUsage = x509.KeyUsageCertSign
	ca := mustCreate(caTemplate, caTemplate, caKey, caKey)

	key, template := newCertTemplate("localhost")
	template.DNSNames = []string{"localhost"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf := mustCreate(template, caTemplate, key, caKey)
	return &serverCert{
		ca:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca}),
		leaf: tls.Certificate{Certificate: [][]byte{leaf, ca}, PrivateKey: key},
	}
}

func (c *serverCert) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.leaf}, MinVersion: tls.VersionTLS12}
}

func newCertTemplate(name string) (*ecdsa.PrivateKey, *x509.Certificate) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system has no randomness
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		panic(err)
	}
	now := time.Now()
	return key, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
	}
}

func mustCreate(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		panic(err) // the template is ours
	}
	return der
}
