package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
)

// bus is NATS as the service has it: the embedded server or a connection to
// another one, and whether it can take events now.
type bus struct {
	*events.Publisher
	broker *broker.Broker // nil with an external server
	conn   *nats.Conn
	js     jetstream.JetStream
	stream events.StreamOptions
	log    *slog.Logger

	// ready is closed once the stream stands and the last states are restored.
	ready chan struct{}
}

func openBus(c *config.Config, log *slog.Logger) (*bus, error) {
	b := &bus{
		log:    log,
		stream: events.StreamOptions{History: c.Events.History, Replicas: c.NATS.Replicas},
		ready:  make(chan struct{}),
	}
	connect := events.ConnectOptions{
		URL:             c.NATS.URL,
		CredentialsFile: c.NATS.CredentialsFile,
		CAFile:          c.NATS.TLS.CAFile,
		CertFile:        c.NATS.TLS.CertFile,
		KeyFile:         c.NATS.TLS.KeyFile,
		Name:            "presencebridge",
		Log:             log,
	}
	if c.NATS.URL == "" {
		var err error
		b.broker, err = broker.Start(broker.Options{
			Dir:        filepath.Join(c.DataDir, "nats"),
			Listen:     c.NATS.Embedded.Listen,
			SyncAlways: c.NATS.Embedded.Sync == config.SyncAlways,
			Log:        log,
		})
		if err != nil {
			return nil, err
		}
		connect.InProcess = b.broker.InProcess()
	}
	if err := b.connect(connect); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bus) connect(o events.ConnectOptions) (err error) {
	if b.conn, err = events.Connect(o); err != nil {
		return err
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	b.Publisher, err = events.NewPublisher(b.conn, events.PublisherOptions{History: b.stream.History})
	return err
}

// Available reports whether an event would be stored now, as far as is known.
func (b *bus) Available() bool {
	select {
	case <-b.ready:
		return b.Publisher.Available()
	default:
		return false
	}
}

// run sets the stream up, restores the last states and then watches for
// outages; back is called after each of them.
func (b *bus) run(ctx context.Context, restore func(events.UserEvent), restoreDirectory func(events.DirectoryEvent), back func()) error {
	wait, said := time.Second, ""
	for {
		err := b.prepare(ctx, restore, restoreDirectory)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		if text := err.Error(); text != said {
			said = text
			b.log.Error("nats is not ready, trying again", "error", err)
		}
		if !sleep(ctx, wait) {
			return nil
		}
		wait = min(2*wait, 15*time.Second)
	}
	close(b.ready)
	b.log.Info("nats ready", "stream", events.Stream)
	b.watch(ctx, back)
	return nil
}

func (b *bus) prepare(ctx context.Context, restore func(events.UserEvent), restoreDirectory func(events.DirectoryEvent)) error {
	setup, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := events.Setup(setup, b.js, b.stream); err != nil {
		return err
	}
	reading, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for e, err := range events.Snapshot(reading, b.js) {
		if err != nil {
			return err
		}
		restore(e)
	}
	for e, err := range events.LastDirectory(reading, b.js) {
		if errors.Is(err, events.ErrMalformed) {
			continue // not ours; then the bridge tells it once more
		} else if err != nil {
			return err
		}
		restoreDirectory(e)
	}
	return nil
}

// watch asks every second, since a bus that nobody publishes to is not noticed
// to be away, nor to be back.
func (b *bus) watch(ctx context.Context, back func()) {
	away := false
	for sleep(ctx, time.Second) {
		switch available := b.Publisher.Available(); {
		case !available && !away:
			away = true
			b.log.Error("nats is away, notifications are answered 503 until it is back")
		case available && away:
			away = false
			b.log.Info("nats is back")
			back()
		}
	}
}

func (b *bus) close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.broker != nil {
		b.broker.Close()
	}
}

// caughtUp follows an outage of the bus: what changed meanwhile is read and told.
func (s *service) caughtUp() {
	for _, t := range s.tenants {
		t.sweeper.AskAll(graph.OriginSweep)
		t.sweeper.Retry()
	}
	s.tidySoon()
}

// sleep reports whether the whole time went by.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
