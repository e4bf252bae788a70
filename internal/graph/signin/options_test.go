package signin

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
)

func TestOptionsAreChecked(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"not an https address":  func(o *Options) { o.Authority = "http://login.example" },
		"tenant id and client":  func(o *Options) { o.TenantID = "" },
		"either a client":       func(o *Options) { o.Secret = nil },
		"http client is needed": func(o *Options) { o.HTTP = nil },
		"a certificate is needed": func(o *Options) {
			o.Certificate = func() ([]*x509.Certificate, crypto.PrivateKey, error) { return nil, nil, nil }
		},
	} {
		o := Options{
			Authority: "https://login.microsoftonline.com", TenantID: tenantID, ClientID: clientID,
			Secret: func() (string, error) { return secret, nil }, HTTP: http.DefaultClient,
		}
		change(&o)
		if _, err := NewApp(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, err := NewUser(o, username, func() (string, error) { return password, nil }); err == nil || strings.Contains(err.Error(), username) {
			t.Errorf("error %v", err)
		}
	}
}

func TestInstanceDiscoveryIsForMicrosoftOnly(t *testing.T) {
	for authority, want := range map[string]bool{
		"https://login.microsoftonline.com":         true,
		"https://login.microsoftonline.us":          true,
		"https://login.partner.microsoftonline.cn":  true,
		"https://127.0.0.1:8444":                    false,
		"https://login.microsoftonline.com.example": false,
	} {
		if got := (Options{Authority: authority}).microsoft(); got != want {
			t.Errorf("%s: %t", authority, got)
		}
	}
}

func TestSecretsFollowNoRedirect(t *testing.T) {
	hc := NewHTTP(nil)
	if hc.Timeout == 0 || hc.CheckRedirect(nil, nil) != http.ErrUseLastResponse {
		t.Fatal("the sign-in client has no deadline or follows redirects")
	}
}
