package app_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// What the service adds to internal/acme, which is tried with a real authority
// there: both listeners, and that a missing certificate is told and keeps
// nobody from the callback side.
func TestACMEIsWired(t *testing.T) {
	asked := make(chan string, 100)
	authority := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]string{"type": "urn:ietf:params:acme:error:unauthorized", "detail": "closed on Wednesdays"})
	}))
	defer authority.Close()
	plain := freeAddress(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) {
		c.TLS = config.TLS{Mode: config.TLSACME, ACME: config.ACME{Email: "ops@example.com", AcceptTerms: true, DirectoryURL: authority.URL + "/dir", CAFile: ca, HTTPListen: plain}}
	})
	writePEM(t, ca, authority.Certificate().Raw)
	b.start(false)
	b.eventually("the order", func() bool { return len(asked) > 0 })
	if path := <-asked; path != "/dir" {
		t.Errorf("asked for %s", path)
	}
	b.eventually("the reason", func() bool {
		status, body := b.admin("/readyz")
		return status == http.StatusOK && strings.Contains(body, `"certificate":"`) && strings.Contains(body, "must reach 127.0.0.1 on port 443 or 80")
	})
	b.eventually("the metric", func() bool {
		_, metrics := b.admin("/metrics")
		return strings.Contains(metrics, `presencebridge_expiry_unknown{account="",kind="tls_certificate",tenant=""} 1`)
	})
	res, err := http.Get("http://" + plain + "/.well-known/acme-challenge/x")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger gets %s", res.Status)
	}
	if c, err := tls.Dial("tcp", b.callback, &tls.Config{InsecureSkipVerify: true}); err == nil {
		c.Close()
		t.Error("there is a certificate")
	}
}

// Instances that share their keys share this, too.
func TestACMEIsSharedInNATS(t *testing.T) {
	url, data := natsServer(t), ""
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) {
		data, c.NATS.URL, c.SealKeyFile = c.DataDir, url, filepath.Join(t.TempDir(), "seal.key")
		c.TLS = config.TLS{Mode: config.TLSACME, ACME: config.ACME{Email: "ops@example.com", AcceptTerms: true, DirectoryURL: "https://" + freeAddress(t)}}
	})
	b.start(false)
	b.eventually("the reason", func() bool { _, body := b.admin("/readyz"); return strings.Contains(body, "connection refused") })
	if _, err := os.Stat(filepath.Join(data, "acme")); !os.IsNotExist(err) {
		t.Errorf("it is in data_dir: %v", err)
	}
}

func writePEM(t *testing.T, file string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
