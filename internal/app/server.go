package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
)

// server is an HTTP server on its listener.
type server struct {
	name string
	http *http.Server
	on   net.Listener
}

// serve blocks until stop.
func (s *server) serve() error {
	var err error
	if s.http.TLSConfig != nil {
		err = s.http.ServeTLS(s.on, "", "")
	} else {
		err = s.http.Serve(s.on)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s on %s: %w", s.name, s.on.Addr(), err)
}

// stop takes no new requests and waits for those in flight, until ctx ends.
func (s *server) stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop %s: %w", s.name, err), s.http.Close())
	}
	return nil
}

// listen opens the operators' side and, unless every tenant is only polled, the
// public one; all or none.
func (s *service) listen() ([]*server, error) {
	admin, err := s.adminServer()
	if err != nil || !s.Config.Pushes() {
		return []*server{admin}, err
	}
	callback, err := s.callbackServer()
	if err != nil {
		return nil, errors.Join(err, admin.on.Close())
	}
	servers := []*server{admin, callback}
	if s.Config.TLS.Mode == config.TLSACME {
		challenge, err := s.openACME(callback)
		if err != nil {
			return nil, errors.Join(err, admin.on.Close(), callback.on.Close())
		}
		if challenge != nil {
			servers = append(servers, challenge)
		}
	}
	return servers, nil
}

func (s *service) callbackServer() (*server, error) {
	e := handlers.NewCallback(handlers.CallbackOptions{
		Open:   s.opener.Open,
		Accept: s.accept,
		// Not until the stop: what still comes then is stored like anything else.
		Ready: s.bus.Available,
		Read:  s.announced,
		Lifecycle: func(l graph.Lifecycle) {
			s.metrics.lifecycle(l)
			s.lifecycle(l)
		},
		Observe: s.answered,
		Tracer:  s.Tracer,
		// Graph opens few connections.
		MaxInFlight: 64,
		Proxies:     proxies(s.Config.Listen.TrustedProxies),
		Log:         s.Log,
	})
	h := handlers.NewServer(e, s.metrics.drop, s.Log)
	if c := s.Config.TLS; c.Mode == config.TLSFiles {
		cert, err := newCertificate(c.CertFile, c.KeyFile, s.Log)
		if err != nil {
			return nil, err
		}
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
	}
	if s.Callback != nil {
		return &server{"callback", h, s.Callback}, nil
	}
	return listenOn("callback", "listen.callback", s.Config.Listen.Callback, h)
}

func (s *service) adminServer() (*server, error) {
	if s.Config.Listen.AdminToken.IsSet() {
		text, err := s.readAdminToken()
		if err != nil {
			return nil, err
		}
		s.adminToken = handlers.NewToken(text)
	}
	e := handlers.NewAdmin(handlers.AdminOptions{
		Token:    s.adminToken,
		NotReady: s.notReady,
		Behind:   s.behind,
		Metrics:  s.metrics.handler(),
		Log:      s.Log,
	})
	h := handlers.NewServer(e, nil, s.Log)
	stopping, stop := context.WithCancel(context.Background())
	h.RegisterOnShutdown(stop)
	s.addAPI(e, stopping)
	return listenOn("admin", "listen.admin", s.Config.Listen.Admin, h)
}

func (s *service) readAdminToken() (string, error) {
	text, err := s.Config.Listen.AdminToken.Read()
	if err == nil && strings.TrimSpace(text) == "" {
		err = errors.New("it holds nothing but blanks")
	}
	if err != nil {
		return "", fmt.Errorf("read listen.admin_token_file: %w", err)
	}
	return text, nil
}

// replaceAdminToken takes up what the file holds now. One that cannot be read
// changes nothing: operators must be able to look.
func (s *service) replaceAdminToken() {
	if s.adminToken == nil {
		return
	}
	text, err := s.readAdminToken()
	if err != nil {
		s.Log.Error("the operators' token stays as it was", "error", err)
		return
	}
	s.adminToken.Replace(text)
}

// addAPI adds what operators may ask and do. What an answer that goes on must
// not outlive is stopping.
func (s *service) addAPI(e *echo.Echo, stopping context.Context) {
	d := newDesk(s, false)
	r := reception{tenants: s.tenants, directory: s.directory, board: s.board, fields: intakeFields(s.Config.Events.Fields)}
	handlers.AddSubscriptions(e, d)
	handlers.AddCoverage(e, d)
	handlers.AddPresence(e, r)
	handlers.AddReport(e, r)
	handlers.AddKeys(e, keyDesk{s})
	handlers.AddFeed(e, feeds{r, s.bus}, handlers.FeedOptions{Stopping: stopping})
	handlers.AddExpiries(e, s.listExpiries)
	handlers.AddActivity(e, func() handlers.Activity {
		a := s.activity.recall()
		a.NotReady, a.Behind = s.notReady(), s.behind()
		return a
	})
	handlers.AddTrail(e, s.trailOf)
	handlers.AddOpenAPI(e)
	handlers.AddPage(e)
}

// listenOn opens the address that a key of the configuration names.
func listenOn(name, key, address string, h *http.Server) (*server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; stop what uses that address, or change %s in the configuration", key, err, key)
	}
	return &server{name, h, l}, nil
}

func (s *service) addresses(servers []*server) Addresses {
	a := Addresses{Admin: servers[0].on.Addr().String()}
	if len(servers) > 1 {
		a.Callback = servers[1].on.Addr().String()
	}
	if s.bus.broker != nil {
		a.NATS = s.bus.broker.URL()
	}
	return a
}
