// Package config reads the configuration file and its environment overrides,
// once, into typed and checked values.
//
// It is not a store of settings that change: a reload reads everything anew and
// the caller compares. It opens no connection and starts nothing; it reads files
// only to say at once that one is missing. It imports nothing of ours.
//
// cmd/presencebridge calls [Load]; internal/app takes the [Config] apart and
// hands each room what it needs. Every key is explained in
// docs/configuration.md, which a test holds against the types below.
package config

import (
	"log/slog"
	"path/filepath"
	"slices"
	"time"
)

// The tags of the fields below are the schema:
//
//	key:"name"        the key in the file; a [Secret] may have two, value and file
//	default:"text"    what an absent key means, written as in the file
//	is:"file"         a path that must be readable, relative to the configuration file
//	is:"path"         the same, but nothing needs to be there yet

// Config is the whole configuration. Paths in it are absolute, URLs have no
// trailing slash, GUIDs are in lower case.
type Config struct {
	PublicURL   string   `key:"public_url"`
	Listen      Listen   `key:"listen"`
	TLS         TLS      `key:"tls"`
	DataDir     string   `key:"data_dir" default:"/var/lib/presencebridge" is:"path"`
	SealKeyFile string   `key:"seal_key_file" is:"path"` // never empty after Load
	NATS        NATS     `key:"nats"`
	Events      Events   `key:"events"`
	Graph       Graph    `key:"graph"`
	RSA         string   `key:"rsa" default:"auto"` // auto, go or libcrypto
	Log         Log      `key:"log"`
	Tenants     []Tenant `key:"tenants"`
}

// Pushes reports whether Graph notifies of any tenant's changes, so that it must
// be able to reach us.
func (c *Config) Pushes() bool {
	return len(c.Tenants) == 0 || slices.ContainsFunc(c.Tenants, func(t Tenant) bool { return t.Mode != ModePoll })
}

// CallbackURL is where Graph posts notifications.
func (c *Config) CallbackURL() string { return c.PublicURL + "/graph/notifications" }

// LifecycleURL is where Graph posts lifecycle notifications.
func (c *Config) LifecycleURL() string { return c.PublicURL + "/graph/lifecycle" }

// Listen holds the addresses that the service listens on, host:port.
type Listen struct {
	Callback   string `key:"callback" default:":8443"`
	Admin      string `key:"admin" default:"127.0.0.1:9090"`
	AdminToken Secret `key:"admin_token_file"`
	// TrustedProxies are the addresses and networks whose X-Forwarded-For counts.
	TrustedProxies []string `key:"trusted_proxies"`
}

// The values of TLS.Mode.
const (
	TLSFiles = "files"
	TLSACME  = "acme"
	TLSOff   = "off" // a proxy in front terminates TLS
)

// TLS of the callback side.
type TLS struct {
	Mode     string `key:"mode" default:"files"`
	CertFile string `key:"cert_file" is:"file"`
	KeyFile  string `key:"key_file" is:"file"`
	ACME     ACME   `key:"acme"`
}

// ACME is where the certificate comes from with TLSACME.
type ACME struct {
	Email        string `key:"email"`
	AcceptTerms  bool   `key:"accept_terms" default:"false"`
	DirectoryURL string `key:"directory_url"`     // empty: Let's Encrypt
	CAFile       string `key:"ca_file" is:"file"` // trust roots for the directory
	HTTPListen   string `key:"http_listen" default:":80"`
}

// NATS says which server takes the events.
type NATS struct {
	URL             string    `key:"url"` // empty: the embedded server; several with commas
	CredentialsFile string    `key:"credentials_file" is:"file"`
	TLS             ClientTLS `key:"tls"`
	Replicas        int       `key:"replicas" default:"1"`
	Embedded        Embedded  `key:"embedded"`
	Forward         Forward   `key:"forward"`
}

// ClientTLS is the client's side of a TLS connection; empty means the system's
// trust roots and no client certificate.
type ClientTLS struct {
	CAFile   string `key:"ca_file" is:"file"`
	CertFile string `key:"cert_file" is:"file"`
	KeyFile  string `key:"key_file" is:"file"`
}

// The values of RSA.
const (
	RSAAuto      = "auto" // libcrypto where it can be used, else go
	RSAGo        = "go"
	RSALibcrypto = "libcrypto" // or refuse to start
)

// The values of Embedded.Sync.
const (
	SyncAlways   = "always"   // an acknowledged message is on disk
	SyncInterval = "interval" // faster; lost only with the power
)

// Embedded NATS server, used when NATS.URL is empty.
type Embedded struct {
	Listen string `key:"listen" default:"127.0.0.1:4222"`
	Sync   string `key:"sync" default:"always"`
}

// Forward names a central server to which everything goes that was stored on
// the one above, as soon as it can be reached.
type Forward struct {
	URL             string        `key:"url"` // empty: nothing is forwarded; several with commas
	CredentialsFile string        `key:"credentials_file" is:"file"`
	TLS             ClientTLS     `key:"tls"`
	Replicas        int           `key:"replicas" default:"1"`
	MaxAge          time.Duration `key:"max_age" default:"24h"`
	MaxMiB          int           `key:"max_mib" default:"1024"`
}

// Events says how long changes are kept and what they tell.
type Events struct {
	History time.Duration `key:"history" default:"1h"`
	Fields  Fields        `key:"fields"`
}

// Fields are the facts of a person that an event carries.
type Fields struct {
	Phones        bool `key:"phones" default:"true"`
	DisplayName   bool `key:"display_name" default:"true"`
	StatusMessage bool `key:"status_message" default:"false"`
	WorkLocation  bool `key:"work_location" default:"false"`
}

// Graph says where Microsoft is.
type Graph struct {
	BaseURL   string `key:"base_url" default:"https://graph.microsoft.com/v1.0"`
	Authority string `key:"authority" default:"https://login.microsoftonline.com"`
	CAFile    string `key:"ca_file" is:"file"` // an extra trust root
}

// The values of Log.Format.
const (
	LogJSON = "json"
	LogText = "text"
)

// Log of the service.
type Log struct {
	Level  slog.Level `key:"level" default:"info"`
	Format string     `key:"format" default:"json"`
}

// The values of Tenant.Mode.
const (
	ModePush = "push" // Graph notifies of changes
	ModePoll = "poll" // everybody is read every Sweep.FastInterval
)

// Tenant is one watched Microsoft 365 organisation.
type Tenant struct {
	Name     string `key:"name"`      // unique, [a-z0-9-]
	ID       string `key:"tenant_id"` // unique, lower-case GUID
	ClientID string `key:"client_id"` // lower-case GUID

	// Exactly one of the two is set. The certificate file holds the certificate
	// and its private key, PEM or PFX; read it with [Secret.ReadBytes].
	ClientSecret      Secret `key:"client_secret,client_secret_file"`
	ClientCertificate Secret `key:"client_certificate_file"`

	Accounts   []Account     `key:"accounts"` // none needed with ModePoll
	People     People        `key:"people"`
	Mode       string        `key:"mode" default:"push"`
	Sweep      Sweep         `key:"sweep"`
	StaleAfter time.Duration `key:"stale_after" default:"5m"`
}

// SignInDeviceCode is a service user whom somebody signed in by a browser, see
// the command login: no password is known.
const SignInDeviceCode = "device_code"

// Account is a service user, who carries one subscription.
type Account struct {
	Username string `key:"username"`
	Password Secret `key:"password,password_file"`
	SignIn   string `key:"sign_in"` // SignInDeviceCode, or empty with a password
}

// People says who is watched. At least one of the first three is set.
type People struct {
	Groups  []string      `key:"groups"` // object ids or names
	Users   []string      `key:"users"`  // object ids, UPNs or e-mail addresses
	All     bool          `key:"all" default:"false"`
	Exclude []string      `key:"exclude"` // object ids, UPNs or e-mail addresses
	Refresh time.Duration `key:"refresh" default:"15m"`
}

// Sweep is how often everybody's presence is read, as proof of delivery.
type Sweep struct {
	Interval     time.Duration `key:"interval" default:"2m"`
	FastInterval time.Duration `key:"fast_interval" default:"5s"` // of those whom no subscription is trusted with
}

// SharesState reports whether keys and sign-ins are kept in NATS, for several
// instances: with a server of its own and a seal key that is not data_dir's.
func (c *Config) SharesState() bool {
	return c.NATS.URL != "" && c.SealKeyFile != filepath.Join(c.DataDir, "seal.key")
}
