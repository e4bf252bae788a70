package app

import (
	"crypto"
	"crypto/x509"
	"log/slog"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
)

// connection is how one tenant's Graph is reached. Its clients share what Graph
// counts together.
type connection struct {
	signIn  signin.Options
	base    string
	roots   *x509.CertPool
	limiter *sdk.Limiter
	fence   func() error // see sdk.Options
	// observe is told every call, and signedIn every sign-in of an account key
	// or of appAccount; either may be nil.
	observe  func(sdk.Call)
	signedIn func(account string, failed *graph.SignInError)
}

// newConnection asks for the tenant's configuration of now whenever it needs a
// secret.
func newConnection(g config.Graph, now func() config.Tenant, roots *x509.CertPool, log *slog.Logger) connection {
	t := now()
	c := connection{base: g.BaseURL, roots: roots, limiter: sdk.NewLimiter(), signIn: signin.Options{
		Authority: g.Authority, TenantID: t.ID, ClientID: t.ClientID, HTTP: signin.NewHTTP(roots), Log: log,
	}}
	if t.ClientSecret.IsSet() {
		c.signIn.Secret = func() (string, error) { return now().ClientSecret.Read() }
		return c
	}
	c.signIn.Certificate = func() ([]*x509.Certificate, crypto.PrivateKey, error) {
		pem, err := now().ClientCertificate.ReadBytes()
		if err != nil {
			return nil, nil, err
		}
		return signin.ParseCertificate(pem, nil)
	}
	return c
}

// as gives the options for the sign-in of one account.
func (c connection) as(account string) signin.Options {
	o := c.signIn
	if c.signedIn != nil {
		o.Observe = func(failed *graph.SignInError) { c.signedIn(account, failed) }
	}
	return o
}

// client speaks to Graph as a credential of this connection.
func (c connection) client(credential *signin.Credential, log *slog.Logger) (*sdk.Client, error) {
	return sdk.New(sdk.Options{
		BaseURL: c.base, Credential: credential, Roots: c.roots, ClientID: c.signIn.ClientID, Limiter: c.limiter,
		Observe: c.observe, Fence: c.fence, Log: log,
	})
}

// app is the app's own credential and a client with it.
func (c connection) app(log *slog.Logger) (*signin.Credential, *sdk.Client, error) {
	credential, err := signin.NewApp(c.as(appAccount))
	if err != nil {
		return nil, nil, err
	}
	client, err := c.client(credential, log)
	return credential, client, err
}
