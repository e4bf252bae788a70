package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/golang-jwt/jwt/v5"
)

// proof is what the app proves itself with: a secret, or a certificate and key.
type proof struct {
	clientID string
	secret   string
	cert     *x509.Certificate
	key      *rsa.PrivateKey
}

// unreadable says that a secret could not be had; Entra ID was not asked.
type unreadable struct {
	what string
	err  error
}

func (u *unreadable) Error() string { return "read " + u.what + ": " + u.err.Error() }
func (u *unreadable) Unwrap() error { return u.err }

// Is makes every one of them an ErrUnreadable.
func (u *unreadable) Is(target error) bool { return target == ErrUnreadable }

func (o Options) readProof() (proof, error) {
	if o.Secret != nil {
		secret, err := o.Secret()
		if err == nil && secret == "" {
			err = errors.New("it is empty")
		}
		if err != nil {
			return proof{}, &unreadable{"the client secret", err}
		}
		return proof{clientID: o.ClientID, secret: secret}, nil
	}
	certs, private, err := o.Certificate()
	if err != nil {
		return proof{}, &unreadable{"the app's certificate", err}
	}
	key, ok := private.(*rsa.PrivateKey)
	if !ok {
		return proof{}, &unreadable{"the app's certificate", errors.New("its key is not an RSA key")}
	}
	for _, cert := range certs {
		if key.PublicKey.Equal(cert.PublicKey) {
			return proof{clientID: o.ClientID, cert: cert, key: key}, nil
		}
	}
	return proof{}, &unreadable{"the app's certificate", errors.New("its key belongs to no certificate")}
}

func (p proof) credential() (confidential.Credential, error) {
	if p.cert == nil {
		return confidential.NewCredFromSecret(p.secret)
	}
	return confidential.NewCredFromAssertionCallback(
		func(_ context.Context, o confidential.AssertionRequestOptions) (string, error) {
			return p.assertion(o.TokenEndpoint, time.Now())
		}), nil
}

// assertion is the signed statement that stands for a secret.
// Source: Entra ID, "certificate credentials".
func (p proof) assertion(audience string, now time.Time) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.RegisteredClaims{
		Audience:  jwt.ClaimStrings{audience},
		Issuer:    p.clientID,
		Subject:   p.clientID,
		ID:        rand.Text(),
		NotBefore: jwt.NewNumericDate(now),
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(10 * time.Minute)),
	})
	sum := sha256.Sum256(p.cert.Raw)
	t.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
	return t.SignedString(p.key)
}

// proving is MSAL's way out. MSAL leaves the app's proof out of the password
// grant, although Entra ID demands it of a confidential client (AADSTS7000218),
// so it is added here to every request for a token that lacks it.
type proving struct {
	http  *http.Client
	proof proof
}

func (p *proving) CloseIdleConnections() { p.http.CloseIdleConnections() }

func (p *proving) Do(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost || r.Body == nil || !strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
		return p.http.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the token request is not a form")
	}
	if !form.Has("client_secret") && !form.Has("client_assertion") {
		if err := p.proof.add(form, r.URL.String()); err != nil {
			return nil, err
		}
	}
	body = []byte(form.Encode())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return p.http.Do(r)
}

func (p proof) add(form url.Values, audience string) error {
	if p.cert == nil {
		form.Set("client_secret", p.secret)
		return nil
	}
	assertion, err := p.assertion(audience, time.Now())
	if err != nil {
		return err
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return nil
}
