package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

const (
	// ackWait is short, because after a crash the event that was in hand comes
	// again only then; a repeat that comes too early is recognised and costs nothing.
	ackWait = 5 * time.Second
	// retryMin is the first pause before a decision that a sink did not take comes again.
	retryMin = 250 * time.Millisecond
	// startAgain is the pause after the server lost our consumer or could not be asked.
	startAgain = 2 * time.Second
)

func runCommand() *cobra.Command {
	var b bus
	var rulesFile, post, secretFile, level string
	var timeout time.Duration
	var replicas int
	var publish bool
	cmd := &cobra.Command{
		Use:   "run --rules FILE [--nats URL] [--post URL --post-secret-file FILE]",
		Short: "Consume presence and publish decisions",
		Long: "Consume presence events and publish decisions until SIGINT or SIGTERM. Decisions go to\n" +
			"presence.v1.decision.<client>.<userId>, and to --post as signed HTTP requests. Run one\n" +
			"process for each --name. It waits for NATS and for the bridge, now and at any later time.",
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var l slog.Level
			if err := l.UnmarshalText([]byte(level)); err != nil {
				return usageError{fmt.Errorf("--log %q is none of debug, info, warn, error", level)}
			}
			log := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: l}))
			set, err := loadRules(rulesFile)
			if err != nil {
				return err
			}
			if !publish && post == "" {
				return usageError{errors.New("--publish=false needs --post URL: decisions must go somewhere")}
			}
			var sinks []Sink
			if post != "" {
				key, err := readSecret(secretFile)
				if err != nil {
					return err
				}
				w, err := newWebhook(post, key, timeout)
				if err != nil {
					return err
				}
				sinks = append(sinks, w)
			}
			nc, js, err := b.open(log)
			if err != nil {
				return err
			}
			defer nc.Close()
			if publish {
				publisher, err := events.NewPublisher(nc, events.PublisherOptions{})
				if err != nil {
					return err
				}
				sinks = append([]Sink{streamSink{publisher}}, sinks...)
			}
			return serve(cmd.Context(), newDesk(set, js, log, sinks), js, b.name, replicas)
		},
	}
	b.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&rulesFile, "rules", "", "rules `FILE` (YAML)")
	f.BoolVar(&publish, "publish", true, "publish decisions on NATS")
	f.StringVar(&post, "post", "", "also post each decision to this `URL`")
	f.StringVar(&secretFile, "post-secret-file", "", "`FILE` with the secret that signs what is posted")
	f.DurationVar(&timeout, "post-timeout", 3*time.Second, "how long one attempt to post may take")
	f.IntVar(&replicas, "replicas", 1, "copies of the bucket in a NATS cluster")
	f.StringVar(&level, "log", "info", "log `LEVEL`: debug, info, warn or error")
	return cmd
}

func newDesk(set *rules.Set, js jetstream.JetStream, log *slog.Logger, sinks []Sink) *desk {
	return &desk{
		rules: set, sinks: sinks, now: time.Now, log: log, changed: make(chan struct{}, 1),
		last: func(ctx context.Context, tenantID, userID string) (string, error) {
			e, err := lastEvent(ctx, js, tenantID, userID)
			if errors.Is(err, jetstream.ErrKeyNotFound) {
				err = nil // they left, which the stream is about to tell
			}
			return e.ID, err
		},
		purge: func(ctx context.Context, client, userID string) error {
			return events.PurgeDecisions(ctx, js, client, userID)
		},
	}
}

// lastEvent is the last event about a person.
func lastEvent(ctx context.Context, js jetstream.JetStream, tenantID, userID string) (events.UserEvent, error) {
	key, err := events.BucketKey(tenantID, userID)
	if err != nil {
		return events.UserEvent{}, err
	}
	kv, err := js.KeyValue(ctx, events.Bucket)
	if err != nil {
		return events.UserEvent{}, fmt.Errorf("open bucket %s: %w", events.Bucket, err)
	}
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return events.UserEvent{}, fmt.Errorf("last event of a person: %w", err)
	}
	return events.Decode[events.UserData](entry.Value())
}

// RunEvents consumes until the context ends: everybody's last state first, then
// every change. Whatever ends the consumption leads back to the beginning.
func (d *desk) RunEvents(ctx context.Context, js jetstream.JetStream, name string, replicas int) error {
	for {
		err := d.consume(ctx, js, name, replicas)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			err = fmt.Errorf("%w; the bridge makes stream and bucket when it starts", err)
		}
		d.log.Warn("consumption interrupted", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(startAgain):
		}
	}
}

func (d *desk) consume(ctx context.Context, js jetstream.JetStream, name string, replicas int) error {
	book, err := openBook(ctx, js, name, replicas)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, events.Stream)
	if err != nil {
		return err
	}
	// Read as a whole first: sinks may be slow, and half a snapshot is none.
	var snapshot []events.UserEvent
	for e, err := range events.Snapshot(ctx, js) {
		switch {
		case errors.Is(err, events.ErrMalformed):
			d.log.Warn("malformed event", "error", err)
		case err != nil:
			return err
		default:
			snapshot = append(snapshot, e)
		}
	}
	if err := d.Reconcile(ctx, book, stream.CachedInfo().State.FirstSeq, snapshot); err != nil {
		return err
	}
	accept := func(ctx context.Context, e events.UserEvent) error {
		err := d.Accept(ctx, e)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("event not done, it comes again", "event", e.ID, "error", err)
		}
		return err
	}
	return events.Consume(ctx, js, events.ConsumerOptions{
		Durable: name, AckWait: ackWait, RetryMin: retryMin, Removed: d.Forget,
		// We were cut off or held up for longer than the stream keeps events: nothing
		// that the snapshot tells comes again.
		Snapshot: func(ctx context.Context, everybody []events.UserEvent) error {
			err := d.Reconcile(ctx, book, math.MaxUint64, everybody)
			if err != nil && ctx.Err() == nil {
				d.log.Warn("not up to date, everybody comes again", "error", err)
			}
			return err
		},
		Malformed: func(err error) { d.log.Warn("malformed event", "error", err) },
	}, accept)
}
