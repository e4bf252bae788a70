package handlers

import (
	"strings"
	"testing"
)

// A page that a browser on this machine shows must neither read nor change anything.
func TestForeignPagesAreKeptOut(t *testing.T) {
	o := someOffice()
	open, closed := o.serve(t, "", FeedOptions{}), o.serve(t, "secret", FeedOptions{})
	const auth, bearer = "Authorization", "Bearer secret"
	for _, tt := range []struct {
		name, method, path string
		header             []string
		open, closed       int
	}{
		{"ourselves", "GET", "/api/v1/coverage", nil, 200, 401},
		{"with the token", "GET", "/api/v1/coverage", []string{auth, bearer}, 200, 200},
		{"rebound name", "GET", "/api/v1/coverage", []string{auth, bearer, "Host", "evil.example:9090"}, 403, 200},
		{"rebound name, probe", "GET", "/healthz", []string{"Host", "evil.example"}, 403, 200},
		{"localhost", "GET", "/api/v1/coverage", []string{auth, bearer, "Host", "LOCALHOST:9090"}, 200, 200},
		{"other loopback", "GET", "/api/v1/coverage", []string{auth, bearer, "Host", "127.0.0.9"}, 200, 200},
		{"loopback of IPv6", "GET", "/api/v1/coverage", []string{auth, bearer, "Host", "[::1]:9090"}, 200, 200},
		{"loopback of IPv6, no port", "GET", "/api/v1/coverage", []string{auth, bearer, "Host", "[::1]"}, 200, 200},
		{"name that looks like it", "GET", "/api/v1/coverage", []string{auth, bearer, "Host", "127.0.0.1.evil.example"}, 403, 200},
		{"read by another site", "GET", "/api/v1/coverage", []string{auth, bearer, "Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"events to another site", "GET", "/api/v1/events", []string{auth, bearer, "Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"link from another site", "GET", "/metrics", []string{auth, bearer, "Sec-Fetch-Site", "cross-site"}, 200, 200},
		{"sweep by another site", "POST", "/api/v1/sweep", []string{auth, bearer, "Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"sweep by another port", "POST", "/api/v1/sweep", []string{auth, bearer, "Sec-Fetch-Site", "same-site"}, 403, 403},
		{"sweep by an old browser", "POST", "/api/v1/sweep", []string{auth, bearer, "Origin", "https://evil.example"}, 403, 403},
		{"sweep by our page", "POST", "/api/v1/sweep", []string{auth, bearer, "Sec-Fetch-Site", "same-origin"}, 202, 202},
	} {
		if res, body := ask(t, open, tt.method, tt.path, tt.header...); res.StatusCode != tt.open {
			t.Errorf("%s, without a token: %d %s, want %d", tt.name, res.StatusCode, body, tt.open)
		}
		if res, body := ask(t, closed, tt.method, tt.path, tt.header...); res.StatusCode != tt.closed {
			t.Errorf("%s, with a token: %d %s, want %d", tt.name, res.StatusCode, body, tt.closed)
		}
	}
	if n := strings.Count(strings.Join(o.read, ",")+",", ","); n != 2 {
		t.Errorf("%d sweeps were made, want 2", n)
	}
	res, _ := ask(t, open, "GET", "/api/v1/coverage")
	if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", res.Header)
	}
}
