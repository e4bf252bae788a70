package check_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/check"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"))
}

// site is a simulated tenant and everything that a configuration names.
type site struct {
	*graphsim.Simulator
	t        *testing.T
	dir      string
	ca       authority
	callback string // host:port
	nats     string
	// settings are keys of the tenant and of the file, in YAML.
	tenant, file map[string]string
	files        map[string][]byte
	modes        map[string]os.FileMode
	leaves       bool // a trial may be left behind
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOf(t, graphsim.Options{People: 6})
}

func newSiteOf(t *testing.T, o graphsim.Options) *site {
	t.Helper()
	ca := newAuthority(t, "Public CA", nil)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	o.Seed, o.Roots = 7, roots
	sim := graphsim.New(o)
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	return siteOn(t, sim, ca)
}

// siteOn is a site of its own before a simulator that others use as well; ca is
// whom the simulator trusts.
func siteOn(t *testing.T, sim *graphsim.Simulator, ca authority) *site {
	t.Helper()
	tenant := sim.Tenant()
	account := tenant.Accounts[0]
	chain, key := ca.serve(t, time.Now().Add(90*24*time.Hour), "127.0.0.1")
	s := &site{Simulator: sim, t: t, dir: t.TempDir(), ca: ca, callback: free(t), nats: free(t), modes: map[string]os.FileMode{}}
	s.files = map[string][]byte{
		"roots.pem": append(sim.CA(), ca.pem()...), "callback.pem": chain, "callback-key.pem": key,
		"client-secret": []byte(tenant.App.Secret), "password": []byte(account.Password),
	}
	s.tenant = map[string]string{
		"name": "contoso", "tenant_id": tenant.ID, "client_id": tenant.App.ID, "client_secret_file": "client-secret",
		"accounts": fmt.Sprintf("[{username: %s, password_file: password}]", account.Username),
		"people":   "{groups: [Contact Centre]}",
	}
	s.file = map[string]string{
		"public_url": "https://" + s.callback, "data_dir": "data",
		"listen": fmt.Sprintf("{callback: %q, admin: %q}", s.callback, free(t)),
		"tls":    "{cert_file: callback.pem, key_file: callback-key.pem}",
		"nats":   fmt.Sprintf("{embedded: {listen: %q}}", s.nats),
		"graph":  fmt.Sprintf("{base_url: %q, authority: %q, ca_file: roots.pem}", sim.GraphURL(), sim.AuthorityURL()),
	}
	return s
}

// write puts everything into the directory and gives the configuration's path.
func (s *site) write() string {
	s.t.Helper()
	var b strings.Builder
	for key, value := range s.file {
		fmt.Fprintf(&b, "%s: %s\n", key, value)
	}
	b.WriteString("tenants:\n  - mode: " + first(s.tenant["mode"], "push") + "\n")
	for key, value := range s.tenant {
		if key != "mode" {
			fmt.Fprintf(&b, "    %s: %s\n", key, value)
		}
	}
	s.files["presencebridge.yaml"] = []byte(b.String())
	for name, content := range s.files {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			s.t.Fatal(err)
		}
		if mode, set := s.modes[name]; set {
			if err := os.Chmod(path, mode); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	return filepath.Join(s.dir, "presencebridge.yaml")
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s *site) load() *config.Config {
	s.t.Helper()
	c, err := config.Load(s.write(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// check runs everything.
func (s *site) check(l check.Language) findings {
	s.t.Helper()
	c := s.load()
	o, err := app.CheckOptions(c, filepath.Join(s.dir, "presencebridge.yaml"), l, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	var found findings
	good := check.Run(s.t.Context(), o, func(f check.Finding) { found = append(found, f) })
	if good != (len(found.in(check.Failed)) == 0) {
		s.t.Errorf("good is %t, but: %s", good, found)
	}
	var secrets []string
	for _, name := range []string{"client-secret", "password"} {
		if secret := string(s.files[name]); secret != "" {
			secrets = append(secrets, secret, url.QueryEscape(secret))
		}
	}
	for _, f := range found {
		for _, secret := range secrets {
			if strings.Contains(fmt.Sprint(f), secret) {
				s.t.Errorf("a secret is told: %+v", f)
			}
		}
		if text := fmt.Sprint(f); strings.Contains(text, "%!") || strings.Contains(text, "%s") {
			s.t.Errorf("a text lacks an argument, or has one too many: %+v", f)
		}
	}
	if left := s.Subscriptions(); len(left) > 0 {
		for _, sub := range left {
			if strings.HasPrefix(sub.CertificateID, "check-") && !s.leaves {
				s.t.Errorf("a trial was left behind: %+v", sub)
			}
		}
	}
	return found
}

type findings []check.Finding

func (fs findings) String() string {
	var b strings.Builder
	for _, f := range fs {
		if f.State != check.OK {
			fmt.Fprintf(&b, "\n%s %s %s: %s | %s | %s", f.State, f.Step, f.Code, f.Said, f.Meaning, f.Advice)
		}
	}
	return b.String()
}

func (fs findings) in(s check.State) (steps []string) {
	for _, f := range fs {
		if f.State == s {
			steps = append(steps, f.Step)
		}
	}
	return steps
}

// step is the one finding of a step.
func (fs findings) step(t *testing.T, id string) check.Finding {
	t.Helper()
	for _, f := range fs {
		if f.Step == id {
			return f
		}
	}
	t.Fatalf("step %s was not taken: %s", id, fs)
	return check.Finding{}
}

// proveByCertificate replaces the secret of the app.
func (s *site) proveByCertificate(until time.Time) {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.files["app.pem"] = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...)
	s.tenant["client_certificate_file"] = "app.pem"
	delete(s.tenant, "client_secret_file")
	s.SetApp(func(a *graphsim.App) { a.Secret, a.Certificate = "", cert })
}

// client trusts the simulator.
func (s *site) client() *http.Client {
	s.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	address, err := graphsim.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string, by *authority) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a := authority{key: key}
	if by == nil {
		by = &authority{cert: form, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// serve makes a server's certificate for a name or number, and its key.
func (a authority) serve(t *testing.T, until time.Time, host string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "server"},
		NotBefore: time.Now().Add(-200 * 24 * time.Hour), NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		form.IPAddresses = []net.IP{ip}
	} else {
		form.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}
