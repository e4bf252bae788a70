package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := pebbleBinary(); err == nil && code == 0 {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// public is a public side with its two listeners.
type public struct {
	t           *testing.T
	plain, over net.Listener
	log         lines
}

func newPublic(t *testing.T) *public {
	p := &public{t: t}
	for _, l := range []*net.Listener{&p.plain, &p.over} {
		var err error
		if *l, err = net.Listen("tcp", ":0"); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// run serves with a manager of these options until stop.
func (p *public) run(o Options) (m *Manager, stop func()) {
	p.t.Helper()
	o.Host, o.Email = "localhost", "ops@example.com"
	o.Log = slog.New(slog.NewTextHandler(&p.log, nil))
	m = New(o)
	plain := &http.Server{Handler: m.Challenge()}
	over := &http.Server{TLSConfig: m.TLS(), Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := m.Run(ctx); err != nil {
			p.t.Error(err)
		}
	})
	for _, serve := range []func() error{func() error { return plain.Serve(p.plain) }, func() error { return over.ServeTLS(p.over, "", "") }} {
		all.Go(func() {
			if err := serve(); !errors.Is(err, http.ErrServerClosed) {
				p.t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		_ = plain.Close()
		_ = over.Close()
		all.Wait()
		m.Close()
	})
	p.t.Cleanup(stop)
	return m, stop
}

// presented is the certificate that a client gets who trusts these roots; nil
// if there is none.
func (p *public) presented(roots *x509.CertPool) *x509.Certificate {
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port(p.over)), &tls.Config{ServerName: "localhost", RootCAs: roots, NextProtos: []string{"h2"}})
	if err != nil {
		return nil
	}
	defer c.Close()
	if got := c.ConnectionState().NegotiatedProtocol; got != "h2" {
		p.t.Errorf("speaks %q", got)
	}
	return c.ConnectionState().PeerCertificates[0]
}

func TestChallenges(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tls-alpn-01", "http-01"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newPublic(t)
			closed := freePort(t)
			looksAt := map[string][2]int{"tls-alpn-01": {closed, port(p.over)}, "http-01": {port(p.plain), closed}}[kind]
			authority := newPebble(t, looksAt[0], looksAt[1], 90*24*time.Hour)
			o := Options{Directory: authority.directory, Roots: authority.roots, Storage: &certmagic.FileStorage{Path: t.TempDir()}, TLSPort: port(p.over), HTTPPort: port(p.plain)}
			if kind == "tls-alpn-01" {
				o.HTTPPort = 0
			}
			m, _ := p.run(o)
			eventually(t, "a certificate", func() bool { return p.presented(authority.issued()) != nil })
			eventually(t, "an end of the wait", func() bool { return m.Missing() == "" })
			if c := m.Certificate(); c == nil || c.VerifyHostname("localhost") != nil {
				t.Errorf("certificate %v", c)
			}
			if !strings.Contains(p.log.String(), `msg="certificate obtained" host=localhost`) {
				t.Errorf("the log says %s", p.log.String())
			}
			res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", port(p.plain)))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusNotFound {
				t.Errorf("a stranger gets %s", res.Status)
			}
		})
	}
}

// A certificate is renewed while it is served, and a restart needs no authority.
func TestRenewalAndRestart(t *testing.T) {
	t.Parallel()
	p := newPublic(t)
	authority := newPebble(t, freePort(t), port(p.over), 12*time.Second)
	dir := t.TempDir()
	o := Options{Directory: authority.directory, Roots: authority.roots, Storage: &certmagic.FileStorage{Path: dir}, TLSPort: port(p.over), checkEvery: 500 * time.Millisecond}
	_, stop := p.run(o)
	var first, last *x509.Certificate
	roots := authority.issued()
	eventually(t, "a certificate", func() bool { first = p.presented(roots); return first != nil })
	eventually(t, "another one", func() bool {
		last = p.presented(roots)
		return last != nil && last.SerialNumber.Cmp(first.SerialNumber) != 0
	})
	if last.NotAfter.Before(first.NotAfter) {
		t.Errorf("it ends at %s, the first at %s", last.NotAfter, first.NotAfter)
	}
	if !strings.Contains(p.log.String(), "renewal=true") {
		t.Errorf("the log says %s", p.log.String())
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && path != dir {
			t.Errorf("others may read %s: %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	stop()
}

func TestARestartNeedsNoAuthority(t *testing.T) {
	t.Parallel()
	p := newPublic(t)
	authority := newPebble(t, freePort(t), port(p.over), time.Hour)
	o := Options{Directory: authority.directory, Roots: authority.roots, Storage: &certmagic.FileStorage{Path: t.TempDir()}, TLSPort: port(p.over)}
	_, stop := p.run(o)
	roots := authority.issued()
	var first *x509.Certificate
	eventually(t, "a certificate", func() bool { first = p.presented(roots); return first != nil })
	stop()
	authority.stop()
	p = newPublic(t)
	o.TLSPort = port(p.over)
	p.run(o)
	var again *x509.Certificate
	eventually(t, "the certificate", func() bool { again = p.presented(roots); return again != nil })
	if !again.Equal(first) {
		t.Error("it is another one")
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	p := newPublic(t)
	m, _ := p.run(Options{Directory: fmt.Sprintf("https://localhost:%d/dir", freePort(t)), Storage: &certmagic.FileStorage{Path: t.TempDir()}, TLSPort: port(p.over)})
	eventually(t, "the reason", func() bool { return strings.Contains(m.Missing(), "connection refused") })
	for _, want := range []string{"must reach localhost on port 443 or 80", "CAA"} {
		if !strings.Contains(m.Missing(), want) || !strings.Contains(p.log.String(), want) {
			t.Errorf("%q does not say %q, or the log %q", m.Missing(), want, p.log.String())
		}
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
