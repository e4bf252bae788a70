// Package acme gets the certificate of the public side from an ACME authority
// and renews it while the service runs, by certmagic.
//
// It is not a server: it gives what to put into the TLS configuration of one,
// and a handler for the plain HTTP one. It starts nothing but certmagic's
// maintenance, which [Manager.Close] ends.
package acme

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

const (
	// within bounds one attempt, checks from several places included.
	within = 3 * time.Minute
	// Pauses after failures double from the first to the longest: authorities
	// allow five failures an hour.
	firstPause   = 30 * time.Second
	longestPause = time.Hour
)

// Options of [New]. Host, Email and Log are required.
type Options struct {
	Host  string // the name that the certificate is for
	Email string // of the account, where the authority warns
	// Directory is the authority's URL; empty: Let's Encrypt. Roots are trusted
	// for it; nil: the system's.
	Directory string
	Roots     *x509.CertPool
	// Storage keeps account, key and certificate, and locks, so that those who
	// share it order once. [certmagic.FileStorage] in data_dir as a rule.
	Storage certmagic.Storage
	// TLSPort is where the public side listens here, HTTPPort where [Manager.Challenge]
	// does; zero if nobody does. The authority connects to 443 and 80.
	TLSPort, HTTPPort int
	Log               *slog.Logger

	// checkEvery is how often it is looked whether to renew; zero: ten minutes.
	checkEvery time.Duration
}

// Manager is the certificate of one host.
type Manager struct {
	Options
	cache  *certmagic.Cache
	config *certmagic.Config
	issuer *certmagic.ACMEIssuer
	wait   atomic.Pointer[string] // why there is no certificate; nil: there is one
}

// New makes a manager without a certificate; the caller closes it.
func New(o Options) *Manager {
	m := &Manager{Options: o}
	m.wait.Store(new("not asked for yet"))
	quiet := zap.NewNop() // what happens is told by events
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		RenewCheckInterval: cmp.Or(o.checkEvery, certmagic.DefaultRenewCheckInterval),
		Logger:             quiet,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage:           o.Storage,
		DefaultServerName: o.Host,
		OnEvent:           m.event,
		Logger:            quiet,
	})
	m.issuer = certmagic.NewACMEIssuer(m.config, certmagic.ACMEIssuer{
		CA:                   cmp.Or(o.Directory, certmagic.LetsEncryptProductionCA),
		Email:                o.Email,
		Agreed:               true, // the configuration says so
		TrustedRoots:         o.Roots,
		AltTLSALPNPort:       o.TLSPort,
		AltHTTPPort:          o.HTTPPort,
		DisableHTTPChallenge: o.HTTPPort == 0,
		CertObtainTimeout:    within,
		Logger:               quiet,
	})
	m.config.Issuers = []certmagic.Issuer{m.issuer}
	return m
}

// TLS serves the certificate and the authority's checks of the TLS kind.
func (m *Manager) TLS() *tls.Config {
	c := m.config.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append([]string{"h2", "http/1.1"}, c.NextProtos...)
	return c
}

// Challenge answers the authority's checks of the HTTP kind, and 404 to
// everybody else.
func (m *Manager) Challenge() http.Handler {
	return m.issuer.HTTPChallengeHandler(http.NotFoundHandler())
}

// Run gets the certificate, from the storage or from the authority, and then
// waits for the end of ctx; it is renewed meanwhile, after two thirds of its life.
func (m *Manager) Run(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := m.config.ManageSync(ctx, []string{m.Host})
		if err == nil {
			m.wait.Store(nil)
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		text := fmt.Sprintf("%v; the authority must reach %s on port 443 or 80, and a CAA record must not forbid it", root(err), m.Host)
		m.wait.Store(&text)
		m.Log.Error("no certificate from the acme authority, it is tried again", "host", m.Host, "error", text, "again_in", pause)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	<-ctx.Done()
	return nil
}

// Missing says why there is no certificate; empty if there is one.
func (m *Manager) Missing() string {
	if why := m.wait.Load(); why != nil {
		return *why
	}
	return ""
}

// Certificate is the one that is served; nil if there is none.
func (m *Manager) Certificate() (served *x509.Certificate) {
	for _, c := range m.cache.AllMatchingCertificates(m.Host) {
		if c.Leaf != nil && (served == nil || c.Leaf.NotAfter.After(served.NotAfter)) {
			served = c.Leaf
		}
	}
	return served
}

// Close ends the maintenance.
func (m *Manager) Close() { m.cache.Stop() }

// event logs what certmagic tells.
func (m *Manager) event(_ context.Context, name string, data map[string]any) error {
	switch name {
	case "cert_obtained":
		m.Log.Info("certificate obtained", "host", m.Host, "renewal", data["renewal"])
	case "cert_failed":
		if renewal, _ := data["renewal"].(bool); renewal {
			m.Log.Error("certificate not renewed, it is tried again", "host", m.Host, "error", data["error"])
		}
	}
	return nil
}

// root leaves out that a retry could help: Run says so itself.
func root(err error) error {
	if no, ok := errors.AsType[certmagic.ErrNoRetry](err); ok {
		return no.Err
	}
	return err
}
