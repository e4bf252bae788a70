package check

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-json-experiment/json"
)

// echoed compares an answer with what Graph wants. Source: Graph, "receive change
// notifications through webhooks".
func echoed(res *http.Response, token string) outcome {
	body, err := io.ReadAll(io.LimitReader(res.Body, bodyMost))
	if err != nil {
		return fail("public.handshake-failed").saying(cause(err))
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	said := fmt.Sprintf("%s, %s", res.Status, kind)
	if server := res.Header.Get("Server"); server != "" {
		said += ", Server: " + server
	}
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return fail("public.redirects").saying(said + ", Location: " + res.Header.Get("Location"))
	case res.StatusCode == http.StatusBadGateway || res.StatusCode == http.StatusGatewayTimeout || res.StatusCode == http.StatusServiceUnavailable:
		return fail("public.proxy-alone").saying(said)
	case res.StatusCode != http.StatusOK:
		return fail("public.handshake-failed").saying(said)
	case kind != "text/plain" || string(body) != token:
		return fail("public.wrong-echo").saying(said)
	}
	return fine()
}

// healthy asks the operators' side of a service on this machine.
func (c *checker) healthy(ctx context.Context) bool {
	host, port, err := net.SplitHostPort(c.Config.Listen.Admin)
	if err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // it listens everywhere
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return false
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var health struct{ Status string }
	return json.UnmarshalRead(io.LimitReader(res.Body, bodyMost), &health, json.MatchCaseInsensitiveNames(true)) == nil && health.Status == "ok"
}
