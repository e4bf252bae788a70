package demo

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"jtel.de/presencebridge/internal/graphsim"
)

// Site is a folder with everything that the service needs to run against a
// simulated tenant: configuration, secrets, certificates.
type Site struct {
	// Roots is what the simulated Graph must trust to reach the callback.
	Roots *x509.CertPool

	dir       string
	cert, key []byte
}

// Addresses are what the service of a site listens on, host:port.
type Addresses struct{ Callback, Admin, NATS string }

// NewSite makes the callback's certificate and writes nothing yet.
func NewSite(dir string) (*Site, error) {
	cert, key, err := makeCertificate()
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return &Site{Roots: roots, dir: dir, cert: cert, key: key}, nil
}

// WriteEmpty writes what is there before anything is set up: the trust root of
// the simulated Graph, whose path it returns, and the callback's certificate.
func (s *Site) WriteEmpty(sim *graphsim.Simulator) (caFile string, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of the configuration: %w", err)
	}
	for name, content := range map[string][]byte{"graph-ca.pem": sim.CA(), "callback.pem": s.cert, "callback-key.pem": s.key} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return "", fmt.Errorf("write certificates: %w", err)
		}
	}
	return filepath.Join(s.dir, "graph-ca.pem"), nil
}

// Write fills the folder for a simulator that has been started, and returns
// the path of the configuration file.
func (s *Site) Write(sim *graphsim.Simulator, listen Addresses) (string, error) {
	tenant := sim.Tenant()
	account := tenant.Accounts[0]
	var serviceUsers []string // are no people
	for _, a := range tenant.Accounts {
		serviceUsers = append(serviceUsers, a.Username)
	}
	file := filepath.Join(s.dir, "presencebridge.yaml")
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of the configuration: %w", err)
	}
	for name, content := range map[string][]byte{
		"graph-ca.pem":     sim.CA(),
		"callback.pem":     s.cert,
		"callback-key.pem": s.key,
		"client-secret":    []byte(tenant.App.Secret),
		"service-password": []byte(account.Password),
		filepath.Base(file): fmt.Appendf(nil, `public_url: https://%s
listen: {callback: %q, admin: %q}
tls: {cert_file: callback.pem, key_file: callback-key.pem}
data_dir: data
nats: {embedded: {listen: %q, sync: interval}}
graph: {base_url: %q, authority: %q, ca_file: graph-ca.pem}
log: {format: text}
tenants:
  - name: simulated
    tenant_id: %s
    client_id: %s
    client_secret_file: client-secret
    accounts: [{username: %s, password_file: service-password}]
    people: {all: true, exclude: [%s]}
`, listen.Callback, listen.Callback, listen.Admin, listen.NATS, sim.GraphURL(), sim.AuthorityURL(), tenant.ID, tenant.App.ID, account.Username, strings.Join(serviceUsers, ", ")),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return "", fmt.Errorf("write the configuration: %w", err)
		}
	}
	return file, nil
}
