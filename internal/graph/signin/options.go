package signin

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"jtel.de/presencebridge/internal/graph"
)

// Options name the app registration and how it proves itself: by a secret or
// by a certificate, one of the two.
type Options struct {
	// Authority is the sign-in service without a path, https only,
	// e.g. https://login.microsoftonline.com.
	Authority string
	TenantID  string
	ClientID  string

	// Secret gives the current client secret. It is read for every sign-in, so
	// a changed file counts from the next one on.
	Secret func() (string, error)
	// Certificate gives the app's certificate chain and its RSA key, likewise.
	Certificate func() ([]*x509.Certificate, crypto.PrivateKey, error)

	// Observe is told how every sign-in went, nil for a success; it must be
	// quick and not call back. May be nil.
	Observe func(*graph.SignInError)
	// Public says that the app is a public client, which proves nothing. Only
	// [DeviceCode] knows such apps.
	Public bool

	// PollEvery is how often Entra ID is asked whether somebody has entered the
	// code; zero is as often as it wants to be asked.
	PollEvery time.Duration

	HTTP *http.Client // see NewHTTP
	Log  *slog.Logger // nil is silent
}

// Microsoft's own authorities, the only ones that know instance discovery.
// Source: Entra ID, "national clouds".
var microsoftAuthorities = []string{
	"login.microsoftonline.com",
	"login.microsoftonline.us",
	"login.partner.microsoftonline.cn",
	"login.chinacloudapi.cn",
}

func (o Options) check() error {
	u, err := url.Parse(o.Authority)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("authority %q is not an https address", o.Authority)
	case o.TenantID == "" || o.ClientID == "":
		return errors.New("tenant id and client id are both needed")
	case !o.Public && (o.Secret == nil) == (o.Certificate == nil):
		return errors.New("either a client secret or a certificate is needed")
	case o.HTTP == nil:
		return errors.New("an http client is needed")
	}
	return nil
}

func (o Options) microsoft() bool {
	u, err := url.Parse(o.Authority)
	return err == nil && slices.Contains(microsoftAuthorities, u.Hostname())
}

// NewHTTP is the client for sign-ins: 30 seconds for a request, TLS 1.2 or
// newer. It follows no redirect, since the request carries secrets. Nil roots
// are the system's.
func NewHTTP(roots *x509.CertPool) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return &http.Client{
		Transport:     transport,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ParseCertificate reads a certificate chain and its private key from PEM or
// PKCS#12. The password is nil for PEM; encrypted PEM keys are not understood.
func ParseCertificate(pemOrPFX, password []byte) ([]*x509.Certificate, crypto.PrivateKey, error) {
	certs, key, err := azidentity.ParseCertificates(pemOrPFX, password)
	if err != nil {
		return nil, nil, fmt.Errorf("parse app certificate: %w", err)
	}
	return certs, key, nil
}
