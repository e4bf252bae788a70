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
	also   func(context.Context) error // sets up what else is kept there; nil: nothing
	// batches: the server synchronises every write, so fewer are better.
	batches bool
	log     *slog.Logger
	sick    string // why the embedded server cannot store, as the log has it
	// offered is told what became of messages, and how long that took.
	offered func([]events.Message, []events.Ack, time.Duration)

	// ready is closed once the stream stands and the last states are restored.
	ready chan struct{}
}

// streamOptions are those of the stream here, which also keeps what waits for a
// central server.
func streamOptions(c *config.Config) events.StreamOptions {
	o := events.StreamOptions{History: c.Events.History, Replicas: c.NATS.Replicas, Batches: c.NATS.URL == ""}
	if f := c.NATS.Forward; f.URL != "" {
		o.Keep, o.MaxBytes = f.MaxAge, int64(f.MaxMiB)<<20
	}
	return o
}

// connectOptions are those of nats.url.
func connectOptions(c *config.Config, log *slog.Logger) events.ConnectOptions {
	return events.ConnectOptions{
		URL:             c.NATS.URL,
		CredentialsFile: c.NATS.CredentialsFile,
		CAFile:          c.NATS.TLS.CAFile,
		CertFile:        c.NATS.TLS.CertFile,
		KeyFile:         c.NATS.TLS.KeyFile,
		Name:            "presencebridge",
		Log:             log,
	}
}

func openBus(c *config.Config, offered func([]events.Message, []events.Ack, time.Duration), log *slog.Logger) (*bus, error) {
	b := &bus{
		log:     log,
		stream:  streamOptions(c),
		offered: offered,
		ready:   make(chan struct{}),
	}
	connect := connectOptions(c, log)
	if c.NATS.URL == "" {
		var err error
		b.batches = c.NATS.Embedded.Sync == config.SyncAlways
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
	b.Publisher, err = events.NewPublisher(b.conn, events.PublisherOptions{
		History: b.stream.History,
		// Less than a callback has for storing, so that it is the publisher who
		// notices that nobody answers, and the next callback is refused at once.
		Timeout: 1500 * time.Millisecond,
		Batches: b.batches,
	})
	return err
}

// Publish is the publisher's, counted.
func (b *bus) Publish(ctx context.Context, messages []events.Message) []events.Ack {
	began := time.Now()
	acks := b.Publisher.Publish(ctx, messages)
	b.offered(messages, acks, time.Since(began))
	return acks
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

// Purge removes everything about a person: what was published, and what adapters
// decided.
func (b *bus) Purge(ctx context.Context, tenantID, userID string) error {
	if err := b.Publisher.Purge(ctx, tenantID, userID); err != nil {
		return err
	}
	return events.PurgeDecisions(ctx, b.js, "", userID)
}

// memory is what the service remembers of the bus.
type memory interface {
	restore(events.UserEvent)
	restoreDirectory(events.DirectoryEvent)
	// reconcile compares what is remembered with the last states on the bus.
	reconcile(map[graph.Person]events.UserEvent)
	// caughtUp follows an outage.
	caughtUp()
}

// run sets the stream up, restores the last states and then watches for outages.
func (b *bus) run(ctx context.Context, m memory) error {
	wait, said := time.Second, ""
	for {
		err := b.prepare(ctx, m)
		if err == nil {
			break
		}
		b.heal()
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
	b.watch(ctx, m)
	return nil
}

func (b *bus) prepare(ctx context.Context, m memory) error {
	if err := b.setUp(ctx); err != nil {
		return err
	}
	if err := b.states(ctx, m.restore); err != nil {
		return err
	}
	return b.directory(ctx, m.restoreDirectory)
}

// directory gives the last directory event of everybody.
func (b *bus) directory(ctx context.Context, f func(events.DirectoryEvent)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for e, err := range events.LastDirectory(ctx, b.js) {
		if errors.Is(err, events.ErrMalformed) {
			continue // not ours; then the bridge tells it once more
		} else if err != nil {
			return err
		}
		f(e)
	}
	return nil
}

func (b *bus) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := events.Setup(ctx, b.js, b.stream); err != nil || b.also == nil {
		return err
	}
	return b.also(ctx)
}

// states gives the last state of everybody. What is no event of ours is passed
// over: whoever may publish could otherwise keep us from starting.
func (b *bus) states(ctx context.Context, f func(events.UserEvent)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	malformed := 0
	for e, err := range events.Snapshot(ctx, b.js) {
		switch {
		case errors.Is(err, events.ErrMalformed):
			malformed++
		case err != nil:
			return err
		default:
			f(e)
		}
	}
	if malformed > 0 {
		b.log.Warn("messages that are no events were passed over", "messages", malformed, "bucket", events.Bucket)
	}
	return nil
}

// watch asks every second, since a bus that nobody publishes to is not noticed
// to be away, nor to be back.
func (b *bus) watch(ctx context.Context, m memory) {
	away, reconnects := false, b.conn.Stats().Reconnects
	for tick := 0; sleep(ctx, time.Second); tick++ {
		now := b.conn.Stats().Reconnects
		b.heal()
		switch available := b.Publisher.Available(); {
		case !available && !away:
			away = true
			b.log.Error("nats is away, notifications are answered 503 until it is back")
		case !available && tick%5 == 0 && b.conn.IsConnected():
			// The server is there, the stream is not: it may have lost its store.
			if err := b.setUp(ctx); err != nil {
				b.log.Debug("stream not set up", "error", err)
			}
		case available && (away || now != reconnects):
			if err := b.reconcile(ctx, m); err != nil {
				b.log.Warn("last states not compared after an outage, trying again", "error", err)
				continue
			}
			away, reconnects = false, now
			b.log.Info("nats is back")
			m.caughtUp()
		}
	}
}

// heal takes up the embedded server's store again, which it gives up when a
// write fails, as on a full disk.
func (b *bus) heal() {
	if b.broker == nil {
		return
	}
	err := b.broker.Sick()
	if err == nil {
		b.sick = ""
		return
	}
	if failed := b.broker.Heal(); failed == nil {
		b.log.Warn("the embedded nats server has taken up its store again", "after", err)
	} else if text := failed.Error(); text != b.sick {
		b.sick = text
		b.log.Error("the embedded nats server cannot store, notifications are answered 503", "error", failed, "after", err)
	}
}

// reconcile follows an outage: what the bus had acknowledged may be gone.
func (b *bus) reconcile(ctx context.Context, m memory) error {
	if err := b.setUp(ctx); err != nil {
		return err
	}
	held := map[graph.Person]events.UserEvent{}
	err := b.states(ctx, func(e events.UserEvent) {
		held[graph.Person{TenantID: e.Data.TenantID, UserID: e.Data.User.ID}] = e
	})
	if err == nil {
		m.reconcile(held)
	}
	return err
}

func (b *bus) close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.broker != nil {
		b.broker.Close()
	}
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
