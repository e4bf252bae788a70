package expiry

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// Directory tells what Graph knows about ends. Every method may answer 403.
type Directory interface {
	Application(ctx context.Context, clientID string) (graph.Application, error)
	PasswordFacts(ctx context.Context, username string) (graph.PasswordFacts, error)
	PasswordPolicy(ctx context.Context, domain string) (graph.PasswordPolicy, error)
}

// Tenant is what is configured of one tenant. Secret or Certificate is set.
type Tenant struct {
	ID, Name, ClientID string
	Secret             func() (string, error)
	Certificate        func() ([]*x509.Certificate, error)
	Accounts           []Account
	Directory          Directory
}

// Account is a service user, with a password or signed in by device code.
type Account struct {
	Key, Username string
	// LastUse is of the refresh token; fs.ErrNotExist before anybody signed in.
	// Nil for an account with a password.
	LastUse func(ctx context.Context) (time.Time, error)
	Again   string // how somebody signs it in again
}

// Read asks about everything of the tenant. What cannot be told is an item that
// says why; there is no error.
func (t Tenant) Read(ctx context.Context) []Item {
	items := []Item{t.proof(ctx)}
	policies := map[string]func() (graph.PasswordPolicy, error){} // asked once a domain
	for _, a := range t.Accounts {
		i := Item{TenantID: t.ID, Tenant: t.Name, Account: a.Key, Username: a.Username}
		if a.LastUse != nil {
			i.Kind = RefreshToken
			used, err := a.LastUse(ctx)
			items = append(items, refresh(i, used, err, a.Again))
			continue
		}
		i.Kind = Password
		facts, err := t.Directory.PasswordFacts(ctx, a.Username)
		if err != nil {
			items = append(items, i.failed(err, "User.Read.All"))
			continue
		}
		_, domain, _ := strings.Cut(strings.ToLower(a.Username), "@")
		policy := policies[domain]
		if policy == nil {
			p, err := t.Directory.PasswordPolicy(ctx, domain)
			policy = func() (graph.PasswordPolicy, error) { return p, err }
			policies[domain] = policy
		}
		p, err := policy()
		items = append(items, password(i, facts, p, err))
	}
	return items
}

// proof is what the app proves itself with.
func (t Tenant) proof(ctx context.Context) Item {
	i := Item{TenantID: t.ID, Tenant: t.Name}
	if t.Certificate != nil {
		i.Kind = ClientCertificate
		chain, err := t.Certificate()
		return certificate(i, chain, err, replaceCertificate)
	}
	i.Kind = ClientSecret
	value, err := t.Secret()
	if err != nil {
		return i.unknown("the secret cannot be read: "+err.Error(), "correct the configuration")
	}
	app, err := t.Directory.Application(ctx, t.ClientID)
	if err != nil {
		return i.failed(err, "Application.Read.All")
	}
	return secret(i, app, value)
}

// TLS is the certificate of the public side.
func TLS(chain []*x509.Certificate, err error) Item {
	return certificate(Item{Kind: TLSCertificate}, chain, err, replaceTLS)
}

// ACME is the certificate of the public side that the service gets and renews
// itself; nil if there is none, because of missing.
func ACME(cert *x509.Certificate, missing string) Item {
	const look = "look into the log for why it was not renewed"
	i := Item{Kind: TLSCertificate, ByItself: true}
	if cert == nil {
		i.passing = true
		return i.unknown("there is none yet: "+missing, look)
	}
	i.due = cert.NotAfter.Add(-cert.NotAfter.Sub(cert.NotBefore) / 3)
	return i.ends(cert.NotAfter, "the service renews it by itself", look)
}

// Key is the current encryption key, which the service replaces at due.
func Key(due time.Time) Item {
	i := Item{Kind: EncryptionKey, ByItself: true, due: due}
	return i.ends(due, "the service replaces it by itself", "look into the log for why it was not replaced")
}

func certificate(i Item, chain []*x509.Certificate, err error, advice string) Item {
	if err != nil || len(chain) == 0 {
		note := "the file holds none"
		if err != nil {
			note = err.Error()
		}
		return i.unknown("the certificate cannot be read: "+note, "correct the configuration")
	}
	return i.ends(chain[0].NotAfter, "", advice)
}
