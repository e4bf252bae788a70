package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

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

// stop takes no new requests and waits for those in flight.
func (s *server) stop(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
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
	return []*server{admin, callback}, nil
}

func (s *service) callbackServer() (*server, error) {
	e := handlers.NewCallback(handlers.CallbackOptions{
		Open:   s.opener.Open,
		Accept: s.accept,
		Ready:  func() bool { return s.bus.Available() && !s.stopping.Load() },
		Read:   s.announced,
		Lifecycle: func(l graph.Lifecycle) {
			s.metrics.lifecycle(l)
			s.lifecycle(l)
		},
		Observe: s.answered,
		// Graph opens few connections.
		MaxInFlight: 64,
		Log:         s.Log,
	})
	h := handlers.NewPublicServer(e, s.metrics.drop, s.Log)
	if c := s.Config.TLS; c.Mode != config.TLSOff {
		cert, err := newCertificate(c.CertFile, c.KeyFile, s.Log)
		if err != nil {
			return nil, err
		}
		h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: cert.get}
	}
	if s.Callback != nil {
		return &server{"callback", h, s.Callback}, nil
	}
	return listenOn("callback", s.Config.Listen.Callback, h)
}

func (s *service) adminServer() (*server, error) {
	token, err := "", error(nil)
	if t := s.Config.Listen.AdminToken; t.IsSet() {
		if token, err = t.Read(); err != nil {
			return nil, fmt.Errorf("read listen.admin_token_file: %w", err)
		}
	}
	e := handlers.NewAdmin(handlers.AdminOptions{
		Token:    token,
		NotReady: s.notReady,
		Behind:   s.behind,
		Metrics:  s.metrics.handler(),
		Log:      s.Log,
	})
	h := handlers.NewServer(e, s.Log)
	stopping, stop := context.WithCancel(context.Background())
	h.RegisterOnShutdown(stop)
	s.addAPI(e, stopping)
	return listenOn("admin", s.Config.Listen.Admin, h)
}

// addAPI adds what operators may ask and do. What an answer that goes on must
// not outlive is stopping.
func (s *service) addAPI(e *echo.Echo, stopping context.Context) {
	d := newDesk(s.Config.Tenants, s.tenants)
	r := reception{tenants: s.tenants, directory: s.directory, board: s.board, fields: intakeFields(s.Config.Events.Fields)}
	handlers.AddSubscriptions(e, d)
	handlers.AddCoverage(e, d)
	handlers.AddPresence(e, r)
	handlers.AddReport(e, r)
	handlers.AddFeed(e, feeds{r, s.bus}, handlers.FeedOptions{Stopping: stopping})
	handlers.AddExpiries(e, s.listExpiries)
	handlers.AddActivity(e, s.activity.recall)
	handlers.AddOpenAPI(e)
	handlers.AddPage(e)
}

func listenOn(name, address string, h *http.Server) (*server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen.%s: %w; stop what uses that address, or change listen.%s in the configuration", name, err, name)
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
