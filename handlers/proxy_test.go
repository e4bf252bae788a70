package handlers

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestOnlyConfiguredProxiesAreBelieved(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")}
	for _, c := range []struct {
		proxies         []netip.Prefix
		peer, said, who string
	}{
		{nil, "10.0.0.5:1", "198.51.100.7", "10.0.0.5"},
		{nil, "127.0.0.1:1", "198.51.100.7", "127.0.0.1"},
		{proxies, "10.0.0.5:1", "198.51.100.7", "198.51.100.7"},
		{proxies, "10.0.0.6:1", "198.51.100.7", "10.0.0.6"},
		{proxies, "127.0.0.1:1", "198.51.100.7", "127.0.0.1"},
		{proxies, "10.0.0.5:1", "203.0.113.1, 198.51.100.7", "198.51.100.7"}, // the first is what a stranger wrote
		{proxies, "10.0.0.5:1", "198.51.100.7, 192.0.2.9", "198.51.100.7"},
		{proxies, "[::ffff:10.0.0.5]:1", "198.51.100.7", "198.51.100.7"},
		{proxies, "[2001:db8::1]:1", "2001:db8:1::7", "2001:db8:1::7"},
		{proxies, "10.0.0.5:1", "", "10.0.0.5"},
		{proxies, "10.0.0.5:1", "not an address", "10.0.0.5"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.said != "" {
			r.Header.Set("X-Forwarded-For", c.said)
		}
		if got := clientIP(c.proxies)(r); got != c.who {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
