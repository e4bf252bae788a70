package setup

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Facts are what a configuration needs to know, as the guide's table has them.
type Facts struct {
	PublicURL string
	TLS       TLS
	DataDir   string // empty: the default
	NATSURL   string // empty: an embedded server
	// Graph and Authority are empty for the global cloud.
	Graph, Authority, CAFile string

	Tenant   string // a short name
	TenantID string
	ClientID string
	// SecretFile or CertificateFile: what the app proves itself with.
	SecretFile, CertificateFile string
	Accounts                    []Account
	People                      People
	Poll                        bool // nobody reaches us from outside
}

// TLS is where the callback side's certificate comes from.
type TLS struct {
	CertFile, KeyFile string
	ACMEEmail         string // a certificate by ACME, whose terms were accepted
	Off               bool   // a proxy in front terminates TLS
}

// Account is a service user; without a file it signs in by device code.
type Account struct{ Username, PasswordFile string }

// People says who is watched.
type People struct {
	Groups  []string `yaml:"groups,omitempty"`
	Users   []string `yaml:"users,omitempty"`
	All     bool     `yaml:"all,omitempty"`
	Exclude []string `yaml:"exclude,omitempty"`
}

const heading = `# Presence Bridge. Made by a command; edit it as you like: docs/configuration.md
# explains every key. It holds no secret, only the names of files.
`

type document struct {
	PublicURL string        `yaml:"public_url,omitempty"`
	TLS       *documentTLS  `yaml:"tls,omitempty"`
	DataDir   string        `yaml:"data_dir,omitempty"`
	NATS      *documentNATS `yaml:"nats,omitempty"`
	Graph     *documentOf   `yaml:"graph,omitempty"`
	Tenants   []documentTen `yaml:"tenants"`
}

type documentTLS struct {
	Mode     string        `yaml:"mode,omitempty"`
	CertFile string        `yaml:"cert_file,omitempty"`
	KeyFile  string        `yaml:"key_file,omitempty"`
	ACME     *documentACME `yaml:"acme,omitempty"`
}

type documentACME struct {
	Email string `yaml:"email"`
	Terms bool   `yaml:"accept_terms"`
}

type documentNATS struct {
	URL string `yaml:"url"`
}

type documentOf struct {
	BaseURL   string `yaml:"base_url,omitempty"`
	Authority string `yaml:"authority,omitempty"`
	CAFile    string `yaml:"ca_file,omitempty"`
}

type documentTen struct {
	Name            string            `yaml:"name"`
	TenantID        string            `yaml:"tenant_id"`
	ClientID        string            `yaml:"client_id"`
	SecretFile      string            `yaml:"client_secret_file,omitempty"`
	CertificateFile string            `yaml:"client_certificate_file,omitempty"`
	Accounts        []documentAccount `yaml:"accounts,omitempty"`
	People          People            `yaml:"people"`
	Mode            string            `yaml:"mode,omitempty"`
}

type documentAccount struct {
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file,omitempty"`
	SignIn       string `yaml:"sign_in,omitempty"`
}

// Configuration is the text of a configuration file in dir.
func (f Facts) Configuration(dir string) ([]byte, error) {
	t := documentTen{
		Name: f.Tenant, TenantID: f.TenantID, ClientID: f.ClientID, People: f.People,
		SecretFile: from(dir, f.SecretFile), CertificateFile: from(dir, f.CertificateFile),
	}
	for _, a := range f.Accounts {
		d := documentAccount{Username: a.Username, PasswordFile: from(dir, a.PasswordFile)}
		if a.PasswordFile == "" {
			d.SignIn = "device_code"
		}
		t.Accounts = append(t.Accounts, d)
	}
	if f.Poll {
		t.Mode = "poll"
	}
	d := document{PublicURL: f.PublicURL, DataDir: from(dir, f.DataDir), Tenants: []documentTen{t}}
	switch {
	case f.TLS.Off:
		d.TLS = &documentTLS{Mode: "off"}
	case f.TLS.ACMEEmail != "":
		d.TLS = &documentTLS{Mode: "acme", ACME: &documentACME{f.TLS.ACMEEmail, true}}
	case f.TLS.CertFile+f.TLS.KeyFile != "":
		d.TLS = &documentTLS{CertFile: from(dir, f.TLS.CertFile), KeyFile: from(dir, f.TLS.KeyFile)}
	}
	if f.NATSURL != "" {
		d.NATS = &documentNATS{f.NATSURL}
	}
	if f.Graph+f.Authority+f.CAFile != "" {
		d.Graph = &documentOf{f.Graph, f.Authority, from(dir, f.CAFile)}
	}
	var text bytes.Buffer
	text.WriteString(heading)
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("compose the configuration: %w", err)
	}
	return text.Bytes(), e.Close()
}

// from names a file relative to the configuration if it is below it, else whole.
func from(dir, file string) string {
	if file == "" {
		return ""
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if base, err := filepath.Abs(dir); err == nil {
		if relative, err := filepath.Rel(base, whole); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
	}
	return whole
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// TenantName makes a name for a tenant of its domain: contoso of contoso.com.
func TenantName(domain string) string {
	name, _, _ := strings.Cut(strings.ToLower(domain), ".")
	if name = strings.Trim(notInNames.ReplaceAllString(name, "-"), "-"); name == "" {
		return "tenant"
	}
	return name[:min(len(name), 63)]
}
