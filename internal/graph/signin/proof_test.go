package signin

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func appCertificate(t *testing.T) ([]*x509.Certificate, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "presence-bridge"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := x509.ParseCertificates(der)
	if err != nil {
		t.Fatal(err)
	}
	return certs, key
}

func TestCertificateProvesTheApp(t *testing.T) {
	certs, key := appCertificate(t)
	a := newAuthority(t)
	o := a.options()
	o.Secret = nil
	o.Certificate = func() ([]*x509.Certificate, crypto.PrivateKey, error) { return certs, key, nil }
	mustToken(t, newApp(t, o), "token-1")
	user := newUser(t, o)
	mustToken(t, user, "token-2")
	if err := user.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g := grants(a); g != "client_credentials password refresh_token" {
		t.Fatalf("grants %q", g)
	}
	seen := map[string]bool{}
	for _, f := range a.asked() {
		if f.Has("client_secret") || f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			t.Fatalf("authority saw %v", f)
		}
		token, err := jwt.Parse(f.Get("client_assertion"), func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
			jwt.WithValidMethods([]string{"PS256"}), jwt.WithIssuer(clientID), jwt.WithSubject(clientID),
			jwt.WithAudience(a.URL+"/"+tenantID+"/oauth2/v2.0/token"), jwt.WithExpirationRequired())
		if err != nil {
			t.Fatal(err)
		}
		id := token.Claims.(jwt.MapClaims)["jti"].(string)
		if token.Header["x5t#S256"] == nil || seen[id] {
			t.Fatalf("header %v, claims %v", token.Header, token.Claims)
		}
		seen[id] = true
	}
}

func TestUnsuitableCertificates(t *testing.T) {
	certs, _ := appCertificate(t)
	_, stranger := appCertificate(t)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string]crypto.PrivateKey{
		"not an RSA key":            curve,
		"belongs to no certificate": stranger,
	} {
		a := newAuthority(t)
		o := a.options()
		o.Secret = nil
		o.Certificate = func() ([]*x509.Certificate, crypto.PrivateKey, error) { return certs, key, nil }
		if s := refused(t, newApp(t, o)); !s.Permanent || !strings.Contains(s.Unwrap().Error(), want) {
			t.Errorf("%+v, want %q", s, want)
		}
	}
}

func TestParseCertificate(t *testing.T) {
	certs, key := appCertificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: certs[0].Raw})
	pem.Encode(&file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	got, gotKey, err := ParseCertificate(file.Bytes(), nil)
	if err != nil || !got[0].Equal(certs[0]) || !key.Equal(gotKey) {
		t.Fatalf("%v, %v", got, err)
	}
	if _, _, err := ParseCertificate([]byte("nothing"), nil); err == nil {
		t.Fatal("nothing was parsed")
	}
}
