package graphsim

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// checkAssertion verifies a client assertion against the app's certificates.
func (s *Simulator) checkAssertion(g *grant, assertion string) int {
	for _, cert := range g.app.certificates() {
		if s.assertedBy(g, assertion, cert) {
			return 0
		}
	}
	return 700027
}

// assertedBy verifies it against one of them.
func (s *Simulator) assertedBy(g *grant, assertion string, cert *x509.Certificate) bool {
	if g.form.Get("client_assertion_type") != assertionType {
		return false
	}
	var claims jwt.RegisteredClaims
	token, err := jwt.ParseWithClaims(assertion, &claims, func(*jwt.Token) (any, error) { return cert.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithExpirationRequired(), jwt.WithIssuer(g.app.ID), jwt.WithSubject(g.app.ID))
	if err != nil || !namesCertificate(token.Header, cert.Raw) {
		return false
	}
	for _, host := range []string{s.AuthorityURL(), "https://login.microsoftonline.com"} {
		for _, end := range []string{"/oauth2/v2.0/token", "/v2.0"} {
			for _, aud := range claims.Audience {
				if strings.EqualFold(aud, host+"/"+g.tenant+end) {
					return true
				}
			}
		}
	}
	return false
}

// namesCertificate checks the thumbprint in the header of an assertion.
func namesCertificate(header map[string]any, der []byte) bool {
	one, two := sha1.Sum(der), sha256.Sum256(der)
	for name, want := range map[string][]byte{"x5t": one[:], "x5t#S256": two[:]} {
		text, ok := header[name].(string)
		if !ok {
			continue
		}
		for _, enc := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding, base64.StdEncoding} {
			if got, err := enc.DecodeString(text); err == nil && bytes.Equal(got, want) {
				return true
			}
		}
	}
	return false
}
