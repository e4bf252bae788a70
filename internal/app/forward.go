package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/forward"
	"jtel.de/presencebridge/internal/graph"
)

// forwarding is the way to the central server, and the connection to it.
type forwarding struct {
	relay atomic.Pointer[forward.Relay]
	renew func() (*forward.Relay, error)
	conn  *nats.Conn
	js    jetstream.JetStream
}

// openForward connects to the central server; nil if the configuration names none.
func (s *service) openForward(c config.NATS) (*forwarding, error) {
	if c.Forward.URL == "" {
		return nil, nil
	}
	conn, err := events.Connect(centralServer(c.Forward, s.Log.With("server_of", "nats.forward")))
	if err != nil {
		return nil, err
	}
	f := &forwarding{conn: conn}
	options := forward.Options{
		Local:    s.bus.js,
		Central:  conn,
		History:  s.Config.Events.History,
		Replicas: c.Forward.Replicas,
		Tenants:  s.tenantIDs(),
		Watched: func(tenantID, userID string) bool {
			return s.watched(graph.Person{TenantID: tenantID, UserID: userID})
		},
		Log: s.Log,
	}
	f.renew = func() (*forward.Relay, error) {
		relay, err := forward.New(options)
		if err == nil {
			f.relay.Store(relay)
		}
		return relay, err
	}
	if _, err = f.renew(); err != nil {
		conn.Close()
		return nil, err
	}
	if f.js, err = jetstream.New(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	s.metrics.forward(f.Status)
	return f, nil
}

// Status is that of the relay of now.
func (f *forwarding) Status() forward.Status { return f.relay.Load().Status() }

// centralServer is how nats.forward is reached.
func centralServer(c config.Forward, log *slog.Logger) events.ConnectOptions {
	return events.ConnectOptions{
		URL: c.URL, CredentialsFile: c.CredentialsFile, CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile,
		Name: "presencebridge forward", Log: log,
	}
}

func (s *service) tenantIDs() []string {
	var ids []string
	for _, t := range s.Config.Tenants {
		ids = append(ids, t.ID)
	}
	return slices.Clip(ids)
}

// forward runs once the local stream stands. Of several instances one forwards,
// each time with a relay that remembers nothing of before.
func (s *service) forward(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.bus.ready:
	}
	if s.instances == nil {
		return s.forwarding.relay.Load().Run(ctx)
	}
	for l := s.instances.lease("forward", s.Log); l.Acquire(ctx); {
		relay, err := s.forwarding.renew()
		if err == nil {
			err = during(ctx, l, relay.Run)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forward shows how far behind the central server is.
func (m *metrics) forward(status func() forward.Status) {
	gauge := func(name, help string, value func(forward.Status) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(status()) }))
	}
	counter := func(name, help string, value func(forward.Status) float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return value(status()) }))
	}
	gauge("presencebridge_forward_up", "1 while the central server takes what is forwarded, else 0.", func(s forward.Status) float64 {
		if s.Trouble != "" {
			return 0
		}
		return 1
	})
	gauge("presencebridge_forward_pending", "Messages that wait for the central server.", func(s forward.Status) float64 { return float64(s.Pending) })
	gauge("presencebridge_forward_oldest_timestamp_seconds", "When the oldest message that waits for the central server was stored; 0 if none waits.", func(s forward.Status) float64 {
		if s.Since.IsZero() {
			return 0
		}
		return float64(s.Since.UnixMilli()) / 1000
	})
	counter("presencebridge_forward_messages_total", "Messages that the central server has taken.", func(s forward.Status) float64 { return float64(s.Forwarded) })
	counter("presencebridge_forward_dropped_total", "Messages that nats.forward.max_age or max_mib took before they were forwarded.", func(s forward.Status) float64 { return float64(s.Dropped) })
}
