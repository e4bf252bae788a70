package app

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/vault"
)

// Expiries reads once what of the configuration ends and when, without a running
// service. A name of a tenant reads that one and what all have in common.
func Expiries(ctx context.Context, c *config.Config, tenant string, log *slog.Logger) ([]expiry.Item, error) {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return nil, err
	}
	var logins *vault.Logins
	if len(DeviceUsers(c, tenant, "")) > 0 {
		if logins, err = shareLogins(ctx, c, log); err != nil {
			return nil, err
		}
	}
	items := publicCertificate(c)
	for _, t := range c.Tenants {
		if tenant != "" && tenant != t.Name {
			continue
		}
		_, reader, err := newConnection(c.Graph, func() config.Tenant { return t }, roots, log).app(log)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.Name, err)
		}
		items = append(items, ending(t, reader, logins, "").Read(ctx)...)
	}
	return items, nil
}

// expiries reads the same in the service.
func (s *service) expiries(ctx context.Context) []expiry.Item {
	items := publicCertificate(s.Config)
	if s.acme != nil {
		items = append(items, expiry.ACME(s.acme.Certificate(), s.acme.Missing()))
	}
	items = append(items, expiry.Key(s.vault.Current().Created.Add(vault.RotateAfter)))
	for _, t := range s.tenants {
		items = append(items, ending(*t.config.Load(), t.reader, s.logins, s.File).Read(ctx)...)
	}
	return items
}

// publicCertificate is what the callback side shows, if it shows any.
func publicCertificate(c *config.Config) []expiry.Item {
	if !c.Pushes() || c.TLS.Mode != config.TLSFiles {
		return nil
	}
	return []expiry.Item{expiry.TLS(readChain(c.TLS.CertFile))}
}

func readChain(file string) (chain []*x509.Certificate, err error) {
	rest, err := os.ReadFile(file)
	for err == nil {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			var c *x509.Certificate
			c, err = x509.ParseCertificate(block.Bytes)
			chain = append(chain, c)
		}
	}
	return chain, err
}

// ending is what a tenant has that ends.
func ending(t config.Tenant, directory expiry.Directory, logins *vault.Logins, file string) expiry.Tenant {
	e := expiry.Tenant{ID: t.ID, Name: t.Name, ClientID: t.ClientID, Directory: directory, Secret: t.ClientSecret.Read}
	if t.ClientCertificate.IsSet() {
		e.Certificate = func() ([]*x509.Certificate, error) {
			pem, err := t.ClientCertificate.ReadBytes()
			if err != nil {
				return nil, err
			}
			chain, _, err := signin.ParseCertificate(pem, nil)
			return chain, err
		}
	}
	for _, a := range t.Accounts {
		account := expiry.Account{Key: graph.AccountKey(t.ID, a.Username), Username: a.Username}
		if a.SignIn == config.SignInDeviceCode {
			account.Again = "sign it in again: " + LoginCommand(file, t.Name, a.Username)
			account.LastUse = func(ctx context.Context) (time.Time, error) {
				login, err := logins.Get(ctx, account.Key)
				return login.Used, err
			}
		}
		e.Accounts = append(e.Accounts, account)
	}
	return e
}

// watchExpiry makes the watch: what it warns of is told by coverage events too,
// and it is what the metrics show.
func (s *service) watchExpiry() {
	s.expiry = expiry.New(expiry.Options{
		Read: s.expiries,
		Changed: func() {
			for _, t := range s.tenants {
				t.coverage().Update()
			}
		},
		File: filepath.Join(s.Config.DataDir, "warned.json"),
		Log:  s.Log,
	})
	s.metrics.registry.MustRegister(expiryMetrics{s.expiry.Items})
}

// expiring is what a coverage event says about it; no service user has the key
// of those whom none carries.
func (s *service) expiring(tenantID, account string) []events.Expiring {
	var list []events.Expiring
	now := time.Now()
	for _, i := range s.expiry.Warnings(tenantID, account) {
		days, _ := i.Within(now)
		list = append(list, events.Expiring{Kind: string(i.Kind), WithinDays: days, EndsAt: i.Ends})
	}
	return list
}

// listExpiries is what operators are shown.
func (s *service) listExpiries() []handlers.Expiry {
	now := time.Now()
	list := []handlers.Expiry{}
	for _, i := range s.expiry.Items() {
		_, due := i.Within(now)
		list = append(list, handlers.Expiry{
			Kind: string(i.Kind), Tenant: i.Tenant, TenantID: i.TenantID, Account: i.Account, Username: i.Username,
			State: string(i.State), Ends: i.Ends, Due: due, ByItself: i.ByItself, Note: i.Note, Advice: i.Advice,
		})
	}
	return list
}

// expiryMetrics shows what is known when it is asked.
type expiryMetrics struct{ items func() []expiry.Item }

var (
	expiryTime = prometheus.NewDesc("presencebridge_expiry_timestamp_seconds",
		"When something ends that the service needs; account is the key of the service user that it belongs to, if it does.",
		[]string{"kind", "tenant", "account"}, nil)
	expiryUnknown = prometheus.NewDesc("presencebridge_expiry_unknown",
		"1 for what ends at a time that nobody can tell, usually because an optional permission is missing.",
		[]string{"kind", "tenant", "account"}, nil)
)

// Describe implements [prometheus.Collector].
func (m expiryMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- expiryTime
	to <- expiryUnknown
}

// Collect implements [prometheus.Collector].
func (m expiryMetrics) Collect(to chan<- prometheus.Metric) {
	for _, i := range m.items() {
		switch labels := []string{string(i.Kind), i.Tenant, i.Account}; i.State {
		case expiry.Known:
			to <- prometheus.MustNewConstMetric(expiryTime, prometheus.GaugeValue, float64(i.Ends.Unix()), labels...)
		case expiry.Unknown:
			to <- prometheus.MustNewConstMetric(expiryUnknown, prometheus.GaugeValue, 1, labels...)
		}
	}
}
