package check

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"jtel.de/presencebridge/internal/config"
)

// public looks at the address that Microsoft calls, from this machine, and sees
// to it that somebody answers there until stop.
func (c *checker) public(ctx context.Context) (stop func()) {
	stop = func() {}
	if !c.Config.Pushes() || len(c.Config.Tenants) == 0 {
		return stop
	}
	address, err := url.Parse(c.Config.PublicURL)
	if err != nil { // the configuration was checked
		return stop
	}
	s := c.subject("group.public", c.Config.PublicURL)
	c.take(ctx, s, step{id: "public.name", title: []any{address.Hostname()}, anchor: "public-endpoint", do: func(ctx context.Context) outcome {
		return c.publicName(ctx, address.Hostname())
	}})
	if c.Config.TLS.Mode == config.TLSFiles {
		c.take(ctx, s, step{id: "public.certificate", title: []any{c.Config.TLS.CertFile}, anchor: "public-endpoint", do: func(context.Context) outcome {
			return c.certificateFile(address.Hostname())
		}})
	}
	c.listened = c.take(ctx, s, step{id: "public.listener", anchor: "public-endpoint", do: func(ctx context.Context) outcome {
		o, stopping := c.listener(ctx)
		stop = stopping
		return o
	}})
	seen := []string{"public.name"}
	if c.Config.TLS.Mode == config.TLSACME { // otherwise a proxy may present one, whoever listens
		seen = append(seen, "public.listener")
	}
	c.take(ctx, s, step{id: "public.tls", title: []any{address.Host}, tried: []any{address.Host}, anchor: "public-endpoint", needs: seen, do: func(ctx context.Context) outcome {
		return c.publicTLS(ctx, address)
	}})
	for _, way := range []struct{ id, address string }{
		{"public.notifications", c.Config.CallbackURL()}, {"public.lifecycle", c.Config.LifecycleURL()},
	} {
		c.take(ctx, s, step{
			id: way.id, texts: "public.handshake", title: []any{way.address}, tried: []any{way.address}, anchor: "public-endpoint",
			needs: []string{"public.name", "public.listener", "public.tls"},
			do:    func(ctx context.Context) outcome { return c.handshake(ctx, way.address) },
		})
	}
	return stop
}

func (c *checker) publicName(ctx context.Context, host string) outcome {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return fail("public.name-unknown", host).saying(cause(err))
	}
	var inside []string
	for _, a := range addresses {
		if a = a.Unmap(); !public(a) {
			inside = append(inside, a.String())
		}
	}
	_, err = netip.ParseAddr(host)
	switch {
	case c.simulated():
		o := fine()
		o.note = c.text("public.name-simulated")
		return o
	case len(inside) > 0:
		return warn("public.name-inside", host, strings.Join(inside, ", "))
	case err == nil:
		return warn("public.name-number", host)
	}
	return fine()
}

// public reports whether the internet leads to an address.
func public(a netip.Addr) bool {
	carrier := netip.MustParsePrefix("100.64.0.0/10") // shared, RFC 6598
	return a.IsGlobalUnicast() && !a.IsPrivate() && !carrier.Contains(a)
}

// simulated: a Graph on this machine reaches what only this machine reaches.
func (c *checker) simulated() bool {
	host := hostOf(c.Config.Graph.BaseURL)
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// listener sees to it that somebody answers Graph: the service if it runs, else we.
func (c *checker) listener(ctx context.Context) (o outcome, stop func()) {
	stop = func() {}
	if c.running = c.serviceRuns(ctx); c.running {
		o = fine()
		o.note = c.text("public.listener-service")
		return o, stop
	}
	end, err := c.Answer()
	switch {
	case err == nil:
		o = fine()
		o.note = c.text("public.listener-check", c.Config.Listen.Callback)
		return o, func() { _ = end() } // it answered, and there is nobody left to tell
	case errors.Is(err, ErrNeedsService):
		return pass("public.listener-acme"), stop
	case errors.Is(err, syscall.EADDRINUSE):
		c.running = true // whoever it is, it is not disturbed
		return warn("public.listener-taken", c.Config.Listen.Callback).saying(err.Error()), stop
	case errors.Is(err, fs.ErrPermission):
		return fail("public.listener-forbidden", c.Config.Listen.Callback).saying(err.Error()), stop
	}
	return fail("public.listener-failed", c.Config.Listen.Callback).saying(err.Error()), stop
}

// serviceRuns asks at listen.admin, and at the public address, where a service on
// another machine may answer.
func (c *checker) serviceRuns(ctx context.Context) bool {
	return c.healthy(ctx) || c.handshake(ctx, c.Config.CallbackURL()).state == OK
}

// publicTLS connects as Graph does and looks at what is presented.
func (c *checker) publicTLS(ctx context.Context, address *url.URL) outcome {
	port := address.Port()
	if port == "" {
		port = "443"
	}
	// Verified below, to say what is wrong with it.
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: address.Hostname(), InsecureSkipVerify: true,
	}}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(address.Hostname(), port))
	if err != nil {
		return c.notReached(err, address.Host)
	}
	defer conn.Close()
	return c.chain(conn.(*tls.Conn).ConnectionState().PeerCertificates, address.Hostname())
}

// notReached: from here. What this machine cannot reach may be reached from outside.
func (c *checker) notReached(err error, host string) outcome {
	if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "tls:") {
		return fail("public.tls-failed", host).saying(cause(err))
	}
	return warn("public.not-reached", host).saying(cause(err))
}

// handshake does what Graph does before it makes a subscription.
func (c *checker) handshake(ctx context.Context, address string) outcome {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // Graph waits no longer
	defer cancel()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // Graph comes from outside
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.publicRoots}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	token := "Validation: presencebridge check " + rand.Text()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"?validationToken="+url.QueryEscape(token), nil)
	if err != nil {
		return fail("public.handshake-failed").saying(cause(err))
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := client.Do(r)
	if err != nil {
		return c.notReached(err, hostOf(address))
	}
	defer res.Body.Close()
	return echoed(res, token)
}

// Enough of a body to compare it.
const bodyMost = 8 << 10
