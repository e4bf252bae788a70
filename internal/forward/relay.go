package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

const (
	// batch is how many messages are in hand at most.
	batch = 500
	// linkPause is how often the link is looked at while it is down.
	linkPause = 250 * time.Millisecond
	// Pauses after failures double from the first to the longest.
	firstPause   = 250 * time.Millisecond
	longestPause = time.Second
	// idle is how long a fetch waits for the next message.
	idle = 5 * time.Second
	// trimEvery is how often what was forwarded long ago is removed.
	trimEvery = time.Minute
	// levelEvery is how often the last states are compared without a reason.
	levelEvery = time.Hour
	// step bounds each conversation with a server, answer that with the central
	// one about its streams, which is repeated anyway.
	step   = 15 * time.Second
	answer = 3 * time.Second
	// noteWithin is less than a stop has for everything.
	noteWithin = 5 * time.Second
)

// Options of [New]. All but Replicas and Log are required.
type Options struct {
	Local   jetstream.JetStream
	Central *nats.Conn // made by events.Connect
	// History is how long messages stay on the local stream after they were
	// forwarded, and on a central stream that is made here.
	History time.Duration
	// Replicas of stream and bucket that are made on the central server.
	Replicas int
	// Tenants are the ids of those whose last states are kept equal.
	Tenants []string
	// Watched is false for somebody who is known to have left.
	Watched func(tenantID, userID string) bool
	Log     *slog.Logger
}

// Relay is the way from the local stream to the central server.
type Relay struct {
	Options
	publisher *events.Publisher
	js        jetstream.JetStream // of the central server
	status    atomic.Pointer[Status]
	forwarded atomic.Uint64
	dropped   atomic.Uint64

	place   place
	noted   place           // as it is stored, as far as is known
	held    []jetstream.Msg // read, not yet forwarded
	counted uint64          // up to here it is known what was dropped
	leveled time.Time       // zero: to be done after the next catch-up
	trimmed time.Time
	said    string
}

// New starts nothing. It fails on a connection that buffers.
func New(o Options) (*Relay, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	r := &Relay{Options: o}
	r.status.Store(&Status{})
	var err error
	// The way there may be slow.
	if r.publisher, err = events.NewPublisher(o.Central, events.PublisherOptions{Timeout: 5 * time.Second, History: o.History}); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	if r.js, err = jetstream.New(o.Central); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	return r, nil
}

// Run forwards until ctx ends. The local stream must stand.
func (r *Relay) Run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		before := r.forwarded.Load()
		err := r.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		r.failed(ctx, err)
		// A link that was cut tells nobody: a new connection finds out when it is
		// back, long before the old one would.
		if errors.Is(err, events.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			_ = r.Central.ForceReconnect() // fails on a closed connection only
		}
		if r.forwarded.Load() != before {
			pause = firstPause
		}
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, longestPause)
	}
	return nil
}

// failed notes a failure, once in the log as long as it stays the same.
func (r *Relay) failed(ctx context.Context, err error) {
	r.leveled = time.Time{}
	if text := err.Error(); text != r.said {
		r.said = text
		r.Log.Warn("nothing goes to the central nats server, changes are kept here and it is tried again", "error", err)
	}
	r.look(ctx, err.Error())
}

// session forwards from the place reached until something fails.
func (r *Relay) session(ctx context.Context) error {
	target, err := r.open(ctx)
	if err != nil {
		return err
	}
	if !r.link(ctx) {
		return ctx.Err()
	}
	if err := r.setUp(ctx); err != nil {
		return err
	}
	if err := r.drain(ctx); err != nil { // what was in hand when something failed
		return err
	}
	source, err := r.source(ctx)
	if err != nil {
		return err
	}
	defer source.close(ctx)
	for ctx.Err() == nil {
		if r.held, err = source.next(ctx); err != nil {
			return err
		}
		if err := r.drain(ctx); err != nil {
			return err
		}
		if err := r.routine(ctx, source, target); err != nil {
			return err
		}
	}
	return nil
}

// link waits until the central server can be reached.
func (r *Relay) link(ctx context.Context) bool {
	for waits := 1; !r.Central.IsConnected(); waits++ {
		if waits%4 == 0 { // longer than a reconnect takes
			r.failed(ctx, errLink)
		}
		if !sleep(ctx, linkPause) {
			return false
		}
	}
	return true
}

var errLink = errors.New("it cannot be reached; check nats.forward.url and the network")

func (r *Relay) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	if err := events.SetupMissing(ctx, r.js, events.StreamOptions{History: r.History, Replicas: r.Replicas}); err != nil {
		return fmt.Errorf("central server: %w", err)
	}
	return nil
}

// drain forwards what is in hand and notes the place. What fails stays in hand.
func (r *Relay) drain(ctx context.Context) error {
	if len(r.held) == 0 {
		return nil
	}
	for len(r.held) > 0 {
		run := firstRun(r.held)
		if err := r.send(ctx, run); err != nil {
			return errors.Join(err, r.note(ctx))
		}
		r.place.Sequence = sequenceOf(run[len(run)-1])
		r.held = r.held[len(run):]
		r.forwarded.Add(uint64(len(run)))
	}
	return r.note(ctx)
}

// send publishes a run, of which no two messages are about the same person, and
// waits for every acknowledgement.
func (r *Relay) send(ctx context.Context, run []jetstream.Msg) error {
	out := make([]events.Message, len(run))
	for i, m := range run {
		out[i] = events.PassOn(m, r.place.id(sequenceOf(m)))
	}
	for i, ack := range r.publisher.Publish(ctx, out) {
		switch {
		case ack.Err == nil:
		case hopeless(ack.Err):
			r.Log.Error("the central nats server refuses a message, it is left out", "sequence", sequenceOf(run[i]), "error", ack.Err)
		default:
			return fmt.Errorf("publish to the central server: %w", ack.Err)
		}
	}
	return nil
}

// hopeless reports whether a message will never be taken, whatever happens.
func hopeless(err error) bool {
	const tooLarge = 10054
	api, ok := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, nats.ErrMaxPayload) || ok && api.ErrorCode == tooLarge
}

// routine is what is done between batches.
func (r *Relay) routine(ctx context.Context, from *source, target uint64) error {
	caughtUp, err := r.lookAt(ctx, from)
	if err != nil {
		return err
	}
	now := time.Now()
	if (caughtUp || r.place.Sequence >= target) && now.Sub(r.leveled) >= levelEvery {
		if err := r.level(ctx); err != nil {
			return err
		}
		if r.leveled.IsZero() {
			r.said = ""
			r.Log.Info("the central nats server has everything")
		}
		r.leveled = now
	}
	if now.Sub(r.trimmed) >= trimEvery {
		if err := r.trim(ctx, now.Add(-r.History)); err != nil {
			return err
		}
		r.trimmed = now
	}
	return nil
}

// firstRun is the longest start of the list in which nobody comes twice: what
// may be under way together without a failure changing anybody's order.
func firstRun(list []jetstream.Msg) []jetstream.Msg {
	seen := map[string]bool{}
	end := slices.IndexFunc(list, func(m jetstream.Msg) bool {
		about := aboutWhom(m.Subject())
		twice := seen[about]
		seen[about] = true
		return twice
	})
	if end < 0 {
		return list
	}
	return list[:end]
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
