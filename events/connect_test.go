package events_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"jtel.de/presencebridge/events"
)

func TestConnectInProcess(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, err := events.Connect(events.ConnectOptions{InProcess: s})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if !nc.IsConnected() {
		t.Error("not connected")
	}
}

// The server may come later than the client.
func TestConnectBeforeTheServer(t *testing.T) {
	first := natsServer(t, t.TempDir(), -1)
	at, url := port(t, first), first.ClientURL()
	stop(first)
	nc, err := events.Connect(events.ConnectOptions{URL: url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p := publisher(t, nc)
	if p.Available() {
		t.Error("available without a server")
	}
	natsServer(t, t.TempDir(), at)
	eventually(t, "available", p.Available)
}

func TestConnectTLS(t *testing.T) {
	cert, key := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatal(err)
	}
	s := natsServer(t, t.TempDir(), -1, func(o *server.Options) {
		o.TLS, o.TLSVerify = true, true
		o.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		}
	})
	nc, err := events.Connect(events.ConnectOptions{URL: s.ClientURL(), CAFile: cert, CertFile: cert, KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	eventually(t, "connected", nc.IsConnected)
	if _, err := nc.TLSConnectionState(); err != nil {
		t.Error(err)
	}
}

// certificate makes a self-signed one that is its own authority.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", keyDER)
}

func TestConnectRefusesWhatCannotWork(t *testing.T) {
	const secret = "hunter2"
	for name, c := range map[string]struct {
		o    events.ConnectOptions
		want string
	}{
		"nothing":        {events.ConnectOptions{}, "no URL"},
		"bad URL":        {events.ConnectOptions{URL: "nats://u:" + secret + "@host:port"}, "cannot be read"},
		"no credentials": {events.ConnectOptions{URL: "nats://127.0.0.1", CredentialsFile: "missing.creds"}, "missing.creds"},
		"no authority":   {events.ConnectOptions{URL: "nats://127.0.0.1", CAFile: "missing.pem"}, "missing.pem"},
		"half a pair":    {events.ConnectOptions{URL: "nats://127.0.0.1", CertFile: "cert.pem"}, "both its file and its key file"},
		"no certificate": {events.ConnectOptions{URL: "nats://127.0.0.1", CertFile: "missing.pem", KeyFile: "k"}, "missing.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := events.Connect(c.o)
			if err == nil {
				nc.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// lines is a log that several goroutines may write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

// The log tells of outages and errors, and never a password.
func TestConnectLogs(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	secured := func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "hunter2", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"allowed"}},
		}}}
	}
	s := natsServer(t, dir, -1, secured)
	nc, err := events.Connect(events.ConnectOptions{
		URL: strings.Replace(s.ClientURL(), "nats://", "nats://u:hunter2@", 1),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	eventually(t, "connected", nc.IsConnected)
	if err := nc.Publish("forbidden", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal is logged", func() bool { return log.has(`level=WARN msg="nats error" error="nats: permissions violation`) })
	at := port(t, s)
	stop(s)
	eventually(t, "the outage is logged", func() bool { return log.has(`level=WARN msg="nats connection lost"`) })
	natsServer(t, dir, at, secured)
	eventually(t, "the return is logged", func() bool { return log.has(`level=INFO msg="nats connected again"`) })
	if log.has("hunter2") {
		t.Error("the password is in the log")
	}
}
