package app

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"

	"github.com/caddyserver/certmagic"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/acme"
	"jtel.de/presencebridge/internal/config"
)

// openACME makes the callback side serve a certificate of the authority, and
// gives the plain HTTP server that answers its checks; nil if there is none.
func (s *service) openACME(callback *server) (*server, error) {
	c := s.Config.TLS.ACME
	public, err := url.Parse(s.Config.PublicURL)
	if err != nil {
		return nil, err
	}
	roots, err := rootsOf("tls.acme.ca_file", c.CAFile)
	if err != nil {
		return nil, err
	}
	o := acme.Options{
		Host:      public.Hostname(),
		Email:     c.Email,
		Directory: c.DirectoryURL,
		Roots:     roots,
		Storage:   s.certificates(),
		TLSPort:   portOf(callback.on),
		Log:       s.Log,
	}
	var challenge *server
	if c.HTTPListen != "" {
		challenge, err = listenOn("acme", "tls.acme.http_listen", c.HTTPListen, nil)
		if err != nil {
			return nil, err
		}
		o.HTTPPort = portOf(challenge.on)
	}
	s.acme = acme.New(o)
	callback.http.TLSConfig = s.acme.TLS()
	if challenge != nil {
		challenge.http = handlers.NewServer(s.acme.Challenge(), nil, s.Log)
	}
	return challenge, nil
}

// certificates is where account, key and certificate are kept.
func (s *service) certificates() certmagic.Storage {
	if shared, ok := s.vault.Certificates(); ok {
		return shared
	}
	return &certmagic.FileStorage{Path: filepath.Join(s.Config.DataDir, "acme")}
}

func portOf(l net.Listener) int {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// proxies are the configured ones; the configuration has been checked.
func proxies(list []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range list {
		if p, err := config.ParseNetwork(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}
